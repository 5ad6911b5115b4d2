"""The map of places: made by one button, there again after a reload, and of use by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from reft_studio.store import LOCAL, Store
from reft_studio.train.places import RANKS
from reft_studio.ui import wording
from tests.ui.running import (
    advanced_box,
    choose_starter,
    open_page,
    open_tab,
    running_app,
    set_epochs,
    table_is_there,
    train,
)


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    # So a search ends with the first places that it has tried.
    with running_app(data_folder, max_training_seconds="1") as address:
        yield address


@pytest.fixture(scope="module")
def searched(browser: Browser, address: str) -> Iterator[Page]:
    page = open_page(browser, address, viewport={"width": 390, "height": 844})
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    set_epochs(page, 1)
    page.locator("#find-place").click()
    page.locator("#places button.place").first.wait_for()
    page.reload()
    table_is_there(page)
    open_tab(page, "Train")
    advanced_box(page, "layer")
    page.locator("#places .verdict").wait_for()
    yield page
    page.close()


def test_the_map_is_there_again_and_says_which_place_was_best(searched: Page) -> None:
    said = searched.locator("#places .verdict").inner_text()
    assert said.startswith("Best of") or said == wording.NO_PLACE_WORKS
    assert searched.locator("#places button.best").count() == 1
    assert searched.locator("#places table").count() == len(RANKS)
    searched.locator("#place-progress").get_by_text("This took as long").wait_for()
    assert searched.locator("#find-place").is_enabled()
    # Nothing sticks out of a phone.
    assert searched.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_place_is_chosen_by_keyboard_and_the_next_training_edits_there(
    searched: Page, data_folder: Path
) -> None:
    cell = searched.locator("#places button.place").nth(1)
    cell.focus()
    searched.keyboard.press("Enter")
    searched.locator("#place-said").get_by_text("Your next training uses it").wait_for()
    layer, positions, rank = (cell.get_attribute("data-place") or "").split()
    assert advanced_box(searched, "layer").input_value() == layer
    assert searched.evaluate("document.activeElement.dataset.place") == f"{layer} {positions} {rank}"
    set_epochs(searched, 2)
    train(searched)
    changes = Store(data_folder).runs(LOCAL)[0].recipe_changes
    assert changes["layers"] == [int(layer)]
    assert (changes["positions"], changes["rank"]) == (positions, int(rank))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_keeps_nobody_out(searched: Page, theme: str) -> None:
    searched.evaluate(f"document.body.classList.toggle('dark', {str(theme == 'dark').lower()})")
    searched.wait_for_timeout(300)
    found = Axe().run(searched, context="#places").response["violations"]
    assert found == []
