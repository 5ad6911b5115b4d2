"""Plain forward passes over demonstrations: what a training stores of them, and what several can share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from reft_studio.base_model import BaseModel, states_of
from reft_studio.demonstrations import Demonstration, Limits, check_demonstrations
from reft_studio.positions import Positions
from reft_studio.train.cache import Rows, StoredRow
from reft_studio.train.examples import IGNORED, Example, build_examples, collate

_PAST_NAMES = ("cache", "past_key_values")
"""How a forward pass calls its stored keys and values, from transformers 5.24 on and before."""
_ANYWHERE = Positions(0, 1)


@dataclass(frozen=True)
class WholeRow:
    """What a plain forward pass over one demonstration leaves."""

    states: dict[int, Tensor]
    """The outputs [tokens, width] of the blocks that were asked for."""
    keys: list[Tensor]
    """Of every block [heads, tokens, head width]."""
    values: list[Tensor]
    """Of every block [heads, tokens, head width]."""
    in_tuple: bool
    """Blocks hand on their output in a tuple."""

    def part(self, layer: int, first: int) -> StoredRow:
        """What stays as it is when token `first` is the first one that is edited, at `layer` or above."""
        heads, tokens, head_width = self.keys[0].shape
        states = self.states[layer] if layer >= 0 else self.keys[0].new_zeros((tokens, 0))
        return StoredRow(
            states[first:].clone(),
            [keys[:, :first].clone() for keys in self.keys[layer + 1 :]],
            [values[:, :first].clone() for values in self.values[layer + 1 :]],
            (heads, head_width),
        )

    def to(self, device: torch.device) -> Self:
        """The same row on `device`."""
        return self._each(lambda tensor: tensor.to(device))

    def alone(self) -> Self:
        """The same row in memory of its own, not that of a batch."""
        return self._each(Tensor.clone)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        states = {layer: change(tensor) for layer, tensor in self.states.items()}
        keys, values = (list(map(change, kind)) for kind in (self.keys, self.values))
        return type(self)(states, keys, values, self.in_tuple)

    @property
    def bytes(self) -> int:
        """The memory it takes."""
        return sum(tensor.nbytes for tensor in (*self.states.values(), *self.keys, *self.values))


class Passes:
    """What trainings on the same rows of one base model need not do each by itself.

    Raises DemonstrationsError for a table that training does not take, BaseModelError for a model that cannot
    be edited.
    """

    def __init__(
        self,
        base: BaseModel,
        demonstrations: Sequence[Demonstration],
        system_prompt: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        base.check_blocks()
        self._base = base
        self.rows = check_demonstrations(demonstrations, limits)
        self._examples = build_examples(base, demonstrations, _ANYWHERE, system_prompt, limits)
        self._kept: Rows[tuple[int, ...], WholeRow] = Rows(base.device)
        self._seen: dict[tuple[tuple[int, ...], ...], Tensor] = {}

    def examples(self, positions: Positions) -> list[Example]:
        """The rows as tokens, edited at these positions."""
        return [example.at(positions) for example in self._examples]

    def whole(self, examples: Sequence[Example]) -> list[WholeRow]:
        """One row each, with the outputs of all blocks; computed once, as long as there is memory for it."""
        kept = {example.token_ids: row for example in examples if (row := self._kept.get(example.token_ids))}
        if missing := [example for example in examples if example.token_ids not in kept]:
            fresh = whole_rows(self._base, missing, range(self._base.num_layers))
            for example, row in zip(missing, fresh, strict=True):
                kept[example.token_ids] = row
                self._kept.keep(example.token_ids, row.alone())
        return [kept[example.token_ids] for example in examples]

    def seen(self, examples: Sequence[Example]) -> Tensor:
        """As `plain_states`, once for the same rows."""
        key = tuple(example.token_ids for example in examples)
        if key not in self._seen:
            self._seen[key] = plain_states(self._base, examples)
        return self._seen[key]


@torch.no_grad()
def whole_rows(base: BaseModel, examples: Sequence[Example], layers: Sequence[int]) -> list[WholeRow]:
    """One plain forward pass, of which the outputs of `layers` are kept, and all keys and values."""
    batch, cache = collate(examples, base), DynamicCache()
    outputs: dict[int, Any] = {}

    def capture(layer: int) -> Any:
        def hook(_block: nn.Module, _arguments: Any, output: Any) -> None:
            outputs[layer] = output

        return hook

    first = torch.zeros(1, dtype=torch.long, device=base.device)
    name = past_name(base)
    assert name
    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(base.blocks[layer].register_forward_hook(capture(layer)))
        hooks.enter_context(head_on(base, first, first))
        base.model(batch.token_ids, attention_mask=batch.attention_mask, use_cache=True, **{name: cache})
    past = [(keys, values) for keys, values, *_ in cache]
    in_tuple = any(isinstance(output, tuple) for output in outputs.values())
    return [
        WholeRow(
            {layer: states_of(output)[row, : len(example)] for layer, output in outputs.items()},
            [keys[row, :, : len(example)] for keys, _ in past],
            [values[row, :, : len(example)] for _, values in past],
            in_tuple,
        )
        for row, example in enumerate(examples)
    ]


@torch.no_grad()
def plain_states(base: BaseModel, examples: Sequence[Example]) -> Tensor:
    """What the head sees [labels, width] where the model as it is predicts the reply tokens, in float32."""
    batch = collate(examples, base)
    rows, tokens = (batch.labels[:, 1:] != IGNORED).nonzero().T
    with head_on(base, rows, tokens), seen_by_head(base) as states:
        base.model(batch.token_ids, attention_mask=batch.attention_mask)
    return states[0]


def past_name(base: BaseModel) -> str | None:
    """How the model calls its stored keys and values; None if it takes none."""
    accepted = signature(base.model.forward).parameters
    return next((name for name in _PAST_NAMES if name in accepted), None)


@contextmanager
def head_on(base: BaseModel, rows: Tensor, tokens: Tensor) -> Iterator[None]:
    """The head sees only the hidden states at [rows[i], tokens[i]], as a batch of one."""

    def select(_head: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (arguments[0][rows, tokens][None], *arguments[1:])

    module = head(base)
    assert module is not None
    with module.register_forward_pre_hook(select):
        yield


@contextmanager
def seen_by_head(base: BaseModel) -> Iterator[list[Tensor]]:
    """The states [labels, width] of every forward pass in the block; not those that `head_on` leaves out."""
    states: list[Tensor] = []

    def note(_head: nn.Module, arguments: tuple[Any, ...], _logits: Any) -> None:
        states.append(arguments[0][0].float())

    module = head(base)
    assert module is not None
    with module.register_forward_hook(note):
        yield states


def head(base: BaseModel) -> nn.Module | None:
    """What turns hidden states into logits."""
    get_head: Any = base.model.get_output_embeddings
    module = get_head()
    return module if isinstance(module, nn.Module) else None
