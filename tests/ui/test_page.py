"""What the page does when things go wrong, on a phone, and with text that means harm."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.running import (
    MILLISECONDS,
    advanced_box,
    choose_starter,
    open_page,
    open_tab,
    say,
    set_epochs,
    table_is_there,
    train,
)

pytestmark = pytest.mark.timeout(1200)

HOSTILE = '<img src="https://example.com/x.png" onerror="window.hacked=1"><b>bold</b>'


@pytest.fixture(scope="module")
def requests() -> list[str]:
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, address: str, requests: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.on("request", lambda request: requests.append(request.url))
    page = open_page(context, address)
    yield page
    context.close()


def test_an_empty_table_is_not_trained_on(page: Page) -> None:
    choose_starter(page, "blank", "No examples yet")
    open_tab(page, "Train")
    page.locator("#train").click()
    alert(page, "The table is empty")
    choose_starter(page, "emoji")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("binary.csv", bytes(range(256)), "not UTF-8 text"),
        ("column.csv", b"question\nWho are you?\n", 'has no columns "prompt" and "reply"'),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_table_as_it_was(
    page: Page, name: str, content: bytes, message: str
) -> None:
    choose_starter(page, "emoji")
    upload(page, name, content)
    alert(page, message)
    assert first_cell(page) == "Who are you?"
    assert "10 examples" in page.locator("#count").inner_text()


def test_prompts_that_contradict_each_other_are_named_and_stay_in_the_table(page: Page) -> None:
    choose_starter(page, "emoji")
    upload(page, "more.csv", b"prompt,reply\nWho are you?,Nobody\n")
    page.locator("#count").get_by_text("11 examples").wait_for()
    open_tab(page, "Train")
    page.locator("#train").click()
    alert(page, "Rows 1 and 11 have the same prompt and different replies")
    open_tab(page, "Examples")
    assert "11 examples" in page.locator("#count").inner_text()
    choose_starter(page, "emoji")


def test_what_is_steered_is_shown_in_the_first_example(page: Page) -> None:
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    advanced_box(page, "positions").wait_for()
    page.locator("#preview-prompt").click()
    page.locator("#pieces").get_by_text("Who").wait_for()
    assert page.locator("#pieces mark").count() == 1
    box = advanced_box(page, "positions")
    box.fill("f2+l1")
    box.press("Enter")
    page.locator("#pieces mark").nth(2).wait_for()
    box.fill("l1")
    box.press("Enter")
    page.locator("#pieces mark").nth(1).wait_for(state="detached")


def test_a_layer_that_the_model_does_not_have_is_refused(page: Page) -> None:
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    box = advanced_box(page, "layer")
    box.wait_for()
    assert box.input_value() == "", "Looking at the settings must not change them."
    box.fill("99")
    box.press("Tab")
    page.locator("#train").click()
    alert(page, "There is no layer 99")
    box.fill("")
    box.press("Tab")
    open_tab(page, "Examples")
    assert first_cell(page) == "Who are you?"


def test_a_zip_that_is_not_a_bot_is_refused(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "holiday.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.txt", "sea")
    open_tab(page, "Chat")
    page.locator("input[type=file][accept*=zip]").set_input_files(path)
    alert(page, "bot")
    assert "Train a bot first" in page.locator("#talk-log").inner_text()


def test_a_reloaded_page_finds_its_training_again_and_can_cancel_it(page: Page) -> None:
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 10_000)
    page.locator("#train").click()
    page.locator("#progress [role=progressbar]").wait_for()
    page.reload(wait_until="domcontentloaded")
    table_is_there(page)
    assert first_cell(page) == "Who are you?"
    open_tab(page, "Train")
    page.locator("#progress .progress.running").wait_for()
    page.wait_for_function(
        "document.querySelector('#progress polyline')?.getAttribute('points').split(' ').length > 2"
    )
    page.locator("#cancel").click()
    page.locator("#progress .progress.cancelled").wait_for()


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    choose_starter(page, "blank", "No examples yet")
    cells = HOSTILE.replace('"', '""')
    upload(page, "hostile.csv", f'prompt,reply\n"{cells}","{cells}"\n'.encode())
    page.locator("#count").get_by_text("1 example. Saved").wait_for()
    assert first_cell(page) == HOSTILE
    open_tab(page, "Train")
    name = page.locator("#bot-name").get_by_role("textbox")
    expect(name).to_have_value("My bot", timeout=MILLISECONDS)
    name.fill(HOSTILE[:80])
    set_epochs(page, 2)
    train(page)
    page.locator("#talk").click()
    say(page, HOSTILE)
    assert page.locator(".turn .prompt").last.inner_text().endswith(HOSTILE)
    assert page.locator(".side.bot h3").last.inner_text() == HOSTILE[:80]
    open_tab(page, "Share")
    page.locator("#download").wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src*='example.com']").count() == 0
    choose_starter(page, "emoji")


def test_another_name_for_this_computer_is_not_answered(address: str) -> None:
    """A site could give its own name to 127.0.0.1 and then read the page."""
    assert urlopen(address).status == 200
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(address, headers={"Host": "evil.example"}))
    assert refused.value.code == 400


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_nothing_sticks_out_of_a_phone(browser: Browser, address: str, colors: str) -> None:
    phone = open_page(
        browser, address, viewport={"width": 390, "height": 844}, color_scheme=colors, has_touch=True
    )
    for tab in ("Examples", "Train", "Chat", "Share"):
        open_tab(phone, tab)
        widths = phone.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(widths) <= 390, tab
    phone.close()


@pytest.mark.usefixtures("page")
def test_the_page_asks_nobody_else_for_anything(address: str, requests: list[str]) -> None:
    assert len(requests) > 50
    outside = [url for url in requests if not url.startswith((f"{address}/", "data:", "blob:"))]
    assert outside == []


def upload(page: Page, name: str, content: bytes) -> None:
    """Open a file of rows, adding them to the table."""
    files = page.locator("#upload input[type=file]")
    if not files.count() or not page.locator("#upload").is_visible():
        page.get_by_role("button", name="Bring rows from a file").click()
    page.locator("#upload").wait_for()
    files.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def alert(page: Page, message: str) -> None:
    """Wait for a message that stays on the page."""
    page.locator(".alert:visible").get_by_text(message).first.wait_for()


def first_cell(page: Page) -> str:
    cell = page.locator('[data-testid="cell-0-0"]').first
    cell.wait_for()
    return cell.inner_text().strip()
