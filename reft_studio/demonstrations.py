"""The table of demonstrations: what a person shows the model, read from and written to files.

Text is kept exactly as it was typed: emoji sequences, right-to-left marks, line breaks, "001" and "NA".
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reft_studio.errors import DemonstrationsError

PROMPT_NAMES = ("prompt", "question", "input", "instruction")
REPLY_NAMES = ("reply", "answer", "output", "response")

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Demonstration:
    """One row: when the prompt is this, the bot should reply that."""

    prompt: str
    reply: str


@dataclass(frozen=True)
class Limits:
    """How much of a table training accepts."""

    rows: int = 1000
    cell_characters: int = 4000


def read_demonstrations(path: str | Path) -> list[Demonstration]:
    """All rows of a .csv, .tsv or .jsonl file; raises DemonstrationsError where it cannot be read.

    What the rows say is judged later, by `check_demonstrations`, so that a table can be opened and mended.
    """
    path = Path(path)
    read = _format(path).read
    if not path.is_file():
        raise DemonstrationsError(f'There is no file "{path}". Check its name and folder.')
    return read(_decode(path.read_bytes(), path.name), path.name)


def write_demonstrations(demonstrations: Iterable[Demonstration], path: str | Path) -> None:
    """Write a .csv, .tsv or .jsonl file that `read_demonstrations` gives back exactly."""
    path = Path(path)
    rows = list(demonstrations)
    for number, row in enumerate(rows, start=1):
        _check_characters(row, number)
    path.write_bytes(_format(path).write(rows))


def check_demonstrations(
    demonstrations: Sequence[Demonstration], limits: Limits | None = None
) -> list[Demonstration]:
    """The rows that training takes, without the empty ones that a table ends with.

    Raises DemonstrationsError naming row and column for the first row that cannot be trained on: a missing
    cell, a cell that is too long, a row that is there twice, one prompt with two replies. Row numbers are
    those of the given table, counted from 1.
    """
    limits = limits or Limits()
    rows = [
        (number, row)
        for number, row in enumerate(demonstrations, start=1)
        if row.prompt.strip() or row.reply.strip()
    ]
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
    _check_characters(row, number)


def _check_characters(row: Demonstration, number: int) -> None:
    for column, text in (("prompt", row.prompt), ("reply", row.reply)):
        if is_broken(text):
            raise DemonstrationsError(
                f"The {column} in row {number} contains a broken character. Type the cell again."
            )


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


def _decode(data: bytes, name: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark as spreadsheets write it."""
    if data.startswith(b"PK\x03\x04"):
        raise DemonstrationsError(
            f'"{name}" is a spreadsheet or a zip, not a text file. In the spreadsheet choose "Save as" and '
            '"CSV UTF-8", then open that file.'
        )
    try:
        text = data.decode(_BYTE_ORDER_MARKS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DemonstrationsError(
            f'"{name}" is not UTF-8 text (byte {error.start + 1:,} does not fit). In the program it comes '
            'from, choose "Save as" and "CSV UTF-8", then open that file.'
        ) from None
    if "\0" in text:
        raise DemonstrationsError(f'"{name}" is not a text file. Open a CSV, TSV or JSONL file.')
    return text


def _read_csv(text: str, name: str) -> list[Demonstration]:
    first_line = text.partition("\n")[0]
    # Spreadsheets in many languages write semicolons where English ones write commas.
    delimiter = next((d for d in ",;\t" if _find_columns(first_line.rstrip("\r").split(d))), ",")
    return _read_table(text, name, delimiter)


def _read_table(text: str, name: str, delimiter: str) -> list[Demonstration]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise DemonstrationsError(
            f'"{name}" cannot be read at line {reader.line_num:,} ({error}). Look there for a quotation mark '
            "that is never closed or a cell that is far too long."
        ) from None
    if not rows:
        return []
    columns = _find_columns(rows[0])
    if columns is None:
        if any(len(row) != 2 for row in rows):
            raise DemonstrationsError(
                f'"{name}" has no columns "prompt" and "reply"; its first line is: {_excerpt(rows[0])}. '
                'Write "prompt" and "reply" over the two columns.'
            )
        return [Demonstration(*row) for row in rows]
    width = len(rows[0])
    demonstrations = []
    for number, row in enumerate(rows[1:], start=1):
        if len(row) > width:
            raise DemonstrationsError(
                f'Row {number} of "{name}" has {len(row)} cells and the heading has {width}. Put quotation '
                "marks around a text that contains the separator."
            )
        cells = row + [""] * (width - len(row))
        demonstrations.append(Demonstration(cells[columns[0]], cells[columns[1]]))
    return demonstrations


def _find_columns(header: Sequence[str]) -> tuple[int, int] | None:
    """Which columns hold prompts and replies, or None where the header does not say so."""
    names = [cell.strip().strip('"').lower() for cell in header]
    prompt = next((names.index(name) for name in PROMPT_NAMES if name in names), None)
    reply = next((names.index(name) for name in REPLY_NAMES if name in names), None)
    return None if prompt is None or reply is None else (prompt, reply)


def _excerpt(cells: Sequence[str]) -> str:
    text = " | ".join(cells)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _read_jsonl(text: str, name: str) -> list[Demonstration]:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_read_json_line(line, f'Line {number} of "{name}"') for number, line in lines]


def _read_json_line(line: str, where: str) -> Demonstration:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        record = None
    columns = _find_columns(list(record)) if isinstance(record, dict) else None
    if columns is None:
        raise DemonstrationsError(
            f'{where} should look like {{"prompt": "…", "reply": "…"}} and is: {_excerpt([line])}. '
            "Correct the line."
        )
    values = list(record.values())
    prompt, reply = (values[column] for column in columns)
    if not isinstance(prompt, str) or not isinstance(reply, str):
        raise DemonstrationsError(
            f"{where} has a prompt or reply that is not text. Put it in quotation marks."
        )
    return Demonstration(prompt, reply)


def _write_table(rows: Sequence[Demonstration], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    # Everything is quoted, so that lone carriage returns and leading spaces survive.
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(("prompt", "reply"))
    writer.writerows((row.prompt, row.reply) for row in rows)
    # The byte order mark makes spreadsheets show emoji.
    return text.getvalue().encode("utf-8-sig")


def _write_jsonl(rows: Sequence[Demonstration]) -> bytes:
    lines = (json.dumps({"prompt": row.prompt, "reply": row.reply}, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


@dataclass(frozen=True)
class _Format:
    read: Callable[[str, str], list[Demonstration]]
    write: Callable[[Sequence[Demonstration]], bytes]


_FORMATS = {
    ".csv": _Format(_read_csv, partial(_write_table, delimiter=",")),
    ".tsv": _Format(partial(_read_table, delimiter="\t"), partial(_write_table, delimiter="\t")),
    ".jsonl": _Format(_read_jsonl, _write_jsonl),
}


def _format(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise DemonstrationsError(
            f'"{path.name}" is not a kind of file that holds a table here. Use one of: {", ".join(_FORMATS)}.'
        ) from None
