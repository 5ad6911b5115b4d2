"""Training without the work that never changes.

The base model is frozen. So for interventions whose lowest layer is L, blocks 0 to L give the same states in
every step, and for the tokens before a prompt's first edited one nothing ever changes. What is needed of both
is stored: the output of block L from the first edited token on, and before it the keys and values of the
blocks above L. A step then runs the model's own forward pass over the tokens from the first edited one on,
with the stored keys and values as its past and with blocks 0 to L replaced by the stored states, and the
head on those tokens only that have a label.

Nothing here knows an architecture: the model's own modules do all the work, and `FrozenPrefix.check` holds
what comes out against a plain forward pass.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers.cache_utils import DynamicCache, DynamicLayer
from transformers.cache_utils import LinearAttentionCacheLayerMixin as Recurrent

from reft_studio.base_model import BaseModel
from reft_studio.intervention import Interventions, trained
from reft_studio.recipe import Component
from reft_studio.train.cache import Rows, StepInput, StoredRow, first_edited, join
from reft_studio.train.examples import Example
from reft_studio.train.passes import (
    Passes,
    head,
    head_on,
    past_name,
    plain_states,
    seen_by_head,
    whole_rows,
)


class NotSupportedError(Exception):
    """This model cannot be trained from a stored prefix; the message says why. Never seen by users."""


class FrozenPrefix:
    """Losses of demonstrations, differentiable in the interventions.

    What `shared` passes have computed is not computed again. Raises NotSupportedError for a model that this
    does not work for.
    """

    def __init__(
        self,
        base: BaseModel,
        examples: Sequence[Example],
        interventions: Interventions,
        shared: Passes | None = None,
    ) -> None:
        past = past_name(base)
        if past is None or "position_ids" not in signature(base.model.forward).parameters:
            raise NotSupportedError("its forward pass cannot go on from stored keys and values")
        if head(base) is None:
            raise NotSupportedError("its forward pass has no head")
        self._past_name = past
        kinds = DynamicCache(config=base.model.config).layers
        if not all(isinstance(kind, DynamicLayer) and not isinstance(kind, Recurrent) for kind in kinds):
            raise NotSupportedError("its past is more than keys and values")
        self._base = base
        self._examples = examples
        self._interventions = interventions
        self._shared = shared
        # A part of a block is edited while the block runs, so what is below is all that can be stored.
        self._layer = min(
            site.layer if site.component is Component.BLOCK_OUTPUT else site.layer - 1
            for site in interventions
        )
        self._in_tuple = False
        self._rows: Rows[int, StoredRow] = Rows(base.device)
        self._last: tuple[list[int], StepInput] | None = None

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Cross-entropy of the chosen demonstrations' reply tokens, summed, in nats."""
        step = self._step(list(chosen))
        with trained(self._base, self._interventions, step.edited):
            return self._forward(step)

    def check(self, chosen: Sequence[int], tolerance: float) -> None:
        """Raises NotSupportedError unless the unedited model's head sees the same as in a plain forward pass.

        States rather than losses: in these, errors of single tokens cancel each other out.
        """
        examples = [self._examples[index] for index in chosen]
        wanted = self._shared.seen(examples) if self._shared else plain_states(self._base, examples)
        step = self._step(list(chosen))
        with torch.no_grad(), seen_by_head(self._base) as found:
            self._forward(step)
        off = float((found[0] - wanted).norm() / wanted.norm())
        if not off <= tolerance:
            raise NotSupportedError(f"with a stored prefix its last states are off by {off:.1g}")

    def _forward(self, step: StepInput) -> Tensor:
        blocks = _replaced_blocks(self._base, self._layer, step.states, self._in_tuple)
        with blocks, head_on(self._base, *step.predicting):
            logits = self._base.model(
                input_ids=step.token_ids,
                position_ids=step.position_ids,
                attention_mask=step.attention_mask,
                use_cache=True,
                **{self._past_name: _cache(step.past)},
            ).logits
        return cross_entropy(logits[0].float(), step.labels, reduction="sum")

    def _step(self, chosen: list[int]) -> StepInput:
        if self._last is None or self._last[0] != chosen:
            # Not beside the next one.
            self._last = None
            kept = {index: row for index in chosen if (row := self._rows.get(index))}
            missing = [index for index in chosen if index not in kept]
            for group in self._groups(missing):
                kept |= zip(group, self._store([self._examples[index] for index in group]), strict=True)
            for index in missing:
                self._rows.keep(index, kept[index])
            examples = [self._examples[index] for index in chosen]
            self._last = chosen, join(self._base, self._layer, examples, [kept[index] for index in chosen])
        return self._last[1]

    def _groups(self, missing: list[int]) -> list[list[int]]:
        """What goes through the model together.

        The last bits of a row depend on what is beside it. So it is everything or one: a training that goes
        on after a pause asks for its rows in another order, and has to find the same ones.
        """
        return [missing] if len(missing) == len(self._examples) else [[index] for index in missing]

    def _store(self, examples: Sequence[Example]) -> list[StoredRow]:
        """One plain forward pass, of which the parts that later steps need are kept."""
        layers = [self._layer] if self._layer >= 0 else []
        rows = self._shared.whole(examples) if self._shared else whole_rows(self._base, examples, layers)
        self._in_tuple = rows[0].in_tuple
        return [
            row.part(self._layer, first_edited(example)) for row, example in zip(rows, examples, strict=True)
        ]


def _cache(past: Sequence[tuple[Tensor, Tensor]]) -> DynamicCache:
    """A cache that begins with these keys and values; what a forward pass adds goes into new tensors."""
    cache = DynamicCache()
    for keys, values in past:
        layer: Any = DynamicLayer()  # type: ignore[no-untyped-call]
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        cache.layers.append(layer)
    return cache


@contextmanager
def _replaced_blocks(base: BaseModel, layer: int, states: Tensor, in_tuple: bool) -> Iterator[None]:
    """Blocks below `layer` do nothing, and `layer` itself hands on `states`, in the form that blocks do."""

    def pass_on(hidden: Tensor, *_: Any, **__: Any) -> Any:
        return (hidden,) if in_tuple else hidden

    def hand_out(*_: Any, **__: Any) -> Any:
        return (states,) if in_tuple else states

    blocks = base.blocks[: layer + 1]
    try:
        for block in blocks:
            # Hidden by the instance, so that what else a model asks of its blocks is there.
            block.forward = hand_out if block is blocks[-1] else pass_on
        yield
    finally:
        for block in blocks:
            del block.forward
