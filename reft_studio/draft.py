"""The table as it stands on the page, and its edits, each of which can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reft_studio.demonstrations import Demonstration

Rows = Sequence[Demonstration]


@dataclass(frozen=True)
class Draft:
    """The table, empty rows and all, and what is said beside it."""

    name: str = ""
    demonstrations: tuple[Demonstration, ...] = ()
    probes: tuple[str, ...] = ()
    rules: tuple[str, ...] | None = None
    """By which the bot will be scored; None to guess them from the rows."""
    instruction: str = ""
    """The system prompt for the base model that the bot will be compared with."""


@dataclass(frozen=True)
class Edit:
    """What a change of the rows did: some gave way to others, and with them perhaps a name or rules."""

    start: int
    """Of the first row that changed, counted from 0."""
    removed: tuple[Demonstration, ...]
    added: tuple[Demonstration, ...]
    before: Draft
    after: Draft
    """Without their rows."""

    @classmethod
    def between(cls, before: Draft, after: Draft) -> Edit:
        """The smallest one that leads from one draft to the other."""
        old, new = before.demonstrations, after.demonstrations
        start = _shared(old, new)
        end = _shared(old[start:][::-1], new[start:][::-1])
        return cls(
            start,
            old[start : len(old) - end],
            new[start : len(new) - end],
            replace(before, demonstrations=()),
            replace(after, demonstrations=()),
        )

    def joined(self, later: Edit) -> Edit | None:
        """Both as one, where the later one goes on with the one row that this one wrote; else None."""
        one_row = len(self.added) == len(later.removed) == len(later.added) == 1
        if one_row and self.start == later.start and self.added == later.removed:
            return replace(self, added=later.added, after=later.after)
        return None

    def undone(self, draft: Draft) -> Draft:
        """The draft without this edit, which was the last of its rows; what was changed since stays."""
        return self._changed(draft, self.added, self.removed, self.after, self.before)

    def redone(self, draft: Draft) -> Draft:
        """The draft with this edit again."""
        return self._changed(draft, self.removed, self.added, self.before, self.after)

    def _changed(self, draft: Draft, old: Rows, new: Rows, source: Draft, target: Draft) -> Draft:
        rows = draft.demonstrations
        beside = {
            name: getattr(target, name)
            for name in ("name", "probes", "rules", "instruction")
            if getattr(draft, name) == getattr(source, name)
        }
        rows = (*rows[: self.start], *new, *rows[self.start + len(old) :])
        return replace(draft, demonstrations=rows, **beside)


def _shared(some: Rows, others: Rows) -> int:
    """How many rows at the beginning are the same."""
    count = 0
    while count < min(len(some), len(others)) and some[count] == others[count]:
        count += 1
    return count
