"""Take the README's pictures of the page: `python -m tests.ui.screenshots`."""

import os
from pathlib import Path
from time import sleep
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.hub import Hub, local_hub
from tests.ui.running import REPOSITORY, choose_starter, new_studio, open_tab, say, train, unfold

FOLDER = REPOSITORY / "assets" / "screenshots"
VIEWS: tuple[tuple[Path, Any], ...] = (
    (FOLDER, {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}),
    (FOLDER / "dark", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}),
    (FOLDER / "phone", {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"}),
)
MOST_BYTES = 150_000
COLOURS = 256
"""A third of the size, and on this page nobody sees the difference."""
QUESTIONS = ("Tell me about cats.", "How do I make pizza?")


def take(page: Page, name: str, folder: Path = FOLDER, part: str = "") -> None:
    """One picture of the whole page, or of a part of it, as it stands."""
    folder.mkdir(parents=True, exist_ok=True)
    # So that no button is in its focused or hovered look.
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    path = folder / f"{name}.png"
    if part:
        page.locator(part).screenshot(path=path, animations="disabled")
    else:
        page.screenshot(path=path, full_page=True, animations="disabled")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path} is too big for a README."


def take_all(page: Page, folder: Path = FOLDER) -> None:
    """Go through the tabs with the emoji starter; a picture of each, and of what is for the curious."""
    choose_starter(page, "emoji")
    take(page, "demonstrations", folder)
    page.locator("#to-training").click()
    train(page)
    page.locator("#progress .progress.done").wait_for()
    page.locator("#verdict .score").wait_for()
    take(page, "train", folder)
    unfold(page, "advanced")
    page.locator("#preview-prompt").click()
    page.locator("#pieces mark").first.wait_for()
    take(page, "advanced", folder, "#advanced")
    page.locator("#talk").click()
    for question in QUESTIONS:
        say(page, question)
    page.locator("#send").wait_for()
    take(page, "chat", folder)
    open_tab(page, "Share")
    page.locator("#download").wait_for()
    page.wait_for_function("document.querySelector('#share-name textarea, #share-name input')?.value")
    take(page, "share", folder)


def take_publishing(page: Page, hub: Hub, folder: Path = FOLDER) -> None:
    """While a bot goes up, and when it is there."""
    hub.before = lambda asked: sleep(3) if "/commit/" in asked else None
    page.locator("#publish").click()
    page.locator("#stop-publishing").wait_for()
    page.wait_for_timeout(1500)
    take(page, "share-publishing", folder)
    page.locator("#outcome .published").wait_for()
    page.locator("#stop-publishing").wait_for(state="hidden")
    take(page, "share-published", folder)


def main() -> None:
    """Start the app with an empty data folder and a browser beside it, as for somebody who is signed in.

    Pictures of each tab in light, in dark and on a phone, and of publishing to a Hub on this computer.
    """
    with local_hub() as hub:
        os.environ.update(HF_TOKEN="hf_ann", HF_ENDPOINT=hub.url, HF_HUB_DISABLE_XET="1", HF_HUB_OFFLINE="0")
        for folder, view in VIEWS:
            with new_studio(**view) as page:
                take_all(page, folder)
                if folder == FOLDER:
                    take_publishing(page, hub, folder)


if __name__ == "__main__":
    main()
