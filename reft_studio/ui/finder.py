"""Find a row by a word in it. The table stays as it is: nothing is hidden, moved or lost by looking."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from reft_studio.demonstrations import Demonstration
from reft_studio.ui import wording

NOTHING_LOOKED_FOR: tuple[Any, ...] = ("", ("", -1))
"""Values for `Finder.shown`."""


class Finder:
    """Lays it out; the table goes to what is found."""

    def __init__(self) -> None:
        self.last = gr.State(("", -1))
        """For which word somebody looked last, and in which row it was."""
        with gr.Row(elem_id="finder"):
            self.word = gr.Textbox(
                placeholder=wording.FIND_PLACEHOLDER,
                label=wording.FIND,
                show_label=False,
                container=False,
                max_lines=1,
                scale=1,
                elem_id="find",
            )
            button = gr.Button(wording.FIND_NEXT, size="sm", scale=0, min_width=110, elem_id="find-next")
        self.said = gr.HTML(elem_id="found")
        self.shown = [self.said, self.last]
        self.asked = [self.word.submit, button.click]


def find_next(rows: Sequence[Demonstration], word: str, last: tuple[str, int]) -> tuple[int | None, str]:
    """The next row in which a word is, after the last one from the beginning; None if there is none.

    And what to say of it.
    """
    wanted, (before, row) = word.casefold().strip(), last
    found = [n for n, each in enumerate(rows) if wanted in f"{each.prompt}\n{each.reply}".casefold()]
    if not wanted or not found:
        return None, wording.found_nothing(word.strip()) if wanted else wording.FIND_WHAT
    at = next((n for n in found if n > row and word == before), found[0])
    return at, wording.found(at + 1, found.index(at) + 1, len(found))
