"""What bots do to hidden states in chat: each row of a batch is edited by its own.

It needs nothing of what training needs, so a chat starts without it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from operator import mul
from typing import Any

from torch import nn

from reft_studio.base_model import BaseModel, states_of, with_states
from reft_studio.positions import Located
from reft_studio.weights import ReFTWeights, Weights


@dataclass(frozen=True)
class Edit:
    """How one row of a batch is edited."""

    row: int
    weights: Weights
    positions: Located
    """Token indices in the row's prompt."""
    padding: int = 0
    """Padding tokens to the left of the prompt."""
    strength: float = 1.0
    """By which the change is multiplied; 1 is as trained."""


@contextmanager
def applied(base: BaseModel, edits: Sequence[Edit]) -> Iterator[None]:
    """Within the block, forward passes of one batch edit the given rows; all other rows stay as they are.

    Where several edits meet at a token of a row, their changes are added up, each as if it were alone.
    Each pass continues where the last one ended, as in generation: the prompt, then token by token.
    Positions are all in the prompt, so nothing is edited after it.
    """
    due: dict[str, list[_RowEdit]] = {}
    for edit in edits:
        for site, weights in edit.weights.items():
            tokens = [edit.padding + token for token in edit.positions.of(site.tokens)]
            path = base.component_path(site.layer, site.component)
            due.setdefault(path, []).append((edit.row, tokens, weights.to(base.device), edit.strength))
    with ExitStack() as hooks:
        for path, row_edits in due.items():
            module = base.model.get_submodule(path)
            hooks.enter_context(module.register_forward_hook(_ModuleHook(row_edits)))
        yield


_RowEdit = tuple[int, list[int], ReFTWeights, float]
"""A row of a batch, its edited tokens, how they are edited, and how strongly."""


class _ModuleHook:
    """Edits the output of one module and keeps count of the tokens that went by."""

    def __init__(self, edits: list[_RowEdit]) -> None:
        self._edits = edits
        self._seen = 0

    def __call__(self, _module: nn.Module, _arguments: Any, output: Any) -> Any:
        """A forward hook."""
        hidden = states_of(output)
        start, self._seen = self._seen, self._seen + hidden.shape[1]
        due = [
            (row, [p - start for p in positions if start <= p < self._seen], weights, strength)
            for row, positions, weights, strength in self._edits
        ]
        if not any(positions for _, positions, _, _ in due):
            return output
        edited = hidden.clone()
        for row, positions, weights, strength in due:
            if positions:
                before, so_far = hidden[row, positions], edited[row, positions]
                edited[row, positions] = weights.edit(before, partial(mul, strength), so_far)
        return with_states(output, edited)
