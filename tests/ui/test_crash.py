"""The server is killed in a training and started again: the training goes on, and the page finds it."""

from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from tests.ui.running import (
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


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
