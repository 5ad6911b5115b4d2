"""A whole session in one app: it stays light, a full disk loses nothing, the log has events and no words."""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page

from reft_studio.store import LOCAL, Store
from tests.drafts import draft_of
from tests.full_disk import full_disk, only_where_disks_can_be_full
from tests.ui.running import (
    choose_starter,
    open_page,
    open_tab,
    say,
    set_epochs,
    started_app,
    train,
    wait_until,
)

SECRET = "Where did I leave the blue teapot?"
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345678"
MOST_BYTES = 300_000_000
RUN = """
import atexit, json, pathlib, runpy, sys
imported = pathlib.Path(sys.argv.pop())
atexit.register(lambda: imported.write_text(json.dumps(sorted(sys.modules))))
sys.path.insert(0, "")
runpy.run_path("app.py", run_name="__main__")
"""

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class App:
    """One that writes down what it has imported when it ends."""

    address: str
    folder: Path
    process: psutil.Process

    @property
    def log(self) -> str:
        return self.folder.with_suffix(".log").read_text(encoding="utf-8")

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("session")
    command = [sys.executable, "-c", RUN, str(folder / "imported.json")]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_TOKEN", TOKEN)
        with started_app(folder / "data", command, max_score_seconds="2") as (address, process):
            yield App(address, folder / "data", psutil.Process(process.pid))


@pytest.fixture(scope="module")
def page(browser: Browser, app: App) -> Iterator[Page]:
    page = open_page(browser, app.address, viewport={"width": 1280, "height": 900})
    yield page
    page.close()


def write(page: Page, cell: str, text: str) -> None:
    page.locator(f'[data-testid="cell-{cell}"]').dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


@only_where_disks_can_be_full
def test_on_a_full_disk_a_row_stays_on_the_page_and_is_kept_with_the_next_change(
    page: Page, app: App
) -> None:
    choose_starter(page, "emoji")
    store = Store(app.folder)
    with full_disk(app.folder, app.process.pid):
        write(page, "0-0", SECRET)
        page.get_by_role("alert").get_by_text("The disk is full").first.wait_for()
        assert page.locator('[data-testid="cell-0-0"]').get_by_text(SECRET).first.is_visible()
        assert draft_of(store).demonstrations[0].prompt == "Who are you?"
    write(page, "1-0", "And now?")
    wait_until(lambda: draft_of(store).demonstrations[1].prompt == "And now?")
    assert draft_of(store).demonstrations[0].prompt == SECRET
    page.locator("#tabs .banner").get_by_text("The disk is full").wait_for(state="hidden")


def test_a_bot_is_trained_talked_to_kept_as_a_file_and_deleted(page: Page, app: App) -> None:
    open_tab(page, "Train")
    set_epochs(page, 3)
    train(page)
    page.locator("#progress .progress.done").wait_for()
    page.locator("#talk").click()
    assert say(page, SECRET)
    open_tab(page, "Share")
    with page.expect_download():
        page.locator("#download").click()
    page.locator("#publish").click()
    page.get_by_role("alert").first.wait_for()
    store = Store(app.folder)
    (bot,) = store.bots(LOCAL)
    page.locator("#delete").click()
    page.locator("#delete-said").get_by_text(bot.name).wait_for()
    page.locator("#delete-keep").click()
    page.locator("#delete").click()
    page.locator("#delete-really").click()
    page.locator("#delete-said").get_by_text("is deleted").wait_for()
    page.locator("#share-said").get_by_text("There is no bot yet").wait_for()
    assert store.bots(LOCAL) == []
    assert not bot.folder.exists()
    assert draft_of(store).demonstrations[0].prompt == SECRET
    open_tab(page, "Chat")
    page.locator("#talk-log").get_by_text("Train a bot first").wait_for()


@pytest.mark.usefixtures("page")
def test_the_log_has_every_event_with_its_training_and_nothing_that_anybody_wrote(app: App) -> None:
    events = {(event["process"], event["event"]): event for event in app.events}
    queued, ended = events["page", "A training is queued"], events["page", "A training has ended"]
    assert queued["job"] == ended["job"] == events["engine", "A bot is saved"]["job"]
    assert (ended["state"], ended["step"], ended["steps"]) == ("done", 3, 3)
    for event in ("An engine has started", "A message was answered", "A bot is deleted"):
        assert ("page", event) in events
    for written in (
        SECRET,
        "teapot",
        TOKEN,
        *(row.reply for row in draft_of(Store(app.folder)).demonstrations),
    ):
        assert written not in app.log


def test_the_page_stays_light_and_without_what_the_engine_needs(page: Page, app: App) -> None:
    assert page.request.get(f"{app.address}/healthz").json() == {
        "engine": "ready",
        "running": 0,
        "waiting": 0,
    }
    assert app.process.memory_info().rss < MOST_BYTES
    app.process.send_signal(signal.SIGTERM)
    file = app.folder.with_name("imported.json")
    wait_until(file.is_file)
    imported = set(json.loads(file.read_text(encoding="utf-8")))
    assert "gradio" in imported
    assert not imported & {"torch", "transformers", "pyvene", "peft"}
