"""A page that nobody uses takes nothing of the computer: assets/clocks.js, and how it comes into the page."""

from collections.abc import AsyncIterator

import pytest
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reft_studio.ui.scripts import Scripts
from tests.ui.running import REPOSITORY, choose_starter, open_page, wait_until

COUNT_PICTURES = """
    const ask = window.requestAnimationFrame.bind(window);
    window.pictures = 0;
    window.requestAnimationFrame = (step) => { window.pictures += 1; return ask(step); };
"""
CLOCK = """
    window.seconds = 0;
    const begun = 0;
    const count = () => requestAnimationFrame(() => {
        window.seconds = (performance.now() - begun) / 1e3;
        count();
    });
    count();
"""
PAGE = "<!doctype html><html><head><title>é</title></head><body><p>&lt;head></p></body></html>"


def test_a_page_that_nobody_touches_is_not_drawn_again_and_again(browser: Browser, address: str) -> None:
    context = browser.new_context()
    context.add_init_script(COUNT_PICTURES)
    page = open_page(context, address)
    choose_starter(page, "emoji")

    def drawn_in_a_second() -> int:
        before = page.evaluate("pictures")
        page.wait_for_timeout(1_000)
        return int(page.evaluate("pictures")) - int(before)

    assert page.evaluate("pictures") > 0
    wait_until(lambda: drawn_in_a_second() == 0)
    context.close()


def test_seconds_are_counted_as_long_as_somebody_sees_them(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<div data-testid="status-tracker"></div>')
    page.add_script_tag(content=COUNT_PICTURES)
    page.add_script_tag(path=REPOSITORY / "assets" / "clocks.js")
    page.add_script_tag(content=CLOCK)
    page.wait_for_function("pictures > 5")
    page.locator("div").evaluate("tracker => tracker.classList.add('hide')")
    page.wait_for_timeout(100)
    stopped = page.evaluate("seconds")
    assert stopped > 0
    page.wait_for_timeout(200)
    assert page.evaluate("seconds") == stopped
    # What else is drawn is drawn.
    assert page.evaluate("new Promise((draw) => requestAnimationFrame(() => draw(true)))")
    page.close()


def _page(_: object) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for byte in PAGE.encode():
            yield bytes([byte])

    return StreamingResponse(parts(), media_type="text/html")


@pytest.mark.parametrize("path", ["/whole", "/parts"])
def test_our_scripts_stand_before_everything_else_of_a_page(path: str) -> None:
    routes = [Route("/whole", lambda _: HTMLResponse(PAGE)), Route("/parts", _page)]
    client = TestClient(Scripts(Starlette(routes=routes), ["first()", "second()"]))
    answer = client.get(path)
    written = "<head><script>first()</script><script>second()</script><title>"
    assert answer.text == PAGE.replace("<head><title>", written)
    assert answer.headers["content-length"] == str(len(answer.content))


def test_what_is_no_page_is_left_as_it_is() -> None:
    routes = [Route("/text", lambda _: PlainTextResponse(PAGE)), Route("/", lambda _: HTMLResponse(PAGE))]
    client = TestClient(Scripts(Starlette(routes=routes), ["first()"]))
    assert client.get("/text").text == PAGE
    assert client.head("/").headers["content-length"] == str(len(PAGE.encode()))
