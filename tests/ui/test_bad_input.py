"""What goes wrong by accident, and what nobody means well: a clear sentence, and nothing is lost.

One app and one page for all of it. In the end the page has asked nobody else for anything.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.store import LOCAL, Store
from tests.drafts import draft_of
from tests.ui.running import (
    MILLISECONDS,
    choose_starter,
    open_page,
    open_tab,
    running_app,
    say,
    set_epochs,
    teach,
    train,
    unfold,
    wait_until,
)

pytestmark = pytest.mark.timeout(900)

HEADING = "prompt,reply\n"
AWKWARD = [
    Demonstration("001", "NA"),
    Demonstration("=1+1", "@SUM(A1:A9)"),
    Demonstration("+49 30 1234", "-5"),
    Demonstration('=HYPERLINK("https://example.com/a";"x")', "null"),
    Demonstration("שלום! مرحبا", "‏مائل‎ left-to-right"),
    Demonstration("👩🏽‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈", "e\u0301 is two, é is one; a\u200bb"),
    Demonstration("two\nlines\nand\ttabs", 'a "quoted" word, 5" wide; semicolons'),
    Demonstration("$x^2$ **bold** `code` [link](https://example.com/b)", "![](https://example.com/c.png)"),
    Demonstration(
        '<img src="https://example.com/d.png" onerror="window.hacked=1">',
        "<script>window.hacked=1</script><svg/onload=window.hacked=1>",
    ),
    Demonstration("{{constructor.constructor('window.hacked=1')()}}", "${window.hacked=1}"),
    Demonstration("javascript:window.hacked=1", "&lt;b&gt; &amp; &#39;"),
]
HOSTILE = "<img src=https://example.com/e.png onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    # Nobody looks at the scores.
    with running_app(data_folder, max_score_seconds="2") as address:
        yield address


@pytest.fixture(scope="module")
def asked() -> list[str]:
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, address: str, asked: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.on("request", lambda request: asked.append(request.url))
    page = open_page(context, address)
    yield page
    context.close()


@pytest.fixture(scope="module")
def store(data_folder: Path) -> Store:
    return Store(data_folder)


def rows(store: Store) -> list[Demonstration]:
    return list(draft_of(store).demonstrations)


def upload(page: Page, name: str, content: bytes, how: str = "Keep them") -> None:
    open_tab(page, "Examples")
    if not page.locator("#upload").is_visible():
        page.get_by_role("button", name="Bring rows from a file").click()
    page.get_by_text(how).click()
    files = page.locator("#upload input[type=file]")
    files.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def alert(page: Page, message: str) -> None:
    page.locator(".alert:visible").get_by_text(message).first.wait_for()


def test_every_empty_tab_says_what_to_do(page: Page) -> None:
    expect(page.locator("#count")).to_contain_text("Choose a starter, or write your first row.")
    for tab, said in (
        ("Train", "Write a row or choose a starter first."),
        ("Train", "Press the button, and watch your bot learn here."),
        ("Chat", "Train a bot first, or open a bot file (.zip)."),
        ("Share", "Train one first, or open a bot file in the Chat tab."),
    ):
        open_tab(page, tab)
        page.get_by_role("tabpanel").get_by_text(said).first.wait_for()
    open_tab(page, "Train")
    page.locator("#train").click()
    alert(page, "The table is empty")
    open_tab(page, "Chat")
    page.locator("#message textarea").fill("Hello?")
    page.locator("#send").click()
    alert(page, "Train a bot first")
    expect(page.locator("#message textarea")).to_have_value("Hello?")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "There are no rows in it"),
        ("heading.csv", HEADING.encode(), "There are no rows in it"),
        ("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not UTF-8 text"),
        ("program.jsonl", b"\x7fELF\0\0\0\0", "not a text file"),
        ("latin.csv", f"{HEADING}café,thé\n".encode("latin-1"), "not UTF-8 text"),
        ("no-mark.csv", f"{HEADING}Hi,Hello\n".encode("utf-16-le"), "not a text file"),
        ("broken.xlsx", b"PK\x03\x04" + b"x" * 500, "cannot be read as an Excel file"),
        ("book.csv", b"PK\x03\x04rest", "is a spreadsheet or a zip"),
        ("one-column.csv", b"question\nWho are you?\n", 'has no columns "prompt" and "reply"'),
        ("open-quote.csv", f'{HEADING}"Hi,Hello\n'.encode(), "quotation mark"),
        ("three.tsv", b"prompt\treply\na\tb\tc\n", "Row 1"),
        ("broken.jsonl", b'{"prompt": "a", "reply": "b"}\nnot json\n', "Line 2"),
        ("number.jsonl", b'{"prompt": "a", "reply": 1}\n', "not text"),
        ("half.jsonl", b'{"prompt": "half \\ud83d", "reply": "b"}\n', "contains a broken character"),
        ("end.jsonl", b'{"prompt": "a", "reply": "b\\u0000"}\n', "contains a broken character"),
        ("many.csv", (HEADING + "".join(f"p{n},r\n" for n in range(10_000))).encode(), "at most 1,000"),
        ("long.csv", f"{HEADING}Hi,{'x' * 100_000}\n".encode(), "a cell with 100,000 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_a_file_that_does_not_fit_leaves_the_table_as_it_was(
    page: Page, store: Store, name: str, content: bytes, said: str
) -> None:
    if not rows(store):
        choose_starter(page, "emoji")
    before = rows(store)
    upload(page, name, content, "Replace them")
    alert(page, said)
    assert rows(store) == before != []


@pytest.mark.parametrize(
    ("name", "encoding"), [("rows.jsonl", "utf-8"), ("rows.tsv", "utf-16"), ("rows.csv", "utf-8-sig")]
)
def test_awkward_text_comes_in_exactly_by_every_kind_of_file(
    page: Page, store: Store, name: str, encoding: str
) -> None:
    separator = "\t" if name.endswith("tsv") else ";"
    quoted = [[cell.replace('"', '""') for cell in (row.prompt, row.reply)] for row in AWKWARD]
    text = f"prompt{separator}reply\n" + "".join(
        f'"{prompt}"{separator}"{reply}"\n' for prompt, reply in quoted
    )
    if name.endswith("jsonl"):
        text = "".join(json.dumps({"prompt": row.prompt, "reply": row.reply}) + "\n" for row in AWKWARD)
    choose_starter(page, "blank", "No examples yet")
    upload(page, name, text.encode(encoding), "Replace them")
    wait_until(lambda: rows(store) == AWKWARD)
    expect(page.locator('[data-testid="cell-0-0"]').first).to_have_text("001")
    expect(page.locator('[data-testid="cell-1-0"]').first).to_have_text("=1+1")


def test_what_is_pasted_stays_text_and_a_double_click_pastes_it_once(page: Page, store: Store) -> None:
    choose_starter(page, "blank", "No examples yet")
    upload(page, "nothing.csv", b"")
    alert(page, "There are no rows in it")
    page.locator("#paste-button").click()
    alert(page, "There is nothing in the box")
    page.locator("#paste textarea").fill("only one column\nand nothing else")
    page.locator("#paste-button").click()
    alert(page, 'has no columns "prompt" and "reply"')
    expect(page.locator("#paste textarea")).to_have_value("only one column\nand nothing else")
    page.locator("#paste textarea").fill('=1+1\t@SUM(A1)\n"two\nlines"\t-5\n')
    page.locator("#paste-button").dblclick()
    expect(page.locator("#paste textarea")).to_have_value("")
    page.wait_for_timeout(500)
    assert rows(store) == [Demonstration("=1+1", "@SUM(A1)"), Demonstration("two\nlines", "-5")]


def test_a_whole_book_in_a_cell_is_kept_named_and_not_trained_on(page: Page, store: Store) -> None:
    choose_starter(page, "emoji")
    page.locator('[data-testid="cell-0-1"]').first.dblclick()
    page.locator("#table textarea").fill("x" * 100_000)
    page.keyboard.press("Enter")
    expect(page.locator(".coach")).to_contain_text("Row 1 has 100,000 characters in a cell")
    assert rows(store)[0].reply == "x" * 100_000
    open_tab(page, "Train")
    page.locator("#train").click()
    alert(page, "The reply in row 1 has 100,000 characters")
    open_tab(page, "Examples")
    page.locator("#undo").click()
    wait_until(lambda: rows(store)[0].reply == "🤖💬✨")


@pytest.mark.parametrize(
    ("row", "advice", "refusal"),
    [
        ("Who are you?,Nobody", "Rows 1 and 11 ask the same and answer differently", "and different replies"),
        ("Who are you?,🤖💬✨", "Rows 1 and 11 ask the same. Keep one", "Rows 1 and 11 are the same"),
        ("And this?,", "Row 11 has no answer yet", "Row 11 has no reply"),
        (",🎉", "Row 11 has no message yet", "Row 11 has no prompt"),
    ],
)
def test_rows_that_cannot_be_learned_are_named_and_stay(
    page: Page, store: Store, row: str, advice: str, refusal: str
) -> None:
    choose_starter(page, "emoji")
    upload(page, "more.csv", f"{HEADING}{row}\n".encode())
    expect(page.locator(".coach")).to_contain_text(advice)
    open_tab(page, "Train")
    page.locator("#train").click()
    alert(page, refusal)
    assert len(rows(store)) == 11


def test_double_clicks_train_one_bot_and_send_one_message(page: Page, store: Store) -> None:
    choose_starter(page, "emoji")
    before = draft_of(store)
    open_tab(page, "Train")
    name = page.locator("#bot-name").get_by_role("textbox")
    expect(name).to_have_value("Emoji bot")
    name.fill(HOSTILE)
    set_epochs(page, 2)
    page.locator("#train").dblclick()
    page.locator("#progress .progress:is(.scoring, .done)").wait_for()
    assert len(store.runs(LOCAL)) == 1
    open_tab(page, "Chat")
    page.locator("#message textarea").fill("Hello?")
    page.locator("#send").dblclick()
    expect(page.locator(".turn:not([aria-busy])")).to_have_count(1, timeout=MILLISECONDS)
    page.wait_for_timeout(500)
    assert [turn.prompt for turn in store.conversations.turns(LOCAL, store.bots(LOCAL)[0].id)] == ["Hello?"]
    assert draft_of(store).demonstrations == before.demonstrations


@pytest.mark.parametrize(
    ("typed", "said"), [("", "The message is empty"), (" \n ", "The message is empty"), ("x" * 4001, "4,001")]
)
def test_a_message_that_cannot_be_sent_stays_in_its_box(page: Page, typed: str, said: str) -> None:
    open_tab(page, "Chat")
    page.locator("#message textarea").fill(typed)
    page.locator("#send").click()
    alert(page, said)
    expect(page.locator("#message textarea")).to_have_value(typed)
    expect(page.locator(".turn")).to_have_count(1)


def test_what_is_hostile_is_text_wherever_it_stands(
    page: Page, store: Store, asked: list[str], address: str
) -> None:
    bot = store.bots(LOCAL)[0]
    assert bot.name == HOSTILE
    open_tab(page, "Examples")
    page.locator("#find :is(input, textarea)").fill(HOSTILE)
    page.locator("#find-next").click()
    expect(page.locator("#found")).to_contain_text(HOSTILE)
    open_tab(page, "Train")
    page.locator("#history button").first.click()
    expect(page.locator("#runs tbody tr").first).to_contain_text(HOSTILE)
    unfold(page, "scoring")
    page.locator("#rules input").fill(f"contains {HOSTILE}")
    page.locator("#rules input").press("Enter")
    wait_until(lambda: f"contains {HOSTILE}" in (draft_of(store).rules or ()))
    train(page)
    open_tab(page, "Chat")
    say(page, HOSTILE)
    last = page.locator(".turn").last
    assert (last.locator(".prompt").inner_text()).endswith(HOSTILE)
    expect(last.locator(".side.bot h3")).to_have_text(HOSTILE)
    last.get_by_role("button", name="Not good?").click()
    expect(page.locator("#fix-said")).to_contain_text(f"You asked: {HOSTILE}")
    teach(page, HOSTILE)
    page.locator("#fixed").get_by_text(f'Asked again by itself: "{HOSTILE}"').wait_for()
    open_tab(page, "Share")
    page.wait_for_function("document.querySelector('#share-name textarea, #share-name input')?.value")
    assert HOSTILE in [row.prompt for row in rows(store)]

    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src*='example.com'], a[href*='example.com']").count() == 0
    assert len(asked) > 50
    assert [url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))] == []


def test_none_of_it_is_a_mistake_of_ours(data_folder: Path, store: Store) -> None:
    log = data_folder.with_suffix(".log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert draft_of(store) != Draft()
