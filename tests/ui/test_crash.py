"""A killed server goes on with its training, and its page finds it; there is one server at a time."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext

from reft_studio.engine.interface import TrainingJob
from reft_studio.store import LOCAL, Store
from reft_studio.table_files import read_demonstrations
from reft_studio.ui.owners import COOKIE
from tests.ui.running import (
    REPOSITORY,
    choose_starter,
    end_in_order,
    free_port,
    is_running,
    launch_person,
    open_page,
    open_tab,
    say,
    set_epochs,
    started_app,
    table_is_there,
    wait_until,
)

pytestmark = pytest.mark.timeout(900)
EPOCHS = 2000


def test_a_training_outlives_a_killed_server_and_the_open_page_finds_it(
    browser: Browser, tmp_path: Path
) -> None:
    data_folder, port = tmp_path / "data", free_port()
    with started_app(data_folder, port=port) as (address, server):
        page = open_page(browser, address)
        choose_starter(page, "emoji")
        open_tab(page, "Train")
        set_epochs(page, EPOCHS)
        page.locator("#train").click()
        wait_until(lambda: list(data_folder.glob("checkpoints/*.safetensors")))
        left = psutil.Process(server.pid).children()
        server.kill()
        wait_until(lambda: not any(is_running(process) for process in left))
        page.evaluate("window.isOld = true")
        page.get_by_text("Connection to the server was lost").first.wait_for()
    with started_app(data_folder, port=port, max_score_seconds="2"):
        # By itself.
        page.wait_for_function("!window.isOld")
        table_is_there(page)
        open_tab(page, "Train")
        page.locator("#progress").get_by_text("It was interrupted and went on from step").wait_for()
        # The rest of its epochs would teach this test nothing.
        page.locator("#finish").click()
        page.locator("#progress .progress.done").wait_for()
        page.locator("#talk").click()
        assert say(page, "Tell me about cats.")
        page.close()
    assert not list(data_folder.glob("checkpoints/*"))


def test_a_training_goes_on_while_the_browser_is_closed_and_a_new_one_finds_it(
    browser: Browser, tmp_path: Path
) -> None:
    """On a shared server, where the browser's own key has to outlive it."""
    store, profile = Store(tmp_path / "data"), tmp_path / "profile"
    with started_app(tmp_path / "data", shared="1", max_epochs="10000") as (address, server):
        with closing(launch_person(browser.browser_type, profile)) as person:
            page = open_page(person, address)
            choose_starter(page, "emoji")
            open_tab(page, "Train")
            set_epochs(page, 10_000)
            page.locator("#train").click()
            page.locator("#progress .progress.running").wait_for()
            job = page.locator("#progress .progress").get_attribute("data-job")
            owner = store_owner(person)
        before = step_of(store, owner)
        wait_until(lambda: step_of(store, owner) > before)
        with closing(launch_person(browser.browser_type, profile)) as person:
            page = open_page(person, address)
            assert page.locator("#count").inner_text().startswith("10 examples")
            open_tab(page, "Train")
            page.locator(f'#progress .progress.running[data-job="{job}"]').wait_for()
            page.locator("#cancel").click()
            page.locator("#progress .progress.cancelled").wait_for()
        assert server.poll() is None


def step_of(store: Store, owner: str) -> int:
    job = store.latest_job(owner)
    return job.step if job else 0


def store_owner(person: BrowserContext) -> str:
    (key,) = [cookie["value"] for cookie in person.cookies() if cookie["name"] == COOKIE]
    return "visitor:" + hashlib.sha256(key.encode()).hexdigest()


def test_an_app_that_is_asked_to_end_does_so_within_five_seconds_and_leaves_nothing_behind(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    data_folder = tmp_path / "data"
    store = Store(data_folder)
    rows = tuple(read_demonstrations(REPOSITORY / "assets/starters/emoji.csv"))
    store.add_job(LOCAL, TrainingJob("long", "A bot", rows, store.bot_folder("long"), {"epochs": 5000}))
    with started_app(data_folder) as (address, server):
        page = open_page(browser, address)
        wait_until(lambda: (job := store.latest_job(LOCAL)) and job.step > 0)
        end_in_order(server)
        page.close()
    # Gradio's files are in our folder.
    assert not [*temporary.glob("reft-studio-*"), *temporary.glob("gradio*")]
    store.requeue()
    assert store.waiting() == ["long"]
    assert store.checkpoint_file("long").is_file()


def test_a_second_app_with_the_same_data_says_that_there_is_one(tmp_path: Path) -> None:
    data_folder = tmp_path / "data"
    with started_app(data_folder):
        assert "already running with these data" in said_at_its_end(data_folder)


def test_an_app_that_is_older_than_its_data_says_so(tmp_path: Path) -> None:
    Store(tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "studio.sqlite3")) as newer:
        newer.execute("PRAGMA user_version = 1000")
    said = said_at_its_end(tmp_path / "data")
    assert "newer version" in said
    assert "Traceback" not in said


def said_at_its_end(data_folder: Path) -> str:
    """By an app that cannot work with these data."""
    environment = os.environ | {"REFT_STUDIO_DATA_FOLDER": str(data_folder)}
    app = subprocess.run(
        [sys.executable, "app.py"], cwd=REPOSITORY, env=environment, capture_output=True, encoding="utf-8"
    )
    assert app.returncode == 1
    return app.stderr
