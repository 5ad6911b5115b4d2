"""What never changes in a training, kept in memory row by row, and put together to the input of a step."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from reft_studio.base_model import BaseModel
from reft_studio.fit import free_memory
from reft_studio.positions import Tokens
from reft_studio.train.examples import IGNORED, Example

SHARE_OF_FREE_MEMORY = 0.5
"""How much of the memory that is free when a training begins the stored rows may take."""


@dataclass(frozen=True)
class StoredRow:
    """What never changes of one demonstration, whose first edited token is p."""

    states: Tensor
    """[tokens - p, width]: the output of block L; nothing of it if L is -1, the input of block 0."""
    keys: list[Tensor]
    """Of each block above L [heads, p, head width]."""
    values: list[Tensor]
    """Of each block above L [heads, p, head width]."""
    past_shape: tuple[int, int]
    """Heads and head width of the keys of the blocks up to L, of which only the shape is needed."""

    def to(self, device: torch.device) -> Self:
        """The same row on `device`."""
        keys, values = ([tensor.to(device) for tensor in kind] for kind in (self.keys, self.values))
        return type(self)(self.states.to(device), keys, values, self.past_shape)

    @property
    def bytes(self) -> int:
        """The memory it takes."""
        return sum(tensor.nbytes for tensor in (self.states, *self.keys, *self.values))


@dataclass(frozen=True)
class StepInput:
    """A batch, from the first edited token on: padded on the right, and their past on the left."""

    token_ids: Tensor
    """[rows, tokens]"""
    position_ids: Tensor
    """[rows, tokens]: places in the whole demonstration."""
    attention_mask: Tensor
    """[rows, past + tokens]"""
    states: Tensor
    """[rows, tokens, width]: the output of block L before any edit."""
    past: list[tuple[Tensor, Tensor]]
    """Keys and values [rows, heads, past, head width] of every block; those of blocks 0 to L hold nothing."""
    edited: dict[Tokens, tuple[Tensor, Tensor]]
    """Rows and tokens [edits] of each group of edited tokens."""
    predicting: tuple[Tensor, Tensor]
    """Rows and tokens whose next token is learned [labels]."""
    labels: Tensor
    """[labels]"""


class Row(Protocol):
    """Tensors that can be kept."""

    @property
    def bytes(self) -> int:
        """The memory they take."""

    def to(self, device: torch.device) -> Self:
        """The same on `device`."""


KeyT = TypeVar("KeyT", bound=Hashable)
RowT = TypeVar("RowT", bound=Row)


class Rows(Generic[KeyT, RowT]):
    """Stored rows: on the model's device while there is room, then in host memory, then not kept at all."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._rows: dict[KeyT, RowT] = {}
        # Once each, the model's device first; with Apple's chips both are one memory.
        places = dict.fromkeys((device,) if device.type == "mps" else (device, torch.device("cpu")))
        self._left = {place: int(SHARE_OF_FREE_MEMORY * free_memory(place)) for place in places}

    def get(self, key: KeyT) -> RowT | None:
        """A row on the model's device, if it is kept."""
        row = self._rows.get(key)
        return row and row.to(self._device)

    def keep(self, key: KeyT, row: RowT) -> None:
        """Keep a row where there is room; where there is none it will have to be computed again."""
        for device, left in self._left.items():
            if row.bytes <= left:
                self._left[device] = left - row.bytes
                self._rows[key] = row.to(device)
                return


def join(base: BaseModel, layer: int, examples: Sequence[Example], rows: Sequence[StoredRow]) -> StepInput:
    """Pad rows to one batch in which the past of all of them ends in one column."""
    firsts = [first_edited(example) for example in examples]
    past = max(firsts)
    tokens = max(len(example) - first for example, first in zip(examples, firsts, strict=True))
    token_ids = torch.full((len(rows), tokens), int(base.tokenizer.pad_token_id))
    mask = torch.zeros((len(rows), past + tokens), dtype=torch.long)
    labels = torch.full((len(rows), tokens), IGNORED)
    for row, (example, first) in enumerate(zip(examples, firsts, strict=True)):
        own = len(example) - first
        token_ids[row, :own] = torch.tensor((example.prompt_ids + example.reply_ids)[first:])
        mask[row, past - first : past + own] = 1
        # The token before a reply's first one predicts it.
        labels[row, len(example.prompt_ids) - 1 - first : own - 1] = torch.tensor(example.reply_ids)
    learned = labels != IGNORED
    places = torch.tensor(firsts)[:, None] + torch.arange(tokens)
    predicting_rows, predicting_tokens = learned.nonzero().to(base.device).T
    return StepInput(
        token_ids.to(base.device),
        # Padding may reach beyond the last place that a model has learned.
        places.clamp(max=base.context_length - 1).to(base.device),
        mask.to(base.device),
        torch.stack([pad(row.states, (0, 0, 0, tokens - len(row.states))) for row in rows]),
        _past(rows, layer, past),
        {group: _edited(examples, group, base.device) for group in Tokens},
        (predicting_rows, predicting_tokens),
        labels[learned].to(base.device),
    )


def first_edited(example: Example) -> int:
    """The token before which nothing changes."""
    return example.positions.of(Tokens.ALL)[0]


def _edited(examples: Sequence[Example], group: Tokens, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows and tokens [edits], counted from each row's first edited token."""
    places = [
        (row, token - first_edited(example))
        for row, example in enumerate(examples)
        for token in example.positions.of(group)
    ]
    rows, tokens = torch.tensor(places, dtype=torch.long, device=device).reshape(-1, 2).T
    return rows, tokens


def _past(rows: Sequence[StoredRow], layer: int, length: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of all blocks, padded on the left; of those up to `layer` only the length counts."""
    heads, head_width = rows[0].past_shape
    nothing = rows[0].states.new_zeros(1).expand(len(rows), heads, length, head_width)
    columns = [
        torch.stack([pad(tensor, (0, 0, length - tensor.shape[1], 0)) for tensor in tensors])
        for kind in ("keys", "values")
        for tensors in zip(*(getattr(row, kind) for row in rows), strict=True)
    ]
    above = len(columns) // 2
    return [(nothing, nothing)] * (layer + 1) + list(zip(columns[:above], columns[above:], strict=True))
