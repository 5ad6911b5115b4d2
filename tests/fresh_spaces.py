"""Start every Space as its README says, in a fresh virtual environment, and use it: `make spaces`.

Not among the tests, since it installs everything twice.
"""

import os
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from reft_studio.share.space import write_space, write_studio
from tests.ui.running import (
    MILLISECONDS,
    REPOSITORY,
    choose_starter,
    free_port,
    launch_chromium,
    open_page,
    open_tab,
    say,
    train,
    wait_for_server,
)

DEMOS = ("emoji", "ethos")


def fresh_python(folder: Path, requirements: Path, *more: str) -> Path:
    """The interpreter of a new environment with what a Space asks for."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *more, "-r", requirements], check=True)
    return python


def use(browser: Browser, python: Path, space: Path, look: str) -> str:
    """Start a Space, wait until `look` answers, use it and stop it; returns what the bot said."""
    port, log = free_port(), space.with_suffix(".log")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    environment |= {
        "GRADIO_SERVER_PORT": str(port),
        "REFT_STUDIO_PORT": str(port),
        "REFT_STUDIO_DATA_FOLDER": str(space.with_name(f"{space.name}-data")),
        "HF_HUB_OFFLINE": "1",
    }
    with log.open("wb") as output:
        app = subprocess.Popen([python, "app.py"], cwd=space, env=environment, stdout=output, stderr=output)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for_server(app, f"{address}{look}", log)
            return talk_in_studio(browser, address) if look == "/healthz" else talk(browser, address)
        finally:
            app.terminate()
            app.wait()


def talk(browser: Browser, address: str) -> str:
    """Ask the bot of a chat Space something, beside the plain and the instructed model."""
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(address, wait_until="domcontentloaded")
    page.locator("#message textarea").fill("Tell me about cats.")
    page.locator("#send").click()
    for side in ("base", "system", "bot"):
        page.locator(f"#{side} .reply").wait_for()
    page.locator("#message textarea").wait_for()
    page.wait_for_timeout(2000)
    said = [page.locator(f"#{side} .reply").inner_text() for side in ("base", "system", "bot")]
    assert all(said), said
    page.close()
    return " | ".join(said)


def talk_in_studio(browser: Browser, address: str) -> str:
    """Train a bot from a starter and ask it something."""
    page = open_page(browser, address)
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    train(page)
    page.locator("#progress .verdict").wait_for()
    page.locator("#talk").click()
    said = f"{say(page, 'Tell me about cats.')} | {page.locator('.side.base .reply').inner_text()}"
    page.close()
    return said


def main() -> None:
    """Both demos, then the studio."""
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser, folder = launch_chromium(playwright), Path(scratch)
        for demo in DEMOS:
            write_space(folder / demo, REPOSITORY / "spaces" / demo, name=f"{demo} bot", model_id=None)
        chat = fresh_python(
            folder / "chat", folder / "emoji" / "requirements.txt", f"gradio=={version('gradio')}"
        )
        for demo in DEMOS:
            print(f"{demo}: {use(browser, chat, folder / demo, '/')}")
            log = (folder / f"{demo}.log").read_text(encoding="utf-8")
            assert "The self-test gave the same" in log, log
        write_studio(folder / "studio")
        studio = fresh_python(folder / "own", folder / "studio" / "requirements.txt")
        print(f"studio: {use(browser, studio, folder / 'studio', '/healthz')}")
        browser.close()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
