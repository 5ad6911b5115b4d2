"""A killed server goes on with its training, and its page finds it; there is one server at a time."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from tests.ui.running import (
    REPOSITORY,
    choose_starter,
    last_reply,
    open_page,
    open_tab,
    set_epochs,
    started_app,
    wait_until,
)

pytestmark = pytest.mark.timeout(900)
EPOCHS = 600


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
        page.locator("#message textarea").fill("Tell me about cats.")
        page.locator("#send").click()
        assert last_reply(page)
        page.close()
    assert not list(data_folder.glob("checkpoints/*"))


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
