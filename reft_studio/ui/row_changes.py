"""What a button can do to one row of the table.

Each takes the rows and the number of one, counted from 0, and gives the rows then, and which of them is meant
then; None for none.
"""

from collections.abc import Callable

from reft_studio.demonstrations import Demonstration

Rows = list[Demonstration]
RowChange = Callable[[Rows, int], tuple[Rows, int | None]]


def duplicate(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """Once more below."""
    return [*rows[: row + 1], *rows[row:]], row + 1


def move_up(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """Before the one above; the first stays."""
    return _move(rows, row, max(row - 1, 0))


def move_down(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """Behind the one below; the last stays."""
    return _move(rows, row, min(row + 1, len(rows) - 1))


def delete(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """And mean none: a second click shall not take the next one too."""
    return [*rows[:row], *rows[row + 1 :]], None


def delete_and_go_on(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """And mean the one that was below."""
    return [*rows[:row], *rows[row + 1 :]], row


def go_up(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """Change nothing and mean the one above."""
    return rows, row - 1


def go_down(rows: Rows, row: int) -> tuple[Rows, int | None]:
    """Change nothing and mean the one below."""
    return rows, row + 1


def add(rows: Rows, _row: int) -> tuple[Rows, int | None]:
    """An empty one at the end."""
    return [*rows, Demonstration("", "")], len(rows)


def _move(rows: Rows, row: int, to: int) -> tuple[Rows, int | None]:
    others = [*rows[:row], *rows[row + 1 :]]
    return [*others[:to], rows[row], *others[to:]], to
