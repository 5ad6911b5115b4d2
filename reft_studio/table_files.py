"""Tables of demonstrations as files: CSV, TSV, JSONL and Excel.

Text is kept exactly as it was typed: emoji sequences, right-to-left marks, line breaks, "001" and "NA".
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reft_studio.demonstrations import Demonstration, check_characters
from reft_studio.errors import DemonstrationsError

PROMPT_NAMES = ("prompt", "question", "input", "instruction")
REPLY_NAMES = ("reply", "answer", "output", "response")

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SHEET_BYTES = 20_000_000
"""Unpacked: a workbook is a zip, and a small one can hold anything."""
_SHEET_ROWS = 100_000
"""Excel has a million, and one stray cell makes a sheet as long as that."""
_CELL_CHARACTERS = 32_767
"""A cell of Excel holds no more, and openpyxl would cut it off."""
# As Excel writes what XML cannot hold, and so also what looks like that.
_NOT_XML = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read_demonstrations(path: str | Path) -> list[Demonstration]:
    """All rows of a .csv, .tsv, .jsonl or .xlsx file; raises DemonstrationsError where it cannot be read.

    What the rows say is judged later, by `check_demonstrations`, so that a table can be opened and mended.
    """
    path = Path(path)
    read = _format(path).read
    if not path.is_file():
        raise DemonstrationsError(f'There is no file "{path}". Check its name and folder.')
    return read(path.read_bytes(), path.name)


def write_demonstrations(demonstrations: Iterable[Demonstration], path: str | Path) -> None:
    """Write a .csv, .tsv, .jsonl or .xlsx file that `read_demonstrations` gives back exactly."""
    path = Path(path)
    rows = list(demonstrations)
    for number, row in enumerate(rows, start=1):
        check_characters(row, number)
    path.write_bytes(_format(path).write(rows))


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


def _read_csv(data: bytes, name: str) -> list[Demonstration]:
    text = _decode(data, name)
    first_line = text.partition("\n")[0]
    # Spreadsheets in many languages write semicolons where English ones write commas.
    delimiter = next((d for d in ",;\t" if _find_columns(first_line.rstrip("\r").split(d))), ",")
    return _read_separated(text, name, delimiter)


def _read_tsv(data: bytes, name: str) -> list[Demonstration]:
    return _read_separated(_decode(data, name), name, "\t")


def _read_separated(text: str, name: str, delimiter: str) -> list[Demonstration]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise DemonstrationsError(
            f'"{name}" cannot be read at line {reader.line_num:,} ({error}). Look there for a quotation mark '
            "that is never closed or a cell that is far too long."
        ) from None
    return _read_rows(rows, name)


def _read_rows(rows: Sequence[list[str]], name: str) -> list[Demonstration]:
    """With a heading that names the two columns, or just two columns."""
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
        prompt, reply = (row[column] if column < len(row) else "" for column in columns)
        demonstrations.append(Demonstration(prompt, reply))
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


def _read_jsonl(data: bytes, name: str) -> list[Demonstration]:
    text = _decode(data, name)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_read_json_line(line, f'Line {number} of "{name}"') for number, line in lines]


def _read_json_line(line: str, where: str) -> Demonstration:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        # A number of thousands of digits is an error of the first kind, too.
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


def _read_workbook(data: bytes, name: str) -> list[Demonstration]:
    # Here, since a chat Space has this module and no use for workbooks.
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > _SHEET_BYTES:
            raise DemonstrationsError(
                f'"{name}" is too large: unpacked it has {size / 1e6:,.0f} MB. Keep only the two columns.'
            )
        sheet = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
        # What the file says of its size may be anything.
        sheet.reset_dimensions()
        rows = _sheet_rows(sheet.iter_rows(values_only=True), name)
    except DemonstrationsError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever openpyxl stumbles over in a file from anywhere
        raise DemonstrationsError(
            f'"{name}" cannot be read as an Excel file ({type(error).__name__}). Open it in the program it '
            'comes from, choose "Save as" and "CSV UTF-8", then open that file.'
        ) from None
    if rows:
        # What somebody has written far beside the table belongs to no column of it.
        rows[0] += [""] * (max(map(len, rows)) - len(rows[0]))
    return _read_rows([row + [""] * (2 - len(row)) for row in rows], name)


def _sheet_rows(rows: Iterable[Sequence[Any]], name: str) -> list[list[str]]:
    """Each up to the last cell with something in it; raises DemonstrationsError if there are too many."""
    read = []
    for number, row in enumerate(rows, start=1):
        if number > _SHEET_ROWS:
            raise DemonstrationsError(
                f'"{name}" has something below row {_SHEET_ROWS:,}. Delete all rows below the table, save '
                "the file and open it again."
            )
        cells = [_cell_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        read.append(cells)
    return read


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value))


def _write_workbook(rows: Sequence[Demonstration]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    texts = [[_escaped(text) for text in (row.prompt, row.reply)] for row in rows]
    for number, pair in enumerate(texts, start=1):
        if max(map(len, pair)) > _CELL_CHARACTERS:
            raise DemonstrationsError(
                f"Row {number} has a cell that is too long for Excel, which takes {_CELL_CHARACTERS:,} "
                "characters. Save as CSV instead."
            )
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("examples")
    sheet.append(["prompt", "reply"])
    for pair in texts:
        cells = [WriteOnlyCell(sheet, text) for text in pair]
        for cell in cells:
            # Also what begins with "=": nothing that anybody wrote is a formula.
            cell.data_type = "s"
        sheet.append(cells)
    data = io.BytesIO()
    workbook.save(data)
    return data.getvalue()


def _escaped(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def _write_separated(rows: Sequence[Demonstration], delimiter: str) -> bytes:
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
    read: Callable[[bytes, str], list[Demonstration]]
    write: Callable[[Sequence[Demonstration]], bytes]


_FORMATS = {
    ".csv": _Format(_read_csv, partial(_write_separated, delimiter=",")),
    ".tsv": _Format(_read_tsv, partial(_write_separated, delimiter="\t")),
    ".jsonl": _Format(_read_jsonl, _write_jsonl),
    ".xlsx": _Format(_read_workbook, _write_workbook),
}


def _format(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise DemonstrationsError(
            f'"{path.name}" is not a kind of file that holds a table here. Use one of: {", ".join(_FORMATS)}.'
        ) from None
