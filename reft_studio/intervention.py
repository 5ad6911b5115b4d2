"""The ReFT family (arXiv 2404.03592) on pyvene. The only file that imports pyvene.

Training edits through `trained` or pyvene's IntervenableModel, chat through `applied`; all of them call
`ReFTWeights.edit`.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import orthogonal

from reft_studio.base_model import BaseModel
from reft_studio.recipe import Activation, Method, Recipe

with redirect_stdout(io.StringIO()):  # it prints which optional packages it misses
    import pyvene

COMPONENT = "block_output"


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

    def edit(self, hidden: Tensor, dropout: Callable[[Tensor], Tensor] = lambda change: change) -> Tensor:
        """The edited hidden states [..., width]; `dropout` sees the change in the subspace [..., rank].

        Computed in the precision of the weights and returned in that of the hidden states.
        """
        h = hidden.to(self.R.dtype)
        written = self.b if self.W is None else h @ self.W.T + self.b
        change = ACTIVATIONS[self.activation](written)
        if FORMS[self.method].replaces:
            change = change - h @ self.R.T
        return (h + dropout(change) @ self.R).to(hidden.dtype)

    def to(self, device: torch.device) -> Self:
        """A copy on `device`."""
        W = None if self.W is None else self.W.to(device)
        return replace(self, R=self.R.to(device), W=W, b=self.b.to(device))


Weights = Mapping[int, ReFTWeights]
"""What a bot has learned: the edit of each layer's output."""


class ReFT(
    pyvene.SourcelessIntervention,  # type: ignore[misc]  # pyvene has no type information
    pyvene.TrainableIntervention,  # type: ignore[misc]
    pyvene.DistributedRepresentationIntervention,  # type: ignore[misc]
):
    """An edit in training. It starts with what changes nothing, where the method has such a start.

    That is W = R and b = 0 where R h is replaced, else W = 0 and b = 0. ConsReFT, which replaces R h by a
    constant, and activations other than the linear one have none where R h is replaced.
    """

    def __init__(self, width: int, recipe: Recipe) -> None:
        # keep_last_dim: edit tokens one by one, not all edited tokens of a prompt as one long vector.
        super().__init__(embed_dim=width, keep_last_dim=True)
        self._recipe, form = recipe, FORMS[recipe.method]
        rotation: nn.Module = nn.Linear(width, recipe.rank, bias=False)
        if form.orthonormal:
            # Without trivialization R takes rank x width numbers; with it, torch keeps width x width.
            rotation = orthogonal(rotation, orthogonal_map="householder", use_trivialization=False)
        self.rotation = rotation
        self.bias = nn.Parameter(torch.zeros(recipe.rank))
        R = self._R().detach()
        self.source = (
            nn.Parameter(R.clone() if form.replaces else torch.zeros_like(R)) if form.reads else None
        )
        self.dropout = nn.Dropout(recipe.dropout)

    def weights(self) -> ReFTWeights:
        """The edit as it stands, differentiable."""
        recipe = self._recipe
        return ReFTWeights(self._R(), self.source, self.bias, recipe.method, recipe.activation)

    def _R(self) -> Tensor:
        R = self.rotation.weight
        assert isinstance(R, Tensor)
        return R

    def forward(self, base: Tensor, source: None = None, subspaces: None = None) -> Tensor:  # noqa: ARG002
        """Edit hidden states [..., width]; the signature is pyvene's."""
        return self.weights().edit(base, self.dropout)


Interventions = dict[int, ReFT]
"""One trainable edit per layer; all edited tokens of a prompt share it."""


def build_interventions(recipe: Recipe, width: int) -> Interventions:
    """Fresh float32 interventions on the CPU, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return {layer: ReFT(width, recipe) for layer in recipe.layers}


def parameter_groups(interventions: Interventions, weight_decay: float) -> list[dict[str, Any]]:
    """For an optimizer. R takes no weight decay: it would set an orthonormal R to zero at the first step.

    torch multiplies by the integer part of the parametrization's diagonal, which is ±1 and has to stay so.
    """
    rotations = {p for module in interventions.values() for p in module.rotation.parameters()}
    everything = [p for module in interventions.values() for p in module.parameters()]
    return [
        {"params": [p for p in everything if p in rotations], "weight_decay": 0.0},
        {"params": [p for p in everything if p not in rotations], "weight_decay": weight_decay},
    ]


def learned(interventions: Interventions) -> dict[int, ReFTWeights]:
    """What was learned, as plain float32 tensors on the CPU."""

    def plain(tensor: Tensor) -> Tensor:
        return tensor.detach().to("cpu", torch.float32, copy=True)

    edits = {layer: module.weights() for layer, module in interventions.items()}
    return {
        layer: replace(edit, R=plain(edit.R), W=None if edit.W is None else plain(edit.W), b=plain(edit.b))
        for layer, edit in edits.items()
    }


def parameter_count(recipe: Recipe, width: int) -> int:
    """How many numbers a training of this recipe learns."""
    return sum(math.prod(shape) for shape in tensor_shapes(recipe, width).values())


def reference_model(base: BaseModel, interventions: Interventions) -> Any:
    """The base model with trainable interventions, as a pyvene.IntervenableModel.

    Its forward pass edits `unit_locations={"base": indices [layer][row][unit]}` and removes every other hook
    from the base model. Blocks are named by their place in the module tree, so any architecture will do.
    """
    representations = [
        pyvene.RepresentationConfig(
            layer=layer,
            component=f"{base.blocks_path}[{layer}].output",
            unit="pos",
            max_number_of_units=1,
            intervention=intervention,
        )
        for layer, intervention in sorted(interventions.items())
    ]
    return pyvene.IntervenableModel(pyvene.IntervenableConfig(representations), base.model)


@contextmanager
def trained(base: BaseModel, interventions: Interventions, rows: Tensor, tokens: Tensor) -> Iterator[None]:
    """Within the block, forward passes edit the tokens at [rows[i], tokens[i]], differentiably."""

    def hook(intervention: ReFT) -> Any:
        def edit(_block: nn.Module, _arguments: Any, output: Any) -> Any:
            hidden = output[0] if isinstance(output, tuple) else output
            edited = hidden.index_put((rows, tokens), intervention(hidden[rows, tokens]))
            return (edited, *output[1:]) if isinstance(output, tuple) else edited

        return edit

    with ExitStack() as hooks:
        for layer, intervention in interventions.items():
            hooks.enter_context(base.blocks[layer].register_forward_hook(hook(intervention)))
        yield


def tensor_shapes(recipe: Recipe, width: int) -> dict[str, tuple[int, ...]]:
    """The name and shape of every tensor that a bot of this recipe has on disk."""
    parts: dict[str, tuple[int, ...]] = {"R": (recipe.rank, width), "b": (recipe.rank,)}
    if FORMS[recipe.method].reads:
        parts["W"] = (recipe.rank, width)
    return {_tensor_name(layer, part): shape for layer in recipe.layers for part, shape in parts.items()}


def to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Named tensors for a file, such as "layers.1.block_output.R"."""
    return {
        _tensor_name(layer, part): tensor.contiguous()
        for layer, edit in weights.items()
        for part, tensor in (("R", edit.R), ("W", edit.W), ("b", edit.b))
        if tensor is not None
    }


def from_tensors(recipe: Recipe, tensors: Mapping[str, Tensor]) -> dict[int, ReFTWeights]:
    """The inverse of `to_tensors`."""
    edits = {}
    for layer in recipe.layers:
        R, W, b = (tensors.get(_tensor_name(layer, part)) for part in ("R", "W", "b"))
        assert R is not None
        assert b is not None
        edits[layer] = ReFTWeights(R, W, b, recipe.method, recipe.activation)
    return edits


def _tensor_name(layer: int, part: str) -> str:
    return f"layers.{layer}.{COMPONENT}.{part}"


@dataclass(frozen=True)
class Edit:
    """How one row of a batch is edited."""

    row: int
    weights: Weights
    positions: Sequence[int]
    """Token indices in the row's prompt."""
    padding: int = 0
    """Padding tokens to the left of the prompt."""


@contextmanager
def applied(base: BaseModel, edits: Sequence[Edit]) -> Iterator[None]:
    """Within the block, forward passes of one batch edit the given rows; all other rows stay as they are.

    Each pass continues where the last one ended, as in generation: the prompt, then token by token.
    Positions are all in the prompt, so nothing is edited after it.
    """
    with ExitStack() as hooks:
        for layer in sorted({layer for edit in edits for layer in edit.weights}):
            block_edits = [
                (edit.row, [edit.padding + p for p in edit.positions], edit.weights[layer].to(base.device))
                for edit in edits
                if layer in edit.weights
            ]
            hooks.enter_context(base.blocks[layer].register_forward_hook(_BlockHook(block_edits)))
        yield


class _BlockHook:
    """Edits the output of one block and keeps count of the tokens that went by."""

    def __init__(self, edits: list[tuple[int, list[int], ReFTWeights]]) -> None:
        self._edits = edits
        self._seen = 0

    def __call__(self, _block: nn.Module, _arguments: Any, output: Any) -> Any:
        """A forward hook; blocks return hidden states [batch, tokens, width], alone or first in a tuple."""
        hidden = output[0] if isinstance(output, tuple) else output
        start, self._seen = self._seen, self._seen + hidden.shape[1]
        due = [
            (row, [p - start for p in positions if start <= p < self._seen], weights)
            for row, positions, weights in self._edits
        ]
        if not any(positions for _, positions, _ in due):
            return output
        edited = hidden.clone()
        for row, positions, weights in due:
            if positions:
                edited[row, positions] = weights.edit(hidden[row, positions])
        return (edited, *output[1:]) if isinstance(output, tuple) else edited
