"""The real app in a process of its own, and a browser to look at it with. No pytest here."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    Error,
    Locator,
    Page,
    Playwright,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as TooLate

REPOSITORY = Path(__file__).resolve().parents[2]
MILLISECONDS = 120_000
"""How long anything on the page may take on a machine that is busy with something else."""
expect.set_options(timeout=MILLISECONDS)
NO_BROWSER = (
    "These tests need Chromium, and there is none. Install it (Debian: apt install chromium; elsewhere: "
    "python -m playwright install chromium), then run them again."
)


def launch_chromium(playwright: Playwright) -> Browser:
    """The system's Chromium, else the one Playwright has downloaded; fails if there is none."""
    try:
        return playwright.chromium.launch(**_options())
    except Error as error:
        raise AssertionError(NO_BROWSER) from error


def launch_person(chromium: BrowserType, profile: Path) -> BrowserContext:
    """A browser of somebody's own, which remembers in a folder what a browser remembers."""
    return chromium.launch_persistent_context(profile, **_options())


def _options() -> dict[str, Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    # For each page a whole window is made that nobody sees. What would suggest addresses there computes more
    # than half as long as our page. The others are not wanted either, as Playwright knows, whose list this
    # takes the place of.
    unwanted = (
        "WebUIOmniboxPopup",
        "WebUIOmniboxAimPopup",
        "WebUIOmniboxFullPopup",
        "HttpsUpgrades",
        "LensOverlay",
        "MediaRouter",
        "NetworkTimeServiceQuerying",
        "OptimizationHints",
        "PaintHolding",
    )
    lean = f"--disable-features={','.join(unwanted)}"
    return {"executable_path": found, "args": ["--no-sandbox", "--disable-dev-shm-usage", lean]}


@contextmanager
def running_app(data_folder: Path, **settings: str) -> Iterator[str]:
    """The address of an app with this data folder and other settings, which is stopped in the end."""
    with started_app(data_folder, port=None, **settings) as (address, _):
        yield address


@contextmanager
def started_app(
    data_folder: Path,
    command: Sequence[str] = (sys.executable, "app.py"),
    *,
    port: int | None = None,
    **settings: str,
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The same with its process, for those who want to kill it; at a port of its own unless it is given."""
    port = port or free_port()
    environment = os.environ | {
        "REFT_STUDIO_DATA_FOLDER": str(data_folder),
        "REFT_STUDIO_PORT": str(port),
    }
    environment |= {f"REFT_STUDIO_{name.upper()}": value for name, value in settings.items()}
    log = data_folder.with_suffix(".log")
    with log.open("wb") as output:
        app = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=output, stderr=output)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for_server(app, f"{address}/healthz", log)
            yield address, app
        finally:
            app.terminate()
            app.wait()


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_server(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Until a server that was just started answers; fails with its log if it ends instead."""
    wait_until(lambda: process.poll() is not None or _answers(address))
    assert process.poll() is None, log.read_text(encoding="utf-8")


def wait_until(condition: Any) -> None:
    """Look again and again until the condition holds; fails if it never does."""
    deadline = time.monotonic() + MILLISECONDS / 1000
    while not condition():
        assert time.monotonic() < deadline, "This did not happen in time."
        time.sleep(0.1)


def end_in_order(app: "subprocess.Popen[bytes]", others: Sequence[psutil.Process] = ()) -> None:
    """Ask an app to end; it does so within five seconds, and so do all of its processes and the others."""
    processes = [*others, *psutil.Process(app.pid).children(recursive=True)]
    app.send_signal(signal.SIGTERM)
    assert app.wait(timeout=5) == 0
    # Python's own helper of a process, and the system, notice an end a moment later.
    wait_until(lambda: not any(map(is_running, processes)))


def is_running(process: psutil.Process) -> bool:
    """Whether it has not ended, whoever may still have to take note of that."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=10):
            return True
    except (URLError, OSError):
        return False


def open_page(browser: Browser | BrowserContext, address: str, **options: Any) -> Page:
    """A page that has finished loading the table."""
    page = browser.new_page(**options)
    page.set_default_timeout(MILLISECONDS)
    page.goto(address, wait_until="domcontentloaded")
    table_is_there(page)
    return page


def table_is_there(page: Page) -> None:
    """Wait for the row count, which the server sends last."""
    page.locator("#count").get_by_text("example").first.wait_for()


@contextmanager
def new_studio(**options: Any) -> Iterator[Page]:
    """A page of an app with an empty data folder, in a browser of its own."""
    with (
        TemporaryDirectory() as folder,
        running_app(Path(folder) / "data") as address,
        sync_playwright() as playwright,
    ):
        browser = launch_chromium(playwright)
        yield open_page(browser, address, **options)
        browser.close()


def open_tab(page: Page, name: str) -> None:
    """Go to a tab by what it says."""
    page.get_by_role("tab", name=name).click()
    page.locator('[role="tabpanel"] :is(button, input, textarea):visible').first.wait_for()
    wait_for_values(page)


def choose_starter(page: Page, key: str, count: str = "10 examples") -> None:
    """Fill the table from a starter and wait for it, by way of another one: then something changes."""
    open_tab(page, "Examples")
    other = ("emoji", "10 examples") if key == "blank" else ("blank", "No examples yet")
    for card, text in [other, (key, count)]:
        if card != key and page.locator("#count").get_by_text(text).is_visible():
            continue
        page.locator(f"#starter-{card}").click()
        page.locator("#count").get_by_text(text).wait_for()
        first = "" if card == "blank" else "Who are you?"
        page.wait_for_function(
            "first => document.querySelector('#form-prompt textarea').value === first", arg=first
        )
        if first and page.locator("#table").is_visible():
            page.locator('[data-testid="cell-0-0"]').get_by_text(first).first.wait_for()


def unfold(page: Page, part: str) -> None:
    """Open a part of the page that may be folded up."""
    if not page.locator(f"#{part} > button.open").count():
        page.locator(f"#{part} > button").click()
        page.locator(f"#{part} :is(input, textarea):visible").first.wait_for()
        wait_for_values(page)


def wait_for_values(page: Page) -> None:
    """What is drawn for the first time gets its values one frame later; only a program types before that."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def set_epochs(page: Page, epochs: int) -> None:
    """Open Advanced if need be and say how long to train, to the end whatever becomes of it."""
    box = advanced_box(page, "epochs")
    box.fill(str(epochs))
    box.press("Tab")
    page.locator("#stop-early input").set_checked(False)


def advanced_box(page: Page, field: str) -> Locator:
    """A field under Advanced, which is opened if it is closed; a page still being drawn may miss a press."""
    page.locator("#advanced").wait_for()
    box, patience = page.locator(f"#{field} :is(input, textarea)"), 500
    while True:
        # Looked and pressed at once: where settings come back with the page, it opens by itself.
        page.evaluate(
            """field => {
                const box = document.querySelector(`#${field}`);
                if (!box?.offsetParent) document.querySelector("#advanced button").click();
            }""",
            field,
        )
        try:
            box.wait_for(timeout=patience)
            wait_for_values(page)
            return box
        except TooLate:
            patience *= 2
            assert patience < MILLISECONDS, "Advanced does not open."


def train(page: Page) -> None:
    """Press the button and wait for the bot, though not for its score."""
    panel = page.locator("#progress .progress")
    before = panel.get_attribute("data-job")
    page.locator("#train").click()
    page.locator(f'#progress .progress:is(.scoring, .done):not([data-job="{before}"])').wait_for()


def with_emoji_bot(browser: Browser, address: str) -> Page:
    """A page on which the emoji bot was just trained; it is being scored."""
    page = open_page(browser, address, viewport={"width": 1280, "height": 900})
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    train(page)
    return page


def skip_score(page: Page) -> None:
    """End the score of what was just trained, unless it has ended by itself."""
    ended = page.locator("#progress .progress.done")
    while not ended.is_visible():
        with suppress(TooLate):
            page.locator("#cancel").click(timeout=1_000)


def say(page: Page, message: str) -> str:
    """Send a message, and return what the bot has said when it has finished."""
    before = page.locator(".turn").count()
    page.locator("#message textarea").fill(message)
    page.locator("#send").click()
    # In one look: the page draws the whole conversation anew with every word. It may be another bot's now.
    finished = page.wait_for_function(
        """([message, before]) => {
            const turns = [...document.querySelectorAll(".turn")];
            const asked = turn => turn.querySelector(".prompt").textContent.includes(message);
            const last = turns.at(-1);
            const fresh = turns.length > before || turns.filter(asked).length === 1;
            if (!last || !fresh || !asked(last) || last.hasAttribute("aria-busy")) return null;
            return { said: last.querySelector(".side.bot .reply").textContent };
        }""",
        arg=[message, before],
    )
    said: str = finished.json_value()["said"]
    return said


def teach(page: Page, right: str) -> None:
    """Say what the answer should have been, in the part of the page that has come into sight for that."""
    box = page.locator("#fix-right textarea")
    # Before that the page still scrolls, and a press may miss its button.
    expect(box).to_be_focused()
    box.fill(right)
    page.locator("#teach").click()
