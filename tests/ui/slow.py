"""A page whose connection is slow for some of what it asks. No pytest here."""

from collections.abc import Callable

from playwright.sync_api import APIResponse, Page, Route

from tests.ui.running import wait_until


class Held:
    """What a page asks of some handlers, held back from when this is made; everything else goes its way.

    With `answered` the server hears of it at once, and the page hears late that it did.
    """

    def __init__(self, page: Page, handlers: set[int], *, answered: bool = False) -> None:
        self._page, self._handlers, self._answered = page, handlers, answered
        self._held: list[tuple[Route, APIResponse | None]] = []
        page.route("**/queue/join*", self._hear)

    def _hear(self, route: Route) -> None:
        if route.request.post_data_json["fn_index"] in self._handlers:
            self._held.append((route, route.fetch() if self._answered else None))
        else:
            route.fallback()

    def wait(self) -> None:
        """Until there is something."""
        wait_until_on(self._page, lambda: self._held)

    def let_one_go(self) -> None:
        """What has been held for longest; the rest is held still."""
        route, answer = self._held.pop(0)
        if answer:
            route.fulfill(response=answer)
        else:
            route.continue_()

    def let_go(self) -> None:
        """All of it, and nothing is held any more."""
        self._handlers = set()
        while self._held:
            self.let_one_go()


def wait_until_on(page: Page, condition: Callable[[], object]) -> None:
    """The same as `wait_until`, while what the page asks is attended to."""

    def look() -> object:
        page.wait_for_timeout(50)
        return condition()

    wait_until(look)


def handlers_of(page: Page, name: str, event: str) -> set[int]:
    """What the page calls the handlers that hear an event of a part or a tab of it."""
    config = page.evaluate("() => window.gradio_config")
    return {
        heard["id"]
        for part in config["components"]
        if name == part["props"].get("id" if part["type"] == "tabitem" else "elem_id")
        for heard in config["dependencies"]
        if [part["id"], event] in heard["targets"]
    }
