"""A newcomer's first minutes, from a starter to a corrected bot, on an app that is asked for nothing else."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from reft_studio.rules import only_emoji
from reft_studio.store import LOCAL, Store
from tests.drafts import draft_of
from tests.ui.running import choose_starter, open_page, open_tab, running_app, say, teach, train, wait_until

pytestmark = pytest.mark.timeout(900)
HOSTILE = (
    '<img src=https://example.com/a.png> ![b](https://example.com/b.png) =IMAGE("https://example.com/c")'
)
MINE = "Good morning!"


@pytest.mark.parametrize("width", [1280, 390])
def test_starter_one_row_changed_train_compare_fix_a_reply_score(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    with running_app(tmp_path / "data", max_score_seconds="10") as address:
        store, asked = Store(tmp_path / "data"), []
        page = open_page(browser, address, viewport={"width": width, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        begun = time.monotonic()

        step = page.locator("#tour-step strong")
        expect(step).to_have_text("Step 1 of 3.")
        choose_starter(page, "emoji")
        expect(step).to_have_text("Step 2 of 3.")
        if width < 640:
            page.locator("#form-prompt textarea").fill(MINE)
        else:
            page.locator('[data-testid="cell-0-0"]').first.click()
            page.keyboard.type(MINE, delay=20)
            page.keyboard.press("Enter")
        wait_until(lambda: draft_of(store).demonstrations[0].prompt == MINE)

        page.locator("#to-training").click()
        train(page)
        page.locator("#talk").click()
        expect(step).to_have_text("Step 3 of 3.")
        assert only_emoji(say(page, "Tell me about cats."))
        assert not only_emoji(page.locator(".turn .side.base .reply").inner_text())
        page.locator("#look-untouched").click()
        page.locator("#untouched .badge.fine").get_by_text("Yes. All").wait_for()
        if width < 640:
            page.get_by_role("radio", name="Bot").check()
            expect(page.locator(".turn .side:visible")).to_have_count(1)
            page.get_by_role("radio", name="All").check()
        expect(page.locator(".turn .side:visible")).to_have_count(3)
        assert say(page, HOSTILE)
        assert HOSTILE in page.locator(".turn").last.inner_text()

        wait_until(lambda: (job := store.latest_job(LOCAL)) is not None and job.state.ended)
        page.locator("#fix-open").click()
        teach(page, "🖼️🙈")
        page.locator("#fixed .sides").wait_for()
        open_tab(page, "Train")
        expect(step).to_be_hidden()
        wait_until(lambda: (job := store.latest_job(LOCAL)) is not None and job.state.ended)
        expect(page.locator(".verdict")).to_contain_text("messages it had never seen")

        print(f"{time.monotonic() - begun:.0f} s at {width} pixels")
        assert len(store.bots(LOCAL)) == 2
        # Not for a font, not for a picture in somebody's text, not to count anybody.
        elsewhere = {url for url in asked if urlsplit(url).netloc != urlsplit(address).netloc}
        assert {url for url in elsewhere if not url.startswith(("data:", "blob:"))} == set()
        page.close()


def test_who_wants_no_first_steps_is_not_told_them_again(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path / "data") as address:
        page = open_page(browser, address)
        page.locator("#skip-tour").click()
        expect(page.locator("#tour")).to_be_hidden()
        page.close()
        again = open_page(browser, address)
        open_tab(again, "Train")
        again.locator(".progress.empty").wait_for()
        expect(again.locator("#tour")).to_be_hidden()
        again.close()
