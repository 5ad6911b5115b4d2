"""A killed server goes on with its training, and its page finds it; there is one server at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from reft_studio.engine.interface import TrainingJob
from reft_studio.store import LOCAL, Store
from reft_studio.table_files import read_demonstrations
from tests.ui.running import (
    REPOSITORY,
    choose_starter,
    open_page,
    open_tab,
    say,
    set_epochs,
    started_app,
    wait_until,
)

pytestmark = pytest.mark.timeout(900)
EPOCHS = 400


def test_a_training_outlives_a_killed_server(browser: Browser, tmp_path: Path) -> None:
    data_folder = tmp_path / "data"
    with started_app(data_folder) as (address, server):
        page = open_page(browser, address)
        choose_starter(page, "emoji")
        open_tab(page, "Train")
        set_epochs(page, EPOCHS)
        page.locator("#train").click()
        wait_until(lambda: list(data_folder.glob("checkpoints/*.safetensors")))
        left = psutil.Process(server.pid).children()
        server.kill()
        wait_until(lambda: not any(is_running(process) for process in left))
        page.close()
    with started_app(data_folder) as (address, _):
        page = open_page(browser, address)
        open_tab(page, "Train")
        page.locator("#progress").get_by_text("It was interrupted and went on from step").wait_for()
        page.locator("#progress .progress.done").wait_for()
        page.locator("#talk").click()
        assert say(page, "Tell me about cats.")
        page.close()
    assert not list(data_folder.glob("checkpoints/*"))


def test_an_app_that_is_asked_to_end_does_so_within_five_seconds_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    data_folder = tmp_path / "data"
    store = Store(data_folder)
    rows = tuple(read_demonstrations(REPOSITORY / "assets/starters/emoji.csv"))
    store.add_job(LOCAL, TrainingJob("long", "A bot", rows, store.bot_folder("long"), {"epochs": 5000}))
    with started_app(data_folder) as (_, server):
        wait_until(lambda: (job := store.latest_job(LOCAL)) and job.step > 0)
        children = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=5) == 0
        # Python's own helper of a process notices its end a moment later.
        wait_until(lambda: not any(is_running(process) for process in children))
    assert not list(temporary.glob("reft-studio-*"))
    store.requeue()
    assert store.waiting() == ["long"]
    assert store.checkpoint_file("long").is_file()


def test_a_second_app_with_the_same_data_says_that_there_is_one(tmp_path: Path) -> None:
    data_folder = tmp_path / "data"
    with started_app(data_folder):
        environment = os.environ | {"REFT_STUDIO_DATA_FOLDER": str(data_folder)}
        second = subprocess.run(
            [sys.executable, "app.py"], cwd=REPOSITORY, env=environment, capture_output=True, encoding="utf-8"
        )
    assert second.returncode == 1
    assert "already running with these data" in second.stderr


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
