"""Messages that could stand in the table too, to be added with one click and answered by the author."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr
from pydantic import TypeAdapter

from reft_studio.demonstrations import Demonstration
from reft_studio.ui import wording
from reft_studio.ui.starters import STARTERS_FOLDER

MOST = 3
"""So many are offered at once."""


@dataclass(frozen=True)
class _Stock:
    everyday: tuple[str, ...]
    difficult: tuple[str, ...]
    """They tempt a bot out of its manner."""
    signs: tuple[str, ...]
    """By which one that somebody else has written is known."""


@dataclass(frozen=True)
class Suggestions:
    """What is missing among the messages of a table."""

    prompts: tuple[str, ...]
    difficult: bool
    """Whether these are difficult ones, since there are none yet."""


def suggestions(rows: Sequence[Demonstration]) -> Suggestions:
    """Messages that are in none of the rows: difficult ones as long as there are none."""
    stock, there = _stock(), {_plain(row.prompt) for row in rows}
    difficult = any(there) and not any(sign in prompt for prompt in there for sign in stock.signs)
    fresh = [
        prompt for prompt in (stock.difficult if difficult else stock.everyday) if _plain(prompt) not in there
    ]
    return Suggestions(tuple(fresh[:MOST]), difficult)


class SuggestionsPanel:
    """Lays it out; what a click does is the table's business."""

    def __init__(self) -> None:
        self._said = gr.HTML(elem_id="suggested")
        with gr.Row(elem_classes="suggestions", elem_id="suggested-prompts"):
            self.buttons = [gr.Button(size="sm", visible=False, elem_id=f"suggest-{n}") for n in range(MOST)]
        self.shown = [self._said, *self.buttons]


def suggested(rows: Sequence[Demonstration]) -> tuple[Any, ...]:
    """Values for `SuggestionsPanel.shown`."""
    found = suggestions(rows)
    said = wording.SUGGEST_DIFFICULT if found.difficult else wording.SUGGEST
    prompts = (*found.prompts, *[""] * MOST)[:MOST]
    return (
        f'<p class="quiet">{said}</p>' if found.prompts else "",
        *(gr.Button(prompt, visible=bool(prompt)) for prompt in prompts),
    )


@cache
def _stock() -> _Stock:
    return TypeAdapter(_Stock).validate_json((STARTERS_FOLDER / "suggestions.json").read_bytes())


def _plain(prompt: str) -> str:
    return " ".join(prompt.casefold().split()).rstrip("?!. ")
