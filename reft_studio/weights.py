"""What a bot has learned: plain tensors, how they edit hidden states, and their names in a file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from reft_studio.positions import Tokens, parse_positions
from reft_studio.recipe import Activation, Component, Method, Recipe


@dataclass(frozen=True)
class Form:
    """What a method has of h + R^T (act(W h + b) - R h); its equation stands in `Method`."""

    orthonormal: bool = True
    """R's rows are orthonormal."""
    reads: bool = True
    """W is there: what is written depends on the hidden state."""
    replaces: bool = True
    """R h is taken away first, so that what is written takes the place of what was there."""


FORMS = {
    Method.LOREFT: Form(),
    Method.NOREFT: Form(orthonormal=False),
    Method.DIREFT: Form(replaces=False),
    Method.NODIREFT: Form(orthonormal=False, replaces=False),
    Method.CONSREFT: Form(reads=False),
    Method.LOBIREFT: Form(reads=False, replaces=False),
}

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.LINEAR: lambda x: x,
    Activation.RELU: functional.relu,
    Activation.GELU: functional.gelu,
    Activation.SILU: functional.silu,
    Activation.TANH: torch.tanh,
}


@dataclass(frozen=True, eq=False)
class ReFTWeights:
    """One edit of the family: R [rank, width], W [rank, width] where the method reads, b [rank]."""

    R: Tensor
    W: Tensor | None
    b: Tensor
    method: Method = Method.LOREFT
    activation: Activation = Activation.LINEAR

    def edit(
        self,
        hidden: Tensor,
        dropout: Callable[[Tensor], Tensor] = lambda change: change,
        onto: Tensor | None = None,
    ) -> Tensor:
        """The edited hidden states [..., width]; `dropout` sees the change in the subspace [..., rank].

        The change is made to `onto`, where that is given: the same states with other edits' changes in them.
        Computed in the precision of the weights and returned in that of the hidden states.
        """
        h = hidden.to(self.R.dtype)
        written = self.b if self.W is None else h @ self.W.T + self.b
        change = ACTIVATIONS[self.activation](written)
        if FORMS[self.method].replaces:
            change = change - h @ self.R.T
        changed = h if onto is None else onto.to(self.R.dtype)
        return (changed + dropout(change) @ self.R).to(hidden.dtype)

    def to(self, device: torch.device) -> Self:
        """A copy on `device`."""
        W = None if self.W is None else self.W.to(device)
        return replace(self, R=self.R.to(device), W=W, b=self.b.to(device))


@dataclass(frozen=True)
class Site:
    """Where an edit sits in a model."""

    layer: int
    component: Component = Component.BLOCK_OUTPUT
    tokens: Tokens = Tokens.ALL

    def tensor_name(self, part: str) -> str:
        """Such as "layers.1.block_output.R", or "layers.1.block_output.first.R"."""
        tokens = "" if self.tokens is Tokens.ALL else f".{self.tokens}"
        return f"layers.{self.layer}.{self.component}{tokens}.{part}"


Weights = Mapping[Site, ReFTWeights]
"""What a bot has learned."""


def sites_of(recipe: Recipe) -> list[Site]:
    """One for each layer, or two if its first and its last tokens are edited differently."""
    positions = parse_positions(recipe.positions)
    separate = not recipe.shared and positions.first and positions.last
    groups = (Tokens.FIRST, Tokens.LAST) if separate else (Tokens.ALL,)
    return [Site(layer, recipe.component, tokens) for layer in recipe.layers for tokens in groups]


def parameter_count(recipe: Recipe, width: int) -> int:
    """How many numbers a training of this recipe learns."""
    return sum(math.prod(shape) for shape in tensor_shapes(recipe, width).values())


def tensor_shapes(recipe: Recipe, width: int) -> dict[str, tuple[int, ...]]:
    """The name and shape of every tensor that a bot of this recipe has on disk."""
    parts: dict[str, tuple[int, ...]] = {"R": (recipe.rank, width), "b": (recipe.rank,)}
    if FORMS[recipe.method].reads:
        parts["W"] = (recipe.rank, width)
    return {site.tensor_name(part): shape for site in sites_of(recipe) for part, shape in parts.items()}


def to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Named tensors for a file."""
    return {
        site.tensor_name(part): tensor.contiguous()
        for site, edit in weights.items()
        for part, tensor in (("R", edit.R), ("W", edit.W), ("b", edit.b))
        if tensor is not None
    }


def from_tensors(recipe: Recipe, tensors: Mapping[str, Tensor]) -> dict[Site, ReFTWeights]:
    """The inverse of `to_tensors`."""
    return {
        site: ReFTWeights(
            tensors[site.tensor_name("R")],
            tensors.get(site.tensor_name("W")),
            tensors[site.tensor_name("b")],
            recipe.method,
            recipe.activation,
        )
        for site in sites_of(recipe)
    }
