"""A training in its middle, as a plain file: what was learned, the optimizer's memory, the losses so far.

The order of the demonstrations and the learning rate follow from the recipe and the step, so nothing else is
needed to go on as if there had been no pause.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reft_studio.errors import TrainingError
from reft_studio.intervention import Interventions
from reft_studio.lora import lora_to_tensors
from reft_studio.lora_layers import TrainableLoRA

_LOSSES = "losses"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Tensors on the CPU, of a training that `fingerprint` names: its recipe, rows and base model."""

    fingerprint: str
    losses: tuple[float, ...]
    """Of each step that was taken."""
    tensors: dict[str, Tensor]
    seconds: float = 0.0
    """That the training took until then."""

    @property
    def step(self) -> int:
        """How many steps were taken."""
        return len(self.losses)

    @classmethod
    def take(
        cls,
        fingerprint: str,
        losses: Sequence[float],
        seconds: float,
        interventions: Interventions,
        lora: TrainableLoRA,
        optimizer: torch.optim.Optimizer,
    ) -> Self:
        """A copy of where a training stands."""
        current = _parameters(interventions, lora) | dict(_memory(optimizer))
        return cls(
            fingerprint,
            tuple(losses),
            {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in current.items()},
            seconds,
        )

    def restore(
        self, interventions: Interventions, lora: TrainableLoRA, optimizer: torch.optim.Optimizer
    ) -> None:
        """Put everything back; the optimizer must be fresh."""
        with torch.no_grad():
            for name, parameter in _parameters(interventions, lora).items():
                parameter.copy_(self.tensors[name])
        state = optimizer.state_dict()
        for name, tensor in self.tensors.items():
            if name.startswith("optimizer."):
                _, index, kind = name.split(".")
                state["state"].setdefault(int(index), {})[kind] = tensor.clone()
        optimizer.load_state_dict(state)

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all."""
        # Of this process alone: one that is ending may still write when the next one does.
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        losses = torch.tensor(self.losses, dtype=torch.float64)
        known = {"fingerprint": self.fingerprint, "seconds": str(self.seconds)}
        save_file({**self.tensors, _LOSSES: losses}, partial, known)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`; raises TrainingError if it is damaged."""
        try:
            with safe_open(path, framework="pt") as file:
                known = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            losses = tuple(tensors.pop(_LOSSES).tolist())
            # Earlier versions did not count.
            return cls(known["fingerprint"], losses, tensors, float(known.get("seconds", 0)))
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise TrainingError(
                f'The checkpoint "{path}" cannot be read, so the training cannot go on from it. '
                "Delete it and train from the start."
            ) from error


def _parameters(interventions: Interventions, lora: TrainableLoRA) -> dict[str, Tensor]:
    edits = {
        f"interventions.{site.tensor_name(name)}": parameter
        for site, module in interventions.items()
        for name, parameter in module.named_parameters()
    }
    return edits | lora_to_tensors(lora.parameters())


def _memory(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    for index, kinds in state.items():
        for kind, tensor in kinds.items():
            yield f"optimizer.{index}.{kind}", tensor
