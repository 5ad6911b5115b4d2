"""How long it takes from the click on Train to the bot's first reply: `python -m benchmarks.first_reply`.

The real app with an empty data folder and a real browser, the emoji starter, the embedded model; the first
time from a cold start, then again.
"""

from __future__ import annotations

import time

from tests.ui.running import choose_starter, new_studio, open_tab, say, train

TIMES = 5
QUESTION = "Tell me about cats."


def main() -> None:
    """Print every time measured."""
    with new_studio(viewport={"width": 1280, "height": 900}) as page:
        for _ in range(TIMES):
            choose_starter(page, "emoji")
            open_tab(page, "Train")
            begun = time.perf_counter()
            train(page)
            trained = time.perf_counter()
            page.locator("#talk").click()
            reply = say(page, QUESTION)
            replied = time.perf_counter()
            waited = f"trained after {trained - begun:.1f} s, replied after {replied - begun:.1f} s"
            print(f"{waited}: {reply}", flush=True)
            # The next training would wait for the score of this one.
            open_tab(page, "Train")
            page.locator("#progress .progress.done").wait_for()


if __name__ == "__main__":
    main()
