"""One app and one browser for each file of tests."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.ui.running import launch_chromium, open_page, running_app


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what its pages said at that moment."""
    report = yield
    if report.failed and call.when == "call" and "browser" in item.funcargs:
        for context in item.funcargs["browser"].contexts:
            for page in context.pages:
                report.sections.append((page.url, page.locator("body").aria_snapshot()))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio") / "data"


@pytest.fixture(scope="module")
def score_seconds() -> str:
    """How long a bot is scored at most: few tests are about that, and it takes longer than anything else."""
    return "2"


@pytest.fixture(scope="module")
def address(data_folder: Path, score_seconds: str) -> Iterator[str]:
    with running_app(data_folder, max_score_seconds=score_seconds) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = open_page(browser, address, viewport={"width": 1280, "height": 900})
    yield page
    page.close()
