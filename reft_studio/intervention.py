"""The ReFT family (arXiv 2404.03592) in training, on pyvene. The only file that imports pyvene.

Training edits through `trained` or pyvene's IntervenableModel, chat through `edits.applied`; all of them call
`ReFTWeights.edit`.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from reft_studio.base_model import BaseModel, states_of, with_states
from reft_studio.positions import Tokens
from reft_studio.recipe import Recipe
from reft_studio.rotation import orthonormal
from reft_studio.weights import FORMS, ReFTWeights, Site, sites_of

with redirect_stdout(io.StringIO()):  # it prints which optional packages it misses
    import pyvene


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
        rotation = nn.Linear(width, recipe.rank, bias=False)
        if form.orthonormal:
            rotation = orthonormal(rotation)
        self.rotation = rotation
        self.bias = nn.Parameter(torch.zeros(recipe.rank))
        self.source = nn.Parameter(torch.zeros(recipe.rank, width)) if form.reads else None
        self._write_nothing()
        self.dropout = nn.Dropout(recipe.dropout)

    @torch.no_grad()
    def look_along(self, directions: Tensor) -> None:
        """Turn R of an untrained edit to `directions` [any, width], orthonormal, the most important first.

        Where there are fewer than R has rows, the others stay as far as they may.
        """
        old = self._R()
        wanted = torch.cat([directions[: len(old)].to(old), old])
        new = torch.linalg.qr(wanted.T).Q.T[: len(old)].contiguous()
        if FORMS[self._recipe.method].orthonormal:
            self.rotation.weight = new
        else:
            self._R().copy_(new)
        self._write_nothing()

    @torch.no_grad()
    def start_from(self, weights: ReFTWeights) -> None:
        """Go on from an edit of the same recipe; R stays as orthonormal as it was."""
        if FORMS[self._recipe.method].orthonormal:
            self.rotation.weight = weights.R.to(self._R())
        else:
            self._R().copy_(weights.R)
        self.bias.copy_(weights.b)
        if self.source is not None and weights.W is not None:
            self.source.copy_(weights.W)

    @torch.no_grad()
    def _write_nothing(self) -> None:
        if self.source is not None and FORMS[self._recipe.method].replaces:
            self.source.copy_(self._R())

    @torch.no_grad()
    def fade(self, share: float) -> None:
        """Bring W and b by this share nearer to what changes nothing; R only turns, it has no length to lose.

        Where the method has no such W and b, that is nearer to what they began with.
        """
        self.bias.mul_(1 - share)
        if self.source is not None and FORMS[self._recipe.method].replaces:
            self.source.lerp_(self._R(), share)
        elif self.source is not None:
            self.source.mul_(1 - share)

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


Interventions = dict[Site, ReFT]
"""One trainable edit for each site."""


def build_interventions(recipe: Recipe, width: int) -> Interventions:
    """Fresh float32 interventions on the CPU, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return {site: ReFT(width, recipe) for site in sites_of(recipe)}


def parameters_of(interventions: Interventions) -> list[nn.Parameter]:
    """All that an optimizer changes."""
    return [parameter for module in interventions.values() for parameter in module.parameters()]


def learned(interventions: Interventions) -> dict[Site, ReFTWeights]:
    """What was learned, as plain float32 tensors on the CPU."""

    def plain(tensor: Tensor) -> Tensor:
        return tensor.detach().to("cpu", torch.float32, copy=True)

    edits = {site: module.weights() for site, module in interventions.items()}
    return {
        site: replace(edit, R=plain(edit.R), W=None if edit.W is None else plain(edit.W), b=plain(edit.b))
        for site, edit in edits.items()
    }


def reference_model(base: BaseModel, interventions: Interventions) -> Any:
    """The base model with trainable interventions, as a pyvene.IntervenableModel.

    Its forward pass edits `unit_locations={"base": indices [site][row][unit]}` and removes every other hook
    from the base model. Modules are named by their place in the module tree, so any architecture will do.
    """
    representations = [
        pyvene.RepresentationConfig(
            layer=site.layer,
            component=f"{_in_brackets(base.component_path(site.layer, site.component))}.output",
            unit="pos",
            max_number_of_units=1,
            intervention=intervention,
        )
        for site, intervention in interventions.items()
    ]
    return pyvene.IntervenableModel(pyvene.IntervenableConfig(representations), base.model)


def _in_brackets(path: str) -> str:
    """pyvene writes "model.layers[1].mlp" for "model.layers.1.mlp"."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


Where = Mapping[Tokens, tuple[Tensor, Tensor]]
"""Rows and tokens [edits] of a batch that each group of edited tokens has."""


@contextmanager
def trained(base: BaseModel, interventions: Interventions, where: Where) -> Iterator[None]:
    """Within the block, forward passes edit the tokens at [rows[i], tokens[i]], differentiably."""

    def hook(intervention: ReFT, rows: Tensor, tokens: Tensor) -> Any:
        def edit(_module: nn.Module, _arguments: Any, output: Any) -> Any:
            hidden = states_of(output)
            return with_states(output, hidden.index_put((rows, tokens), intervention(hidden[rows, tokens])))

        return edit

    with ExitStack() as hooks:
        for site, intervention in interventions.items():
            module = base.model.get_submodule(base.component_path(site.layer, site.component))
            hooks.enter_context(module.register_forward_hook(hook(intervention, *where[site.tokens])))
        yield
