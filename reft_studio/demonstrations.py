"""The table of demonstrations: what a person shows the model, and what of it can be trained on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from reft_studio.errors import DemonstrationsError

_NAMED = 5
"""Of more rows than that only so many are named."""
_QUOTED = 40
"""So many characters of a prompt tell which one it is."""


@dataclass(frozen=True)
class Demonstration:
    """One row: when the prompt is this, the bot should reply that."""

    prompt: str
    reply: str


def is_filled(row: Demonstration) -> bool:
    """Whether something is written in it."""
    return bool(row.prompt.strip() or row.reply.strip())


def to_json(demonstrations: Sequence[Demonstration]) -> str:
    """As the store writes them down."""
    return json.dumps([[row.prompt, row.reply] for row in demonstrations])


def from_json(text: str) -> tuple[Demonstration, ...]:
    """What `to_json` was given."""
    return tuple(Demonstration(prompt, reply) for prompt, reply in json.loads(text))


@dataclass(frozen=True)
class Limits:
    """How much of a table training accepts."""

    rows: int = 1000
    cell_characters: int = 4000
    row_tokens: int = 8192
    """Of prompt and reply together, where the model's context does not end before."""


def check_demonstrations(
    demonstrations: Sequence[Demonstration], limits: Limits | None = None
) -> list[Demonstration]:
    """The rows that training takes, without the empty ones that a table ends with.

    Raises DemonstrationsError naming row and column for the first row that cannot be trained on: a missing
    cell, a cell that is too long, a row that is there twice, one prompt with two replies. Row numbers are
    those of the given table, counted from 1.
    """
    limits = limits or Limits()
    rows = [(number, row) for number, row in enumerate(demonstrations, start=1) if is_filled(row)]
    if not rows:
        raise DemonstrationsError("The table is empty. Write at least one row with a prompt and a reply.")
    if len(rows) > limits.rows:
        raise DemonstrationsError(
            f"The table has {len(rows):,} rows and training takes at most {limits.rows:,}. "
            "Ten good rows are often enough: keep the best ones."
        )
    seen: dict[str, tuple[int, Demonstration]] = {}
    for number, row in rows:
        _check_cells(row, number, limits)
        _check_against(seen.setdefault(row.prompt.strip(), (number, row)), number, row)
    return [row for _, row in rows]


def _check_cells(row: Demonstration, number: int, limits: Limits) -> None:
    for column, text in (("prompt", row.prompt), ("reply", row.reply)):
        if not text.strip():
            raise DemonstrationsError(f"Row {number} has no {column}. Fill in the cell or delete the row.")
        if len(text) > limits.cell_characters:
            raise DemonstrationsError(
                f"The {column} in row {number} has {len(text):,} characters; at most "
                f"{limits.cell_characters:,} are allowed. Shorten it."
            )
    check_characters(row, number)


def check_characters(row: Demonstration, number: int) -> None:
    """Raise DemonstrationsError for what no file can hold."""
    for column, text in (("prompt", row.prompt), ("reply", row.reply)):
        if is_broken(text):
            raise DemonstrationsError(
                f"The {column} in row {number} contains a broken character. Type the cell again."
            )


def rows_named(numbers: Sequence[int]) -> str:
    """Some rows of the table in words, of many only the first ones."""
    if len(numbers) > _NAMED:
        return f"Rows {', '.join(map(str, numbers[:_NAMED]))} and {len(numbers) - _NAMED} more"
    first, last = ", ".join(map(str, numbers[:-1])), numbers[-1]
    return f"Rows {first} and {last}" if first else f"Row {last}"


def beginning_of(prompt: str) -> str:
    """By which a row is found again where its number is not known: that of a table with empty rows, say."""
    words = " ".join(prompt.split())
    return f'"{words[:_QUOTED].rstrip()}…"' if len(words) > _QUOTED else f'"{words}"'


def is_broken(text: str) -> bool:
    """Whether there is half a character or an end of text in it, which no file can hold."""
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _check_against(first: tuple[int, Demonstration], number: int, row: Demonstration) -> None:
    first_number, first_row = first
    if first_number == number:
        return
    if first_row.reply.strip() == row.reply.strip():
        raise DemonstrationsError(f"Rows {first_number} and {number} are the same. Delete one of them.")
    raise DemonstrationsError(
        f"Rows {first_number} and {number} have the same prompt and different replies, so the bot cannot "
        "know which one you want. Change one of the prompts or delete one of the rows."
    )
