import re
import tracemalloc
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reft_studio.demonstrations import Demonstration, Limits, check_demonstrations
from reft_studio.errors import DemonstrationsError
from reft_studio.settings import EMBEDDED_MODEL, Settings
from reft_studio.table_files import read_demonstrations, write_demonstrations

SUFFIXES = [".csv", ".tsv", ".jsonl", ".xlsx"]
AWKWARD = [
    Demonstration("👩‍👩‍👧‍👦 family", "🏴󠁧󠁢󠁳󠁣󠁴󠁿🇫🇷 1️⃣"),
    Demonstration("مرحبا \u200fكيف", "שלום\u202e abc"),
    Demonstration("two\nlines", "a\r\nb\rc\n"),
    Demonstration(' "quoted", with; separators\t', "  leading and trailing  "),
    Demonstration("NA", "001"),
    Demonstration("=1+1", "null"),
    Demonstration("", ""),
]
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_awkward_text_survives_a_file_exactly(tmp_path, suffix):
    write_demonstrations(AWKWARD, tmp_path / f"table{suffix}")
    assert read_demonstrations(tmp_path / f"table{suffix}") == AWKWARD


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None)
@given(rows=st.lists(st.builds(Demonstration, text, text), max_size=4))
def test_any_table_survives_a_file_exactly(tmp_path_factory, suffix, rows):
    path = tmp_path_factory.mktemp("round") / f"table{suffix}"
    write_demonstrations(rows, path)
    assert read_demonstrations(path) == rows


@pytest.mark.parametrize(
    "starter", sorted((EMBEDDED_MODEL.parent / "starters").glob("*.csv")), ids=lambda p: p.stem
)
def test_every_starter_can_be_trained_on(starter):  # fmt: skip
    rows = read_demonstrations(starter)
    assert len(rows) == 10
    assert check_demonstrations(rows) == rows


@pytest.mark.parametrize(
    "header", ["Prompt,Reply", "question,answer", "INPUT,Output", "instruction,response"]
)
def test_usual_headings_are_understood(tmp_path, header):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\nhello,hi\n", encoding="utf-8")
    assert read_demonstrations(path) == [Demonstration("hello", "hi")]


def test_other_columns_and_their_order_do_not_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,reply,prompt\n1,hi,hello\n", encoding="utf-8")
    assert read_demonstrations(path) == [Demonstration("hello", "hi")]


def test_two_columns_without_a_heading_are_all_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("hello,hi\nbye,see you\n", encoding="utf-8")
    assert read_demonstrations(path) == [Demonstration("hello", "hi"), Demonstration("bye", "see you")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_spreadsheets_are_read(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes("prompt;reply\nça va?;🙂\n".encode(encoding))
    assert read_demonstrations(path) == [Demonstration("ça va?", "🙂")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "prompt,reply\ncafé,x\n".encode("latin-1"), "not UTF-8"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8"),
        ("t.csv", b"a,b\0\n", "not a text file"),
        ("t.csv", b"PK\x03\x04rest", "CSV UTF-8"),
        ("t.csv", b"prompt\nhello\n", 'no columns "prompt" and "reply"'),
        ("t.csv", b"hello\nbye\n", 'no columns "prompt" and "reply"'),
        ("t.csv", b"a,b,c\n1,2,3\n", "a | b | c"),
        ("t.csv", b'prompt,reply\n"never closed,x\n', "quotation mark"),
        ("t.csv", b"prompt,reply\none,two,three\n", "Row 1"),
        ("t.jsonl", b'{"prompt": "a", "reply": "b"}\nnot json\n', "Line 2"),
        ("t.jsonl", b'{"prompt": "a"}\n', "Line 1"),
        ("t.jsonl", b'{"prompt": "a", "reply": 1}\n', "not text"),
        ("t.jsonl", b"[" * 100_000, "Line 1"),
        ("t.docx", b"", ".csv, .tsv, .jsonl"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_next_step(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DemonstrationsError) as problem:
        read_demonstrations(path)
    assert said in str(problem.value)
    assert len(str(problem.value)) < 500


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DemonstrationsError, match=r"no file .*gone\.csv"):
        read_demonstrations(tmp_path / "gone.csv")


def test_a_cell_of_100_kilobytes_is_read_and_then_refused_by_row_and_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"prompt,reply\nhello,hi\nlong,{'x' * 100_000}\n", encoding="utf-8")
    with pytest.raises(DemonstrationsError, match="reply in row 2 has 100,000 characters"):
        check_demonstrations(read_demonstrations(path))


def test_ten_thousand_rows_are_refused():
    rows = [Demonstration(f"prompt {i}", "reply") for i in range(10_000)]
    with pytest.raises(DemonstrationsError, match="10,000 rows and training takes at most 1,000"):
        check_demonstrations(rows)


EMPTY = Demonstration("", " \n")


@pytest.mark.parametrize("rows", [[], [EMPTY, EMPTY]])
def test_an_empty_table_is_refused(rows):
    with pytest.raises(DemonstrationsError, match="empty"):
        check_demonstrations(rows)


def test_one_row_is_enough_and_empty_rows_are_dropped():
    row = Demonstration("hello", " hi ")
    assert check_demonstrations([EMPTY, row, EMPTY]) == [row]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Demonstration(" ", "hi"), "Row 3 has no prompt"),
        (Demonstration("hello", "\n"), "Row 3 has no reply"),
        (Demonstration("first", "one"), "Rows 1 and 3 are the same"),
        (Demonstration(" first", "one "), "Rows 1 and 3 are the same"),
        (Demonstration("first", "two"), "Rows 1 and 3 have the same prompt"),
        (Demonstration("a\0", "b"), "prompt in row 3 contains a broken character"),
        (Demonstration("a", "\ud83d"), "reply in row 3 contains a broken character"),
    ],
)
def test_a_bad_row_is_named_as_it_is_numbered_in_the_table(row, said):
    with pytest.raises(DemonstrationsError, match=said):
        check_demonstrations([Demonstration("first", "one"), EMPTY, row])


def test_limits_are_the_callers():
    rows = [Demonstration("abc", "d"), Demonstration("e", "f")]
    assert check_demonstrations(rows, Limits(rows=2, cell_characters=3)) == rows
    with pytest.raises(DemonstrationsError, match="at most 1"):
        check_demonstrations(rows, Limits(rows=1))
    with pytest.raises(DemonstrationsError, match="prompt in row 1"):
        check_demonstrations(rows, Limits(cell_characters=2))


def test_default_limits_are_those_of_the_settings():
    settings = Settings()
    assert Limits() == Limits(settings.max_rows, settings.max_cell_characters, settings.max_row_tokens)


def workbook(path, rows):
    book = openpyxl.Workbook()
    book.active.append(["prompt", "reply"])
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_stray_cell_far_from_the_table_costs_nothing(tmp_path):
    book = openpyxl.load_workbook(workbook(tmp_path / "t.xlsx", [["Hi", "Ho"]]))
    book.active.cell(1, 16_384, "x")
    book.active.cell(3, 9_000, "y")
    book.save(tmp_path / "t.xlsx")
    tracemalloc.start()
    rows = read_demonstrations(tmp_path / "t.xlsx")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == [Demonstration("Hi", "Ho"), Demonstration("", "")]
    assert most < 20_000_000
    book.active.cell(1_048_576, 1, "y")
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(DemonstrationsError, match="something below row 100,000"):
        read_demonstrations(tmp_path / "t.xlsx")


def test_a_number_without_end_is_an_error_in_its_line(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"prompt": "Hi", "reply": ' + "9" * 5_000 + "}")
    with pytest.raises(DemonstrationsError, match="Line 1"):
        read_demonstrations(tmp_path / "t.jsonl")


def test_numbers_gaps_and_more_sheets_of_a_workbook_are_read_as_text(tmp_path):
    path = workbook(tmp_path / "t.xlsx", [["One and one?", 2], [None, None], ["Bye", None]])
    book = openpyxl.load_workbook(path)
    book.create_sheet("more").append(["never", "read"])
    book.save(path)
    assert read_demonstrations(path) == [
        Demonstration("One and one?", "2"),
        Demonstration("", ""),
        Demonstration("Bye", ""),
    ]


def test_nothing_that_is_saved_for_excel_is_a_formula(tmp_path):
    rows = [Demonstration("=1+1", '=HYPERLINK("https://example.com")'), Demonstration("#N/A", "+1")]
    write_demonstrations(rows, tmp_path / "t.xlsx")
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "t.xlsx").active for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert read_demonstrations(tmp_path / "t.xlsx") == rows


def test_a_cell_too_long_for_excel_is_not_cut_off(tmp_path):
    with pytest.raises(DemonstrationsError, match="Row 1 has a cell that is too long for Excel"):
        write_demonstrations([Demonstration("x" * 40_000, "y")], tmp_path / "t.xlsx")
    assert not (tmp_path / "t.xlsx").exists()


def replaced(path, part, content):
    """The same workbook with another content in one of its parts."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()} | {part: content}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("xl/worksheets/sheet1.xml", b" " * 30_000_000, "too large: unpacked it has 30 MB"),
        (
            "xl/worksheets/sheet1.xml",
            b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData><row><c t="str"><v>&a;</v></c></row>'
            b"</sheetData></worksheet>",
            "cannot be read as an Excel file",
        ),
        ("xl/workbook.xml", b"<not", "cannot be read as an Excel file"),
    ],
    ids=["a bomb", "entities", "damaged"],
)
def test_a_hostile_or_damaged_workbook_is_refused(tmp_path, part, content, message):
    path = replaced(workbook(tmp_path / "t.xlsx", [["Hi", "Ho"]]), part, content)
    with pytest.raises(DemonstrationsError, match=re.escape(message)):
        read_demonstrations(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DemonstrationsError, match="cannot be read as an Excel file"):
        read_demonstrations(path)
