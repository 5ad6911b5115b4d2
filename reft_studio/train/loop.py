"""Training: AdamW on the interventions, with the base model frozen and the loss on the reply tokens."""

import math
import time
from collections.abc import Iterator, Sequence

import torch

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.errors import RecipeError, TrainingError
from reft_studio.intervention import Interventions, build_interventions, learned, parameter_groups
from reft_studio.positions import parse_positions
from reft_studio.recipe import Recipe
from reft_studio.train.events import Event, Finished, Started, Step
from reft_studio.train.examples import Example, build_examples
from reft_studio.train.prefix import FrozenPrefix, NotSupportedError
from reft_studio.train.reference import Reference

TOLERANCE = {"float32": 1e-4}
COARSE = 2e-2
"""Relative difference of losses that rounding explains, in float32 and in half precision."""


def training_events(
    base: BaseModel,
    demonstrations: Sequence[Demonstration],
    recipe: Recipe | None = None,
    *,
    name: str = "My bot",
    system_prompt: str | None = None,
    limits: Limits | None = None,
) -> Iterator[Event]:
    """Train step by step; to cancel, stop iterating. The same seed gives the same losses.

    Raises DemonstrationsError or RecipeError before the first event, TrainingError if the loss is lost.
    """
    recipe = recipe or Recipe.for_depth(base.num_layers)
    check_recipe(recipe, base)
    examples = build_examples(base, demonstrations, parse_positions(recipe.positions), system_prompt, limits)
    interventions = build_interventions(recipe, base.width)
    for intervention in interventions.values():
        intervention.to(base.device)
    groups = parameter_groups(interventions, recipe.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    path, slow_because = choose_path(base, examples, interventions, recipe.batch_size)
    total = recipe.epochs * math.ceil(len(examples) / recipe.batch_size)

    yield Started(total, slow_because)
    begun = time.monotonic()
    for step, (epoch, chosen) in enumerate(_order(len(examples), recipe), start=1):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 - (step - 1) / total)
        optimizer.zero_grad()
        loss = _backward(path, chosen, sum(len(examples[index].reply_ids) for index in chosen))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The training became unstable in step {step} of {total}: the loss is no longer a number. "
                f"Set a lower learning rate (it is {recipe.learning_rate:g}) and train again."
            )
        optimizer.step()
        yield Step(step, epoch, loss, (time.monotonic() - begun) / step * (total - step))

    weights = learned(interventions)
    yield Finished(Bot.from_training(base, recipe, weights, name=name, system_prompt=system_prompt))


def choose_path(
    base: BaseModel, examples: Sequence[Example], interventions: Interventions, batch_size: int
) -> tuple[FrozenPrefix | Reference, str | None]:
    """The fast path where it gives the same loss as the whole forward pass, else the reference, and why."""
    try:
        fast = FrozenPrefix(base, examples, interventions)
        fast.check(range(min(len(examples), batch_size)), TOLERANCE.get(base.dtype, COARSE))
    except NotSupportedError as reason:
        return Reference(base, examples, interventions), str(reason)
    return fast, None


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


def _order(count: int, recipe: Recipe) -> Iterator[tuple[int, list[int]]]:
    """The demonstrations of each step, in a fresh order in each epoch, with the epoch counted from 1."""
    generator = torch.Generator().manual_seed(recipe.seed)
    for epoch in range(1, recipe.epochs + 1):
        # All of them in one batch always come in the same order: then nothing about the batch changes.
        order = (
            torch.randperm(count, generator=generator) if count > recipe.batch_size else torch.arange(count)
        )
        for chosen in torch.split(order, recipe.batch_size):
            yield epoch, chosen.tolist()


def _backward(path: FrozenPrefix | Reference, chosen: Sequence[int], tokens: int) -> float:
    """Mean cross-entropy per reply token, with its gradients left in the interventions."""
    # The caller may itself stand in a no_grad block, and a generator must not change that between steps.
    with torch.enable_grad():
        loss = path.loss(chosen) / tokens
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()
