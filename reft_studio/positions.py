"""Which tokens of a prompt are edited: "l1" is the last one, "f3+l3" the first three and the last three.

The only place where positions are computed; training and chat both ask here.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from reft_studio.errors import RecipeError

_PATTERN = re.compile(r"(?:f([1-9][0-9]{0,3})(?:\+(?=l)|\Z))?(?:l([1-9][0-9]{0,3}))?")


@dataclass(frozen=True)
class Positions:
    """How many tokens are edited at the beginning and at the end of a prompt."""

    first: int
    last: int


def parse_positions(text: str) -> Positions:
    """Read "l1", "f2", "f1+l1" or "f3+l3"; raises RecipeError for anything else."""
    match = _PATTERN.fullmatch(text)
    if not text or not match:
        raise RecipeError(
            f'The positions "{text}" cannot be read. Write "l1" for the last token of the prompt, "f2" for '
            'the first two, or "f3+l3" for the first three and the last three.'
        )
    first, last = match.groups(default="0")
    return Positions(int(first), int(last))


class Tokens(StrEnum):
    """Which of the edited tokens share an edit."""

    ALL = "all"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True)
class Located:
    """The edited tokens of a prompt: sorted indices, each one once."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    def of(self, tokens: Tokens) -> list[int]:
        """The indices that belong to a group."""
        match tokens:
            case Tokens.ALL:
                return sorted((*self.first, *self.last))
            case Tokens.FIRST:
                return list(self.first)
            case Tokens.LAST:
                return list(self.last)


@dataclass(frozen=True)
class Piece:
    """Of a prompt, the text of one token, or of several that are one character together."""

    text: str
    edited: bool


def locate(positions: Positions, prompt_length: int, start: int = 0) -> Located:
    """Token indices of a prompt that lies at [start, start + prompt_length).

    `l1` is the last token of the prompt, the one from which the reply is generated. A prompt shorter than
    `first + last` is edited at every token; one that would be both counts as one of the last.
    """
    border = max(0, prompt_length - positions.last)
    return Located(
        tuple(range(start, start + min(positions.first, border))),
        tuple(range(start + border, start + prompt_length)),
    )
