"""Training: AdamW on the interventions, with the base model frozen and the loss on the reply tokens."""

import hashlib
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.demonstrations import Demonstration, Limits, check_demonstrations
from reft_studio.errors import RecipeError, TrainingError, UnstableError
from reft_studio.intervention import Interventions, build_interventions, learned, parameters_of
from reft_studio.lora import lora_to_tensors
from reft_studio.lora_layers import TrainableLoRA, check_lora
from reft_studio.positions import parse_positions
from reft_studio.recipe import Recipe, Schedule
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.train.events import Event, Finished, Started, Step
from reft_studio.train.examples import Example, build_examples
from reft_studio.train.passes import Passes
from reft_studio.train.prefix import FrozenPrefix, NotSupportedError
from reft_studio.train.recording import record
from reft_studio.train.reference import Reference
from reft_studio.train.start import align, take_over
from reft_studio.weights import to_tensors

TOLERANCE, COARSE = 1e-4, 5e-2
"""Relative difference of states that rounding explains, in float32 and in half precision or fewer bits.

Where a past or its places are wrong it is a tenth and more.
"""
ALIGNED_BY = 256
"""So many demonstrations tell where a training starts; more would only take longer."""


class Training:
    """One training, from demonstrations to a bot. The same seed gives the same losses, bit for bit.

    With `start_from` it begins with what a bot has learned, by the same form of recipe. With `shared`, which
    are passes over the same rows, it computes less and comes to the same. Raises DemonstrationsError,
    RecipeError, BotError or TrainingError where it cannot begin.
    """

    def __init__(
        self,
        base: BaseModel,
        demonstrations: Sequence[Demonstration],
        recipe: Recipe | None = None,
        *,
        system_prompt: str | None = None,
        limits: Limits | None = None,
        start_from: Bot | None = None,
        shared: Passes | None = None,
    ) -> None:
        self.recipe = recipe or Recipe.for_model(base.num_layers, base.width)
        check_recipe(self.recipe, base)
        self._base, self._system_prompt, self._shared = base, system_prompt, shared
        positions = parse_positions(self.recipe.positions)
        self._rows = check_demonstrations(demonstrations, limits)
        if shared:
            assert shared.rows == self._rows
            self._examples = shared.examples(positions)
        else:
            base.check_blocks()
            self._examples = build_examples(base, demonstrations, positions, system_prompt, limits)
        self._short_rows = tuple(
            row.prompt
            for row, example in zip(self._rows, self._examples, strict=True)
            if len(example.prompt_ids) < positions.first + positions.last
        )
        self._interventions = build_interventions(self.recipe, base.width)
        for intervention in self._interventions.values():
            intervention.to(base.device)
        self._lora = TrainableLoRA(base, self.recipe.lora_rank, self.recipe.seed)
        check_lora(base, self._lora.learned())
        self._start = start_from
        if start_from:
            start_from.check_base(base)
            take_over(start_from, self.recipe, self._interventions, self._lora)
        parameters: list[Tensor] = [*parameters_of(self._interventions)]
        parameters += (p for weights in self._lora.parameters().values() for p in (weights.A, weights.B))
        # Its own decay goes towards zero, and an edit of zeros is not one that changes nothing.
        self._optimizer = torch.optim.AdamW(parameters, lr=self.recipe.learning_rate, weight_decay=0)
        self._losses: list[float] = []
        self._seconds = 0.0
        self._recorded: Callable[[], Tensor] | None = None

    @property
    def losses(self) -> tuple[float, ...]:
        """Of all steps so far, those before a pause too."""
        return tuple(self._losses)

    @property
    def step(self) -> int:
        """How many steps were taken."""
        return len(self._losses)

    @property
    def seconds(self) -> float:
        """How long it took so far, with what happens between its steps, and before a pause too."""
        return self._seconds

    @property
    def total_steps(self) -> int:
        """Optimizer steps from the first to the last epoch."""
        rows = self.recipe.batch_size * self.recipe.accumulation
        return self.recipe.epochs * math.ceil(len(self._examples) / rows)

    def events(self) -> Iterator[Event]:
        """Train step by step; to cancel, stop iterating. Raises UnstableError where a step has no numbers."""
        called_at = time.monotonic() - self._seconds
        path, slow_because = self._choose_path()
        total, before = self.total_steps, self.step
        tensors = to_tensors(learned(self._interventions)) | lora_to_tensors(self._lora.learned())
        numbers = sum(tensor.numel() for tensor in tensors.values())
        parameters = sum(parameter.numel() for parameter in self._base.model.parameters())
        has_template = bool(self._base.tokenizer.chat_template)
        yield Started(total, numbers, parameters, slow_because, self._short_rows, has_template)
        if not before and not self._start:
            self._align(path)
        begun = time.monotonic()
        for epoch, batches in itertools.islice(_order(len(self._examples), self.recipe), before, None):
            loss = self._take_step(path, batches)
            self._seconds = time.monotonic() - called_at
            spent = time.monotonic() - begun
            yield Step(self.step, epoch, loss, spent / (self.step - before) * (total - self.step))
        yield Finished()

    @property
    def epoch(self) -> int:
        """The one that the last step belongs to; 0 before the first step."""
        return math.ceil(self.step * self.recipe.epochs / self.total_steps)

    def bot(self, name: str = "My bot") -> Bot:
        """The bot as it stands now, without a self-test."""
        weights = learned(self._interventions)
        return Bot.from_training(
            self._base,
            self.recipe,
            weights,
            self._lora.learned(),
            name=name,
            system_prompt=self._system_prompt,
            stopped_after=self.epoch if 0 < self.step < self.total_steps else None,
        )

    def checkpoint(self) -> Checkpoint:
        """Where the training stands, to go on from later."""
        return Checkpoint.take(
            self._fingerprint(),
            self._losses,
            self._seconds,
            self._interventions,
            self._lora,
            self._optimizer,
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from there; raises TrainingError if it is the checkpoint of another training."""
        if checkpoint.fingerprint != self._fingerprint():
            raise TrainingError(
                "The rows, the settings or the base model have changed since this training was paused, so it "
                "cannot go on. Train from the start."
            )
        checkpoint.restore(self._interventions, self._lora, self._optimizer)
        self._losses, self._seconds = list(checkpoint.losses), checkpoint.seconds

    def _take_step(self, path: FrozenPrefix | Reference, batches: Sequence[list[int]]) -> float:
        """One optimizer step; returns the mean loss per reply token before it, in nats."""
        recipe, total = self.recipe, self.total_steps
        learning_rate = recipe.learning_rate * rate(recipe, self.step, total)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.zero_grad()
        gradients = self._gradients(path, batches)
        with self._lora.in_place(), self._own_randomness():
            told = gradients()
            slopes = [p.grad for p in self._trainable() if p.grad is not None]
            norm = nn.utils.get_total_norm(slopes).to(told)
            # Asked for at once: to tell a number, a graphics card has to be done with all it was given.
            loss, steepness = map(float, torch.stack([told, norm]).tolist())
        if not math.isfinite(loss + steepness):
            raise UnstableError(self._why_unstable(loss))
        if recipe.max_grad_norm is not None:
            nn.utils.clip_grads_with_norm_(self._trainable(), recipe.max_grad_norm, norm)
        self._optimizer.step()
        share = min(1.0, learning_rate * recipe.weight_decay)
        for intervention in self._interventions.values():
            intervention.fade(share)
        self._lora.fade(share)
        self._losses.append(loss)
        return loss

    def _why_unstable(self, loss: float) -> str:
        if not self.step and not self._start and not math.isfinite(loss):
            # An edit that has learned nothing changes nothing.
            return (
                f'"{self._base.id}" as a base model gives no numbers for these rows in {self._base.dtype}. '
                "Load it in another precision, or choose another one."
            )
        return (
            f"The training became unstable in step {self.step + 1} of {self.total_steps}: the loss or its "
            "slope is no longer a number. Set a lower learning rate (it is "
            f"{self.recipe.learning_rate:g}) and train again."
        )

    def _gradients(
        self, path: FrozenPrefix | Reference, batches: Sequence[list[int]]
    ) -> Callable[[], Tensor]:
        """What computes the mean loss per reply token of a step, and the gradients."""
        if self._recorded:
            return self._recorded
        tokens = sum(len(self._examples[index].reply_ids) for batch in batches for index in batch)
        scaled = self._trainable() if self._base.dtype == "float16" else []
        gradients: Callable[[], Tensor] = partial(_backward, path, batches, tokens, scaled)
        always_the_same = isinstance(path, FrozenPrefix) and len(self._examples) <= self.recipe.batch_size
        if always_the_same and self._base.device.type == "cuda":
            with self._own_randomness():
                gradients = self._recorded = record(gradients, self._trainable())
        return gradients

    def _trainable(self) -> list[nn.Parameter]:
        return [p for group in self._optimizer.param_groups for p in group["params"]]

    def _choose_path(self) -> tuple[FrozenPrefix | Reference, str | None]:
        if self.recipe.lora_rank:
            reason = "a LoRA changes the states and keys that would be stored"
            return Reference(self._base, self._examples, self._interventions), reason
        return choose_path(
            self._base, self._examples, self._interventions, self.recipe.batch_size, self._shared
        )

    def _align(self, path: FrozenPrefix | Reference) -> None:
        rows = torch.arange(min(len(self._examples), ALIGNED_BY))
        with self._lora.in_place(), self._own_randomness():
            batches = [batch.tolist() for batch in torch.split(rows, self.recipe.batch_size)]
            align(self._interventions, path, batches)

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """What dropout leaves out follows from the step alone: a resumed training leaves out the same."""
        devices = [self._base.device] if self._base.device.type == "cuda" else []
        with torch.random.fork_rng(devices, enabled=self.recipe.dropout > 0):
            if self.recipe.dropout:
                torch.manual_seed(self.recipe.seed + self.step)
            yield

    def _fingerprint(self) -> str:
        base = self._base
        # Not the rendered prompts: there are templates that write today's date.
        described = [
            self.recipe.model_dump_json(),
            *(base.digest(), base.template_digest, base.dtype, str(base.quantization)),
            str(self._system_prompt),
            self._start.manifest.created if self._start else "",
            *(f"{row.prompt!r} {row.reply!r}" for row in self._rows),
        ]
        return hashlib.sha256("\n".join(described).encode()).hexdigest()


def check_recipe(recipe: Recipe, base: BaseModel) -> None:
    """Raises RecipeError where a recipe asks for what this base model does not have."""
    parse_positions(recipe.positions)
    if (highest := max(recipe.layers)) >= base.num_layers:
        raise RecipeError(
            f"There is no layer {highest}: this model has layers 0 to {base.num_layers - 1}. "
            "Choose one of them."
        )
    if recipe.rank > base.width:
        raise RecipeError(
            f"The rank {recipe.rank} is too high: this model allows 1 to {base.width}. Lower it."
        )


def choose_path(
    base: BaseModel,
    examples: Sequence[Example],
    interventions: Interventions,
    batch_size: int,
    shared: Passes | None = None,
) -> tuple[FrozenPrefix | Reference, str | None]:
    """The fast path where the head sees the same as in a whole forward pass, else the reference, and why."""
    by_length = sorted(range(len(examples)), key=lambda index: -len(examples[index]))
    try:
        fast = FrozenPrefix(base, examples, interventions, shared)
        exact = base.dtype == "float32" and base.quantization is None
        # The first step's rows, and the longest ones: there are models that count long texts otherwise.
        first = range(min(len(examples), batch_size))
        for chosen in dict.fromkeys((tuple(sorted(by_length[:batch_size])), tuple(first))):
            fast.check(chosen, TOLERANCE if exact else COARSE)
    except NotSupportedError as reason:
        return Reference(base, examples, interventions), str(reason)
    return fast, None


def rate(recipe: Recipe, step: int, total: int) -> float:
    """The share of the learning rate at a step, counted from 0: first the warm-up, then the schedule."""
    warmup = round(recipe.warmup * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    left = 1 - (step - warmup) / max(1, total - warmup)
    match recipe.schedule:
        case Schedule.LINEAR:
            return left
        case Schedule.COSINE:
            return (1 - math.cos(math.pi * left)) / 2
        case Schedule.CONSTANT:
            return 1.0


def _order(count: int, recipe: Recipe) -> Iterator[tuple[int, list[list[int]]]]:
    """The batches of demonstrations of each step, in a fresh order in each epoch, counted from 1."""
    generator = torch.Generator().manual_seed(recipe.seed)
    for epoch in range(1, recipe.epochs + 1):
        # All of them in one batch always come in the same order: then nothing about the batch changes.
        whole = count <= recipe.batch_size
        order = torch.arange(count) if whole else torch.randperm(count, generator=generator)
        batches = [batch.tolist() for batch in torch.split(order, recipe.batch_size)]
        for start in range(0, len(batches), recipe.accumulation):
            yield epoch, batches[start : start + recipe.accumulation]


def _backward(
    path: FrozenPrefix | Reference,
    batches: Sequence[Sequence[int]],
    tokens: int,
    scaled: Sequence[nn.Parameter] = (),
) -> Tensor:
    """The summed loss over `tokens`, with its gradients added to those in the interventions.

    Those in `scaled`, which have none before, are divided when they are there: float16 has no numbers for
    what is so small on its way through the model.
    """
    losses, divisor = [], 1 if scaled else tokens
    # The caller may itself stand in a no_grad block, and a generator must not change that between steps.
    with torch.enable_grad():
        for chosen in batches:
            loss = path.loss(chosen) / divisor
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
    for parameter in scaled:
        if parameter.grad is not None:
            parameter.grad /= tokens
    total = torch.stack(losses).sum()
    return total / tokens if scaled else total
