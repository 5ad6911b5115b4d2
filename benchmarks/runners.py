"""Three ways to take the same step: fast, by the whole forward pass through pyvene, and pyreft's own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from reft_studio import Recipe
from reft_studio.base_model import BaseModel
from reft_studio.intervention import build_interventions, parameters_of
from reft_studio.train.examples import Example, collate
from reft_studio.train.prefix import FrozenPrefix
from reft_studio.train.recording import record
from reft_studio.train.reference import Reference

PATHS: dict[str, type[FrozenPrefix | Reference]] = {"fast": FrozenPrefix, "reference": Reference}
BATCH = 10


class Pyreft:
    """pyreft's own model and intervention, and the loss that its trainer takes: the head's on every token."""

    def __init__(self, base: BaseModel, examples: Sequence[Example], recipe: Recipe) -> None:
        import pyreft

        # It reads hidden states in the precision that they have.
        self.intervention = pyreft.LoreftIntervention(
            embed_dim=base.width, low_rank_dimension=recipe.rank, dtype=base.model.dtype
        )
        representations = {
            "layer": recipe.layers[0],
            "component": "block_output",
            "low_rank_dimension": recipe.rank,
            "intervention": self.intervention,
        }
        self.model = pyreft.get_reft_model(base.model, pyreft.ReftConfig(representations=representations))
        self.model.set_device(base.device)
        self._base, self._examples = base, examples

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Cross-entropy, a mean over the reply tokens."""
        examples = [self._examples[index] for index in chosen]
        batch = collate(examples, self._base)
        _, outputs = self.model(
            {"input_ids": batch.token_ids, "attention_mask": batch.attention_mask},
            unit_locations={"sources->base": (None, [[[e.positions.last[-1]] for e in examples]])},
            labels=batch.labels,
        )
        loss: Tensor = outputs.loss
        return loss


class Runner:
    """Takes optimizer steps by one path."""

    def __init__(self, path: str, base: BaseModel, examples: list[Example]) -> None:
        # At higher rates the two runs drift apart, since each rounds in its own way.
        recipe = Recipe.for_model(base.num_layers, base.width, rank=4, dropout=0, learning_rate=4e-3)
        self._path: Any
        trained: Iterable[Any]
        if path == "pyreft":
            self._path = Pyreft(base, examples, recipe)
            trained = self._path.model.get_trainable_parameters()
        else:
            interventions = build_interventions(recipe, base.width)
            for intervention in interventions.values():
                intervention.to(base.device)
            self._path = PATHS[path](base, examples, interventions)
            trained = parameters_of(interventions)
        self._optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0)
        self._recorded: Callable[[], Tensor] | None = None
        self.batches = [range(i, min(i + BATCH, len(examples))) for i in range(0, len(examples), BATCH)]
        self.device, self.losses = base.device, list[float]()
        if path == "fast" and base.device.type == "cuda" and len(self.batches) == 1:
            # As a training does it.
            parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
            self._recorded = record(self._gradients, parameters)

    def step(self, mark: Callable[[], None] = lambda: None) -> None:
        """One step on the next ten rows; `mark` is called between forward pass, backward pass and update.

        In a recorded step the first two are one.
        """
        mark()
        self._optimizer.zero_grad()
        loss = self._recorded() if self._recorded else self._gradients(mark)
        mark()
        self._optimizer.step()
        self.losses.append(loss.item())
        mark()

    def _gradients(self, mark: Callable[[], None] = lambda: None) -> Tensor:
        loss: Tensor = self._path.loss(self.batches[len(self.losses) % len(self.batches)])
        mark()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def seconds(self, steps: int) -> float:
        """Wall time of one of several steps."""
        wait(self.device)
        begun = time.perf_counter()
        for _ in range(steps):
            self.step()
        wait(self.device)
        return (time.perf_counter() - begun) / steps

    def phases(self, steps: int) -> list[float]:
        """Median seconds of forward pass, backward pass and update, each waited for."""
        found = []
        for _ in range(steps):
            times: list[float] = []

            def mark(times: list[float] = times) -> None:
                wait(self.device)
                times.append(time.perf_counter())

            self.step(mark)
            found.append([after - before for before, after in pairwise(times)])
        return [statistics.median(phase) for phase in zip(*found, strict=True)]

    def operations(self) -> int:
        """Floating-point operations of one step; nothing is learned in it."""
        with FlopCounterMode(display=False) as counter:
            self._gradients()
        self._optimizer.zero_grad()
        return int(counter.get_total_flops())

    def busy(self) -> float:
        """Seconds that a graphics card computes in one step; the rest of the step it waits for Python."""
        with profile() as found:
            self.step()
            wait(self.device)
        kernels = [event for event in found.key_averages() if event.device_type.name != "CPU"]
        return float(sum(kernel.self_device_time_total for kernel in kernels)) / 1e6


def wait(device: torch.device) -> None:
    """Until the device has done what it was given; a processor is done when a call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
