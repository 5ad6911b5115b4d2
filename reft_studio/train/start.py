"""Where a training starts: R looks along the directions in which the loss falls fastest.

A random R of rank 4 sees next to nothing of a state hundreds or thousands wide, and most of a training
would be spent on turning it. One backward pass tells the gradient of the loss in every edited state; its
strongest singular vectors are the few directions in which changing the states helps most demonstrations most.
LoRA-GA (arXiv 2407.05000) starts low-rank adapters in the same spirit.
"""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from reft_studio.intervention import Interventions
from reft_studio.weights import Site

EDITS = 512
"""Of so many edited states the gradients are looked at; more would only take longer."""


class Path(Protocol):
    """Gives the loss of demonstrations, differentiable in the interventions."""

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Of the demonstrations with these indices, a sum."""


def align(interventions: Interventions, path: Path, batches: Sequence[Sequence[int]]) -> None:
    """Turn every R of fresh edits; those that change nothing still change nothing.

    An R whose gradient is zero or not a number stays as it is.
    """
    found: dict[Site, list[Tensor]] = {site: [] for site in interventions}
    for batch in batches:
        for site, gradient in _gradients(interventions, path, batch).items():
            found[site].append(gradient.float().cpu())
    for site, intervention in interventions.items():
        intervention.zero_grad()
        gradient = torch.cat(found[site])
        if gradient.isfinite().all() and gradient.any():
            # torch's error for a decomposition that does not converge is one of these.
            some = torch.linspace(0, len(gradient) - 1, min(len(gradient), EDITS)).long()
            with suppress(RuntimeError):
                intervention.look_along(torch.linalg.svd(gradient[some], full_matrices=False).Vh)


def _gradients(interventions: Interventions, path: Path, batch: Sequence[int]) -> dict[Site, Tensor]:
    """Of the loss in the edited states [edits, width] of each site."""
    edited: dict[Site, Tensor] = {}

    def keep(site: Site) -> Any:
        def hook(_module: nn.Module, _arguments: Any, output: Tensor) -> None:
            output.retain_grad()
            edited[site] = output

        return hook

    with ExitStack() as hooks, torch.enable_grad():
        for site, intervention in interventions.items():
            hooks.enter_context(intervention.register_forward_hook(keep(site)))
        path.loss(batch).backward()  # type: ignore[no-untyped-call]
    return {site: states.grad.flatten(0, -2) for site, states in edited.items() if states.grad is not None}
