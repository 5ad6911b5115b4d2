"""What somebody is about to press stays where it is."""

from playwright.sync_api import Browser

from tests.ui.running import choose_starter, open_page, open_tab, say

STEADY = 0.02
"""A fifth of what counts as good by https://web.dev/articles/cls: a button's width, but no line of text."""
RECORD = """() => {
    window.moved = 0;
    const add = move => { if (!move.hadRecentInput) window.moved += move.value };
    new PerformanceObserver(moves => moves.getEntries().forEach(add)).observe({ type: "layout-shift" });
}"""


def test_nothing_moves_on_a_phone_while_a_bot_learns_is_scored_and_answers(
    browser: Browser, address: str
) -> None:
    page = open_page(browser, address, viewport={"width": 390, "height": 844}, is_mobile=True)
    choose_starter(page, "emoji")
    open_tab(page, "Train")
    page.locator("#train").click()
    page.locator("#progress .running").wait_for()

    page.evaluate(RECORD)
    page.locator("#progress .done").wait_for()
    page.locator("#verdict :is(p, h3)").first.wait_for()
    assert page.evaluate("window.moved") < STEADY

    page.locator("#talk").click()
    page.locator("#suggestion-0").wait_for()
    # What moved by the press itself is told a little later.
    page.wait_for_timeout(1000)
    page.evaluate("window.moved = 0")
    say(page, "Tell me about cats.")
    assert page.evaluate("window.moved") < STEADY
    page.close()
