"""The ReFT family (arXiv 2404.03592) on pyvene. The only file that imports pyvene.

Training edits through pyvene's IntervenableModel, chat through `applied`; both call `LoReFTWeights.edit`.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal

from reft_studio.base_model import BaseModel
from reft_studio.recipe import Recipe

with redirect_stdout(io.StringIO()):  # it prints which optional packages it misses
    import pyvene

COMPONENT = "block_output"


@dataclass(frozen=True, eq=False)
class LoReFTWeights:
    """One LoReFT edit: R and W [rank, width], b [rank]. The rows of R are orthonormal."""

    R: Tensor
    W: Tensor
    b: Tensor

    def edit(self, hidden: Tensor) -> Tensor:
        """h + R^T (W h + b - R h) for hidden states [..., width]; equation 2 of the paper.

        Computed in the precision of the weights and returned in that of the hidden states.
        """
        h = hidden.to(self.R.dtype)
        return (h + (h @ self.W.T + self.b - h @ self.R.T) @ self.R).to(hidden.dtype)

    def to(self, device: torch.device) -> Self:
        """A copy on `device`."""
        return type(self)(self.R.to(device), self.W.to(device), self.b.to(device))


Weights = Mapping[int, LoReFTWeights]
"""What a bot has learned: the edit of each layer's output."""


class LoReFT(
    pyvene.SourcelessIntervention,  # type: ignore[misc]  # pyvene has no type information
    pyvene.TrainableIntervention,  # type: ignore[misc]
    pyvene.DistributedRepresentationIntervention,  # type: ignore[misc]
):
    """A LoReFT edit in training. It starts with W = R and b = 0, which changes nothing."""

    def __init__(self, width: int, rank: int) -> None:
        # keep_last_dim: edit tokens one by one, not all edited tokens of a prompt as one long vector.
        super().__init__(embed_dim=width, keep_last_dim=True)
        # Without trivialization R takes rank x width numbers; with it, torch keeps a width x width matrix.
        self.rotation = orthogonal(
            nn.Linear(width, rank, bias=False), orthogonal_map="householder", use_trivialization=False
        )
        self.source = nn.Linear(width, rank)
        with torch.no_grad():
            self.source.weight.copy_(self.weights().R)
            self.source.bias.zero_()

    def weights(self) -> LoReFTWeights:
        """The edit as it stands, differentiable."""
        R = self.rotation.weight
        assert isinstance(R, Tensor)
        return LoReFTWeights(R, self.source.weight, self.source.bias)

    def forward(self, base: Tensor, source: None = None, subspaces: None = None) -> Tensor:  # noqa: ARG002
        """Edit hidden states [..., width]; the signature is pyvene's."""
        return self.weights().edit(base)


Interventions = dict[int, LoReFT]
"""One trainable edit per layer; all edited tokens of a prompt share it."""


def build_interventions(recipe: Recipe, width: int) -> Interventions:
    """Fresh float32 interventions on the CPU, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return {layer: LoReFT(width, recipe.rank) for layer in recipe.layers}


def parameter_groups(interventions: Interventions, weight_decay: float) -> list[dict[str, Any]]:
    """For an optimizer. R takes no weight decay: it would set R to zero at the first step.

    torch multiplies by the integer part of the parametrization's diagonal, which is ±1 and has to stay so.
    """
    rotations = [p for module in interventions.values() for p in module.rotation.parameters()]
    sources = [p for module in interventions.values() for p in module.source.parameters()]
    return [
        {"params": rotations, "weight_decay": 0.0},
        {"params": sources, "weight_decay": weight_decay},
    ]


def learned(interventions: Interventions) -> dict[int, LoReFTWeights]:
    """What was learned, as plain float32 tensors on the CPU."""
    plain = {}
    for layer, module in interventions.items():
        weights = module.weights()
        R, W, b = (t.detach().to("cpu", torch.float32, copy=True) for t in (weights.R, weights.W, weights.b))
        plain[layer] = LoReFTWeights(R, W, b)
    return plain


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

    def hook(intervention: LoReFT) -> Any:
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
    matrix = (recipe.rank, width)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in recipe.layers:
        shapes |= {_tensor_name(layer, "R"): matrix, _tensor_name(layer, "W"): matrix}
        shapes[_tensor_name(layer, "b")] = (recipe.rank,)
    return shapes


def to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Named tensors for a file, such as "layers.1.block_output.R"."""
    return {
        _tensor_name(layer, part): tensor.contiguous()
        for layer, edit in weights.items()
        for part, tensor in (("R", edit.R), ("W", edit.W), ("b", edit.b))
    }


def from_tensors(recipe: Recipe, tensors: Mapping[str, Tensor]) -> dict[int, LoReFTWeights]:
    """The inverse of `to_tensors`."""
    return {
        layer: LoReFTWeights(*(tensors[_tensor_name(layer, part)] for part in ("R", "W", "b")))
        for layer in recipe.layers
    }


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

    def __init__(self, edits: list[tuple[int, list[int], LoReFTWeights]]) -> None:
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
