"""What the page does when things go wrong, and on screens of every width."""

import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from reft_studio.store import LOCAL, Store
from tests.ui.running import (
    advanced_box,
    choose_starter,
    open_page,
    open_tab,
    set_epochs,
    table_is_there,
    wait_until,
)

pytestmark = pytest.mark.timeout(1200)


def test_every_starter_shows_its_picture_which_is_in_the_page_itself(page: Page) -> None:
    # Files that Gradio has handed out are gone after an hour, or when another app on this computer ends.
    pictures = page.locator("button.card img")
    assert pictures.count() == 7
    for picture in pictures.all():
        assert (picture.get_attribute("src") or "").startswith("data:image/svg+xml")
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 0


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


def test_what_is_wrong_with_a_setting_stays_said_until_it_is_right(page: Page, data_folder: Path) -> None:
    open_tab(page, "Train")
    box, said = advanced_box(page, "positions"), page.locator("#advanced").get_by_role("alert")
    box.fill("zz")
    box.press("Tab")
    said.get_by_text("zz").wait_for()
    wait_until(lambda: Store(data_folder).settings(LOCAL).get("positions") == "zz")
    page.wait_for_timeout(500)
    expect(said).to_have_count(1)
    box.fill("l1")
    box.press("Tab")
    expect(said).to_have_count(0)


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


def test_another_name_for_this_computer_is_not_answered(address: str) -> None:
    """A site could give its own name to 127.0.0.1 and then read the page."""
    assert urlopen(address).status == 200
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(address, headers={"Host": "evil.example"}))
    assert refused.value.code == 400


@pytest.mark.parametrize(("width", "colors"), [(360, "light"), (390, "dark"), (768, "dark"), (2560, "light")])
def test_nothing_sticks_out_of_a_screen(browser: Browser, address: str, width: int, colors: Any) -> None:
    screen = open_page(browser, address, viewport={"width": width, "height": 844}, color_scheme=colors)
    for tab in ("Examples", "Train", "Chat", "Share"):
        open_tab(screen, tab)
        widths = screen.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(widths) <= width, tab
    screen.close()


def test_what_has_the_focus_can_be_seen_and_nothing_moves_for_who_wants_that(
    browser: Browser, address: str
) -> None:
    page = open_page(browser, address, reduced_motion="reduce")
    page.locator("#skip-tour, #tabs button").first.focus()
    seen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement, style = getComputedStyle(at);
                    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                    const still = parseFloat(style.transitionDuration) === 0;
                    return [at.id || at.className, ring || style.boxShadow !== "none", still];
                }"""
            )
        )
    assert len({name for name, *_ in seen}) > 10
    assert [name for name, ring, _ in seen if not ring] == []
    assert [name for name, _, still in seen if not still] == []
    page.close()


def alert(page: Page, message: str) -> None:
    """Wait for a message that stays on the page."""
    page.locator(".alert:visible").get_by_text(message).first.wait_for()


def first_cell(page: Page) -> str:
    cell = page.locator('[data-testid="cell-0-0"]').first
    cell.wait_for()
    return cell.inner_text().strip()
