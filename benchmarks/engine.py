"""How soon the app is there, takes a click and is back after a crash: `python -m benchmarks.engine`.

The real app with a real browser on the embedded model. Each figure is measured several times; the first start
is left out, since it reads the files that the others then find in memory.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from reft_studio.engine.interface import JobState, Readiness
from reft_studio.store import LOCAL, Store
from tests.ui.running import (
    choose_starter,
    launch_chromium,
    open_page,
    open_tab,
    say,
    set_epochs,
    started_app,
    train,
    wait_until,
)

TIMES = 5
EPOCHS = 10_000
# Laid in the page, so that the browser itself takes the time from the click to what it then shows.
CLICK_AND_WAIT = """() => new Promise(done => {
    const panel = document.querySelector("#progress"), begun = performance.now();
    const job = () => panel.querySelector(".progress").dataset.job, before = job();
    new MutationObserver((_, observer) => {
        if (job() !== before) { observer.disconnect(); done((performance.now() - begun) / 1000); }
    }).observe(panel, {childList: true, subtree: true, attributes: true});
    document.querySelector("#train").click();
})"""


def main() -> None:
    """Print every figure with its spread."""
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = launch_chromium(playwright)
        starts = [start(browser, Path(folder) / str(number)) for number in range(TIMES + 1)]
        answers, computed, pages, later = zip(*starts[1:], strict=True)
        tell("the server answers after its start", answers)
        tell("of that, what its process has computed", computed)
        tell("the table is on the page after the server's start", pages)
        tell("the table is on a page that an empty browser opens later", later)
        use(browser, Path(folder) / "used")
        browser.close()


def start(browser: Browser, data_folder: Path) -> tuple[float, float, float, float]:
    """Seconds from the start of the process until it answers, of its computing, and until a page is there.

    Where other programs compute too, the second is what it would take without them. The last is for a page
    that is opened when the engine is there and idle.
    """
    begun = time.perf_counter()
    with started_app(data_folder) as (address, server):
        answered, times = time.perf_counter(), psutil.Process(server.pid).cpu_times()
        open_page(browser, address).close()
        first = time.perf_counter()
        wait_until(lambda: is_ready(address))
        opened = time.perf_counter()
        open_page(browser, address).close()
        later = time.perf_counter() - opened
        return answered - begun, times.user + times.system, first - begun, later


def is_ready(address: str) -> bool:
    """Whether the engine has loaded its model."""
    with urlopen(f"{address}/healthz") as answer:
        return bool(json.load(answer)["engine"] == Readiness.READY)


def use(browser: Browser, data_folder: Path) -> None:
    """Train, talk, and kill the engine while it trains, in one app."""
    with started_app(data_folder) as (address, server):
        page, store, process = open_page(browser, address), Store(data_folder), psutil.Process(server.pid)
        choose_starter(page, "emoji")
        open_tab(page, "Train")
        train(page)
        page.locator("#talk").click()
        say(page, "Tell me about cats.")
        open_tab(page, "Train")
        stop(page)
        set_epochs(page, EPOCHS)
        tell("from the click on Train until it is queued", [click(page) for _ in range(TIMES)])
        page.evaluate(CLICK_AND_WAIT)
        tell("from the engine's end until its training goes on", [resume(store, process) for _ in range(2)])
        print(f"memory of the page's process after all that: {process.memory_info().rss / 1e6:.0f} MB")


def click(page: Page) -> float:
    """Seconds until the page shows the training that was clicked for; then it is stopped."""
    seconds: float = page.evaluate(CLICK_AND_WAIT)
    stop(page)
    return seconds


def stop(page: Page) -> None:
    """Stop the training, or its score, if there is any."""
    if page.locator("#cancel").is_visible():
        page.locator("#cancel").click()
    page.locator("#progress .progress:is(.cancelled, .done)").wait_for()


def resume(store: Store, server: psutil.Process) -> float:
    """Kill the engine once its training is written down; seconds until it has taken another step."""
    wait_until(lambda: list(store.checkpoint_file("").parent.glob("*.safetensors")))
    (engine,) = [child for child in server.children() if "spawn_main" in " ".join(child.cmdline())]
    engine.kill()
    engine.wait()
    begun = time.perf_counter()
    wait_until(lambda: (job := store.latest_job(LOCAL)) and "went on from step" in job.message)
    goes_on_at = reached(store)
    wait_until(lambda: reached(store) > goes_on_at)
    seconds = time.perf_counter() - begun
    job = store.latest_job(LOCAL)
    assert job
    assert job.state is JobState.RUNNING
    return seconds


def reached(store: Store) -> int:
    """The step of the training."""
    job = store.latest_job(LOCAL)
    return job.step if job else 0


def tell(what: str, seconds: list[float] | tuple[float, ...]) -> None:
    """Print the median, and the least and the most."""
    median = statistics.median(seconds)
    print(
        f"{what}: {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)} times)", flush=True
    )


if __name__ == "__main__":
    main()
