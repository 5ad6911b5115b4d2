"""Trains the network on the corpus: Muon for the matrices, AdamW for embedding and norms.

The learning rate is constant and then falls linearly to zero at the end of a round. A finished run can be prolonged by
another round, which begins at the full rate again. A run is reproducible from its seed and rounds on one kind of machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from model_maker.batches import Batch, batches
from model_maker.corpus import Corpus
from model_maker.network import Network, Shape, Styles

# Blocks at whose output styles are injected, and how often. The early ones are where one edited token can still
# change a whole reply: the blocks above have to carry it from there to every later token.
INJECTION_BLOCKS = {0: 0.25, 1: 0.4, 2: 0.25, 3: 0.1}


CPU = torch.device("cpu")


@dataclass(frozen=True)
class Round:
    """A part of the training, at the end of which the model is as good as it gets."""

    end: int
    """The step at which it ends, counted from the beginning of the training."""
    decay: int
    """Over so many steps before, the learning rate falls."""

    @classmethod
    def parse(cls, text: str) -> Round:
        """Read "END:DECAY"."""
        end, decay = text.split(":")
        return cls(int(end), int(decay))


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    rounds: tuple[Round, ...]
    warmup: int = 60
    tokens_a_batch: int = 4096
    matrix_rate: float = 0.02
    other_rate: float = 3e-3
    seed: int = 1

    @property
    def steps(self) -> int:
        """The step at which the training ends."""
        return self.rounds[-1].end

    def spans(self) -> Iterator[tuple[int, int]]:
        """First step and end of every round."""
        ends = [part.end for part in self.rounds]
        yield from zip([0, *ends], ends, strict=False)

    def rate(self, step: int) -> float:
        """The factor on both learning rates at a step."""
        current = next(part for part in self.rounds if step < part.end)
        return min(1.0, (step + 1) / self.warmup, (current.end - step) / max(1, current.decay))


@dataclass(frozen=True)
class Progress:
    """One line of the training log."""

    step: int
    tokens: int
    loss: float
    seconds: float


class Pretraining:
    """A run that can be saved and resumed."""

    def __init__(
        self, shape: Shape, schedule: Schedule, compiled: bool, device: torch.device = CPU, workers: int = 0
    ) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule, self.step, self.tokens, self.seconds = schedule, 0, 0, 0.0
        self._device, self._workers = device, workers
        self.network = Network(shape).to(device)
        matrices = [p for block in self.network.blocks for p in block.parameters() if p.dim() == 2]
        others = [p for p in self.network.parameters() if not any(p is matrix for matrix in matrices)]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices, lr=schedule.matrix_rate, weight_decay=0.01, momentum=0.95, nesterov=True
            ),
            torch.optim.AdamW(
                others, lr=schedule.other_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
            ),
        ]
        if compiled:
            for block in self.network.blocks:
                block.compile(dynamic=True)

    def state(self) -> dict[str, Any]:
        """Everything to resume from."""
        return {
            "shape": asdict(self.network.shape),
            "schedule": asdict(self.schedule),
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        partial = path.with_suffix(".partial")
        torch.save(self.state(), partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, map_location=self._device, weights_only=True)
        self.network.load_state_dict(state["network"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]

    def run(self, corpus: Corpus, tokenizer: Tokenizer) -> Iterator[Progress]:
        """Train to the last step; yields the mean loss of every 50 steps."""
        schedule, losses, started = self.schedule, list[Tensor](), time.monotonic() - self.seconds
        for begin, end in schedule.spans():
            if self.step >= end:
                continue
            # A round draws examples of its own, so that going on with another one need not draw the earlier ones again.
            seed, passed = f"{schedule.seed}/{begin}", self.step - begin
            drawn = batches(corpus, tokenizer, seed, schedule.tokens_a_batch, passed, self._workers)
            for batch in drawn:
                losses.append(self.train_on(batch))
                self.step += 1
                self.tokens += batch.tokens.size
                self.seconds = time.monotonic() - started
                if self.step % 50 == 0 or self.step == end:
                    yield Progress(self.step, self.tokens, torch.stack(losses).mean().item(), self.seconds)
                    losses.clear()
                if self.step == end:
                    break

    def train_on(self, batch: Batch) -> Tensor:
        """One step; returns the loss in nats a token."""
        rate = self.schedule.rate(self.step)
        for optimizer, full in zip(
            self.optimizers, (self.schedule.matrix_rate, self.schedule.other_rate), strict=True
        ):
            for parameters in optimizer.param_groups:
                parameters["lr"] = full * rate
        generator = torch.Generator().manual_seed(self.schedule.seed * 1_000_003 + self.step)
        tokens, positions, segments, predict, targets = (
            torch.from_numpy(array).to(self._device)
            for array in (batch.tokens, batch.positions, batch.segments, batch.predict, batch.targets)
        )
        styles = draw_styles(batch, generator, self._device)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            logits = self.network(tokens, positions, segments, predict, styles)
        loss = F.cross_entropy(logits.float(), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.optimizers[1].param_groups[0]["params"], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.detach()


def draw_styles(batch: Batch, generator: torch.Generator, device: torch.device) -> Styles | None:
    """Which block the styles go into this time, and how strongly (0.7 to 1.3 of what the style prompt gives)."""
    if not len(batch.injected):
        return None
    block = int(torch.multinomial(torch.tensor(list(INJECTION_BLOCKS.values())), 1, generator=generator))
    scale = 0.7 + 0.6 * torch.rand(len(batch.injected), 1, generator=generator)
    packed = batch.styles
    tokens, positions, segments, last, target, style = (
        torch.from_numpy(array).to(device)
        for array in (
            packed.tokens,
            packed.positions,
            packed.segments,
            packed.last,
            batch.injected,
            batch.style,
        )
    )
    return Styles(
        tokens, positions, segments, last, list(INJECTION_BLOCKS)[block], target, style, scale.to(device)
    )
