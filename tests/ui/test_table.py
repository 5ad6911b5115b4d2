"""The table: every way in and out keeps the text exactly, and what does not fit leaves it as it was."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from reft_studio.demonstrations import Demonstration
from reft_studio.store import Store
from reft_studio.table_files import read_demonstrations
from tests.drafts import draft_of
from tests.ui.running import choose_starter, open_page, table_is_there, wait_until

pytestmark = pytest.mark.timeout(900)

EXACT = [
    Demonstration("001", "👩🏽‍🚀 👨‍👩‍👧‍👦"),
    Demonstration("NA", "שלום! مرحبا"),
    Demonstration("two\nlines", 'a "quoted" word'),
    Demonstration("=1+1", "<b>$x$ **y**</b>"),
]


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A new page for each test, since the table is kept by the app."""
    page = open_page(browser, address, viewport={"width": 1280, "height": 900})
    choose_starter(page, "emoji")
    page.get_by_role("button", name="Bring rows from a file").click()
    page.locator("#paste").wait_for()
    yield page
    page.close()


@pytest.fixture
def store(data_folder: Path) -> Store:
    return Store(data_folder)


SLOWLY = """() => {
    const send = window.fetch;
    window.fetch = async (...request) => {
        await new Promise((done) => setTimeout(done, 300));
        return send(...request);
    };
}"""
"""For a page whose connection takes its time."""
HEARD_LATE = """
    const ask = window.fetch;
    window.fetch = async (...request) => {
        const answer = await ask(...request);
        if (!String(request[0].url ?? request[0]).includes("/queue/data")) return answer;
        const late = new TransformStream({
            async transform(part, out) {
                await new Promise((done) => setTimeout(done, window.late ?? 0));
                out.enqueue(part);
            },
        });
        return new Response(answer.body.pipeThrough(late), answer);
    };
"""
"""For a page on whose connection the answers take longer than anything else."""


def rows(store: Store) -> list[Demonstration]:
    return list(draft_of(store).demonstrations)


def select(page: Page, row: int) -> None:
    """Click on a row's prompt until that is where the click has gone: the table may still be moving."""
    cell = page.locator(f'#table [data-testid="cell-{row}-0"]').first
    while cell.get_attribute("aria-selected") != "true":
        cell.click()


def begins_with(page: Page, *rows: Demonstration) -> None:
    """Wait until the page shows these first, too: what is pressed then is meant for them."""
    for number, row in enumerate(rows):
        expect(page.locator(f'#table [data-testid="cell-{number}-0"]').first).to_contain_text(row.prompt)


def upload(page: Page, name: str, text: str) -> None:
    file = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    page.locator("#upload input[type=file]").set_input_files(file)  # type: ignore[arg-type]


def alert(page: Page, message: str) -> None:
    page.locator(".alert:visible").get_by_text(message).wait_for()


def test_the_table_can_be_written_with_the_keyboard_alone(page: Page, store: Store) -> None:
    choose_starter(page, "blank", "No examples yet")
    page.locator("#find-next").focus()
    page.keyboard.press("Tab")
    for words, *moves in (
        ("Hello, you!", "ArrowRight"),
        ("Ahoy 🏴‍☠️", "ArrowDown", "ArrowLeft"),
        ("two",),
    ):
        # Faster than any hand, but not faster than the page is drawn.
        page.keyboard.type(words, delay=30)
        page.keyboard.press("Enter")
        wait_until(lambda words=words: any(words in (row.prompt, row.reply) for row in rows(store)))
        for key in moves:
            page.keyboard.press(key)
            page.wait_for_timeout(200)
    expected = [Demonstration("Hello, you!", "Ahoy 🏴‍☠️"), Demonstration("two", "")]
    wait_until(lambda: rows(store)[:2] == expected)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "xlsx"])
def test_text_goes_in_and_out_exactly(page: Page, store: Store, suffix: str, tmp_path: Path) -> None:
    lines = [json.dumps({"prompt": row.prompt, "reply": row.reply}) for row in EXACT]
    page.get_by_text("Replace them").click()
    upload(page, "rows.jsonl", "\n".join(lines))
    page.locator("#count").get_by_text("4 examples. Saved").wait_for()
    with page.expect_download() as download:
        page.locator(f"#save-{suffix}").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.suffix == f".{suffix}"
    assert rows(store) == read_demonstrations(saved) == EXACT


def test_a_page_that_was_closed_is_found_again_as_it_was(
    page: Page, browser: Browser, address: str, store: Store
) -> None:
    page.locator("#paste textarea").fill('Hi\tHello\n"two\nlines"\t👩🏽‍🚀')
    page.locator("#paste-button").click()
    page.locator("#count").get_by_text("12 examples").wait_for()
    page.close()
    again = open_page(browser, address)
    again.locator("#count").get_by_text("12 examples").wait_for()
    assert rows(store)[-1] == Demonstration("two\nlines", "👩🏽‍🚀")
    again.close()


def test_what_a_button_changes_is_the_row_that_was_selected_last(page: Page, store: Store) -> None:
    _, *others = rows(store)
    page.evaluate(SLOWLY)
    select(page, 1)
    select(page, 0)
    page.locator("#delete-row").click()
    wait_until(lambda: rows(store) == others)


def test_rows_are_added_moved_doubled_and_deleted_and_all_of_it_can_be_undone(
    page: Page, store: Store
) -> None:
    first, second, *others = before = rows(store)
    page.locator("#add-row").click()
    page.locator('[data-testid="cell-10-0"][aria-selected=true]').first.wait_for()
    assert rows(store) == [*before, Demonstration("", "")]
    select(page, 1)
    page.locator("#move-up").click()
    wait_until(lambda: rows(store) == [second, first, *others, Demonstration("", "")])
    begins_with(page, second, first, others[0])
    for button, expected in [
        ("move-down", [first, second, *others]),
        ("duplicate-row", [first, second, second, *others]),
        ("delete-row", [first, second, *others]),
    ]:
        page.locator(f"#{button}").click()
        wait_until(lambda expected=expected: rows(store) == [*expected, Demonstration("", "")])
        begins_with(page, *expected[:3])
    kept = rows(store)
    page.locator("#starter-pirate").click()
    wait_until(lambda: rows(store) != kept)
    pirate = rows(store)
    page.locator("#undo").click()
    wait_until(lambda: rows(store) == kept)
    page.locator("#redo").click()
    wait_until(lambda: rows(store) == pirate)
    while rows(store) != before:
        now = rows(store)
        page.locator("#undo").click()
        wait_until(lambda now=now: rows(store) != now)
    page.locator("#count").get_by_text("10 examples").wait_for()
    page.locator('[data-testid="cell-0-0"]').get_by_text(before[0].prompt).first.wait_for()


def test_each_press_of_undo_counts_however_slow_the_connection_is(page: Page, store: Store) -> None:
    before = rows(store)
    for starter in ("pirate", "blank", "pirate"):
        kept = rows(store)
        page.locator(f"#starter-{starter}").click()
        wait_until(lambda kept=kept: rows(store) != kept)
    page.evaluate(SLOWLY)
    for _ in range(3):
        page.locator("#undo").click()
        page.wait_for_timeout(200)
    wait_until(lambda: rows(store) == before)


def test_what_is_asked_just_as_the_page_hears_its_last_answer_is_answered_too(
    browser: Browser, address: str, store: Store
) -> None:
    page = browser.new_page()
    page.add_init_script(HEARD_LATE)
    page.goto(address)
    table_is_there(page)
    choose_starter(page, "emoji")
    page.evaluate("window.late = 300")
    word = page.locator("#find :is(input, textarea)")
    word.fill("dog")
    with page.expect_response(lambda response: "/queue/data" in response.url):
        word.press("Enter")
    # By now the server has closed the stream of the answers, and the page has not yet read that it did.
    page.wait_for_timeout(200)
    page.locator('#table [data-testid="cell-5-0"]').first.click()
    expect(page.locator("#form-prompt textarea")).to_have_value(rows(store)[5].prompt)
    page.close()


def test_a_word_is_found_without_anything_being_moved_or_lost(page: Page, store: Store) -> None:
    upload(page, "many.csv", "prompt,reply\n" + "".join(f"Question {n}?,🎉\n" for n in range(60)))
    page.locator("#count").get_by_text("70 examples").wait_for()
    before = rows(store)
    for word, row, said in (
        ("QUESTION 43", 53, "the only one"),
        ("dog", 1, "the only one"),
        ("question 5", 15, "1 of 11"),
    ):
        page.locator("#find :is(input, textarea)").fill(word)
        page.locator("#find :is(input, textarea)").press("Enter")
        expect(page.locator("#found")).to_contain_text(f"Row {row + 1}: {said}")
        expect(page.locator(f'#table [data-testid="cell-{row}-0"][aria-selected=true]')).to_be_in_viewport()
    # Looking is not writing, and who looks can go on looking.
    expect(page.locator("#find :is(input, textarea)")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("Row 61: 2 of 11")
    assert rows(store) == before
    # The row that was found is the one that is meant.
    page.locator("#delete-row").click()
    wait_until(lambda: rows(store) == [*before[:60], *before[61:]])


def test_a_suggested_message_comes_into_the_table_to_be_answered(page: Page, store: Store) -> None:
    before = rows(store)
    expect(page.locator("#suggested")).to_contain_text("talk your bot out of its manner")
    offered = page.locator("#suggest-0").inner_text()
    page.locator("#suggest-0").click()
    wait_until(lambda: rows(store) == [*before, Demonstration(offered, "")])
    expect(page.locator(".coach")).to_contain_text("Row 11 has no answer yet.")
    expect(page.locator("#suggested")).to_contain_text("Messages that you could add")
    expect(page.locator('#table [data-testid="cell-10-1"][aria-selected=true]')).to_be_in_viewport()
    page.keyboard.type("Never!", delay=30)
    page.keyboard.press("Enter")
    wait_until(lambda: rows(store)[-1] == Demonstration(offered, "Never!"))


def test_on_a_phone_the_table_is_written_one_row_at_a_time(
    browser: Browser, address: str, store: Store
) -> None:
    page = open_page(browser, address, viewport={"width": 390, "height": 844}, has_touch=True)
    choose_starter(page, "blank", "No examples yet")
    expect(page.locator("#table")).to_be_hidden()
    prompt, reply = (page.locator(f"#form-{side} textarea") for side in ("prompt", "reply"))
    for number, row in enumerate((Demonstration("Hello?", "Ahoy 🏴‍☠️!"), Demonstration("Two\nlines", "Aye."))):
        if number:
            page.locator("#form-add").tap()
            expect(page.locator("#which-row")).to_have_text("Row 2 of 2")
        expect(reply).to_have_value("")
        prompt.press_sequentially(row.prompt, delay=10)
        reply.press_sequentially(row.reply, delay=10)
    expected = [Demonstration("Hello?", "Ahoy 🏴‍☠️!"), Demonstration("Two\nlines", "Aye.")]
    wait_until(lambda: rows(store) == expected)
    # Also what is typed without keys, as on most phones, or deleted, pasted or dictated.
    reply.press("Backspace")
    wait_until(lambda: rows(store)[1].reply == "Aye")
    reply.fill("Aye.")
    wait_until(lambda: rows(store) == expected)
    page.locator("#form-previous").tap()
    expect(prompt).to_have_value("Hello?")
    expect(page.locator("#form-previous")).to_be_disabled()
    page.locator("#undo").tap()
    # What was typed into one row at a stretch is one change, and it comes into sight.
    expect(page.locator("#which-row")).to_have_text("Row 2 of 2")
    expect(reply).to_have_value("")
    page.locator("#redo").tap()
    expect(reply).to_have_value("Aye.")
    page.locator("#find :is(input, textarea)").fill("ahoy")
    page.locator("#find-next").tap()
    expect(prompt).to_have_value("Hello?")
    page.locator("#form-delete").tap()
    wait_until(lambda: rows(store) == expected[1:])
    expect(prompt).to_have_value("Two\nlines")
    page.close()
