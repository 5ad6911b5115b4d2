"""Where a training starts: with what a bot has learned, or where the loss falls fastest.

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

from reft_studio.bot import Bot
from reft_studio.errors import TrainingError
from reft_studio.intervention import Interventions
from reft_studio.lora_layers import TrainableLoRA
from reft_studio.recipe import Recipe
from reft_studio.weights import Site

EDITS = 512
"""Of so many edited states the gradients are looked at; more would only take longer."""


_FORM = ("method", "layers", "component", "positions", "shared", "rank", "activation", "lora_rank")
"""What two recipes have to share for one to go on from the other."""


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


def take_over(bot: Bot, recipe: Recipe, interventions: Interventions, lora: TrainableLoRA) -> None:
    """Begin with what a bot has learned; raises TrainingError if it learned by another form of recipe."""
    theirs = bot.manifest.recipe
    if any(getattr(theirs, name) != getattr(recipe, name) for name in _FORM):
        raise TrainingError(
            "The bot to go on from was trained in another form (method, layers, positions, rank or LoRA), so "
            "its numbers cannot be taken over. Train from the start."
        )
    for site, intervention in interventions.items():
        intervention.start_from(bot.weights[site])
    lora.start_from(bot.lora)


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
