"""The studio as a Space: several people, and a graphics card that is lent for one call at a time."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from reft_studio.rules import only_emoji
from reft_studio.share.space import write_studio
from tests.ui.running import (
    REPOSITORY,
    choose_starter,
    free_port,
    open_page,
    open_tab,
    say,
    set_epochs,
    train,
    wait_for_server,
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the studio, started from a folder of its own as ZeroGPU would."""
    folder = tmp_path_factory.mktemp("space") / "studio"
    write_studio(folder)
    shutil.copyfile(REPOSITORY / "tests" / "lender.py", folder / "spaces.py")
    port, log = free_port(), folder.with_suffix(".log")
    environment = os.environ | {
        "SPACES_ZERO_GPU": "true",
        "REFT_STUDIO_SHARED": "1",
        "REFT_STUDIO_PORT": str(port),
        "REFT_STUDIO_DATA_FOLDER": str(folder.with_name("data")),
    }
    with log.open("wb") as output:
        app = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=output, stderr=output
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for_server(app, f"{address}/healthz", log)
            yield address
        finally:
            app.terminate()
            app.wait()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_two_people_train_at_the_same_time_and_neither_waits_for_who_has_left(
    browser: Browser, space: str
) -> None:
    gone = open_page(browser.new_context(), space)
    choose_starter(gone, "pirate")
    open_tab(gone, "Train")
    set_epochs(gone, 300)
    gone.locator("#train").click()
    gone.locator("#progress .progress.running").wait_for()
    gone.close()

    page = open_page(browser.new_context(), space)
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    train(page)
    page.locator("#progress").get_by_text("messages it had never seen").wait_for()
    page.locator("#talk").click()
    assert only_emoji(say(page, "Tell me about cats."))
    page.close()
