"""Between the table on the page and demonstrations: cells, files, pasted text."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reft_studio.demonstrations import Demonstration, Limits, check_characters, is_broken, is_filled
from reft_studio.errors import DemonstrationsError
from reft_studio.scratch import offered_file
from reft_studio.table_files import read_demonstrations, write_demonstrations
from reft_studio.ui import wording

BLANK_ROWS = 3
"""So that an empty table invites typing."""

Cells = list[list[str]]


def to_cells(demonstrations: Sequence[Demonstration]) -> Cells:
    """What the table shows."""
    return [[row.prompt, row.reply] for row in demonstrations] or [["", ""] for _ in range(BLANK_ROWS)]


def from_cells(cells: Sequence[Sequence[Any]]) -> list[Demonstration]:
    """What stands in the table, empty rows and all; a cell never touched may be None.

    Raises DemonstrationsError for what could not be shown again.
    """
    texts = [["" if cell is None else str(cell) for cell in row] for row in cells]
    rows = [Demonstration(*row) for row in texts if len(row) == 2]
    for number, row in enumerate(rows, start=1):
        check_characters(row, number)
    return rows


def filled(demonstrations: Sequence[Demonstration]) -> list[Demonstration]:
    """The rows in which something is written."""
    return list(filter(is_filled, demonstrations))


def added(
    current: Sequence[Demonstration], new: Sequence[Demonstration], limits: Limits
) -> list[Demonstration]:
    """The new rows below the current ones; raises DemonstrationsError if they do not fit the table."""
    rows = [*filled(current), *filled(new)]
    if len(rows) > limits.rows:
        raise DemonstrationsError(wording.too_many_rows(len(rows), limits.rows))
    for number, row in enumerate(new, start=1):
        check_characters(row, number)
        longest = max(len(row.prompt), len(row.reply))
        if longest > limits.cell_characters:
            raise DemonstrationsError(wording.cell_too_long(number, longest, limits.cell_characters))
    return rows


def pasted(text: str, scratch: Path) -> list[Demonstration]:
    """Two columns as a spreadsheet puts them on the clipboard."""
    if not text.strip():
        raise DemonstrationsError(wording.NOTHING_PASTED)
    if is_broken(text):
        raise DemonstrationsError(wording.BROKEN_CHARACTER)
    with TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / f"{wording.PASTED_FILE}.tsv"
        path.write_text(text, encoding="utf-8", newline="")
        return read_demonstrations(path)


def saved(demonstrations: Sequence[Demonstration], suffix: str, scratch: Path) -> str:
    """A file of the rows, for the browser to fetch."""
    path = offered_file(scratch, f"{wording.SAVED_FILE}{suffix}")
    write_demonstrations(filled(demonstrations), path)
    return str(path)
