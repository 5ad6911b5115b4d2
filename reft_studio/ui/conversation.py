"""How a conversation with several at once looks. Text is shown as text, never as markup."""

from collections.abc import Sequence
from html import escape
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.score import Side
from reft_studio.turns import Turn
from reft_studio.ui import wording
from reft_studio.ui.empty import empty

ON_CLICK = """
const at = event => event.target.closest("button[data-do]")?.dataset;
const point = ({ turn, do: value }) => trigger("select", { index: Number(turn), value });
let pressed;
element.addEventListener("pointerdown", event => { pressed = at(event); });
element.addEventListener("pointerup", event => {
  const here = at(event);
  if (here && here.do === pressed?.do && here.turn === pressed.turn) point(here);
  pressed = undefined;
});
element.addEventListener("click", event => { if (!event.detail && at(event)) point(at(event)); });
"""
"""For the part of the page that shows a conversation: tells `pointed_at` of its buttons.

While an answer grows all is drawn anew with each word, and where a button was replaced while it was pressed
there is no click; so presses and releases count. The clicks of a keyboard have no detail.
"""

Pointed = tuple[int, str] | None
"""The number of a turn that somebody has clicked into, and which click that was."""


def pointed_at(event: gr.SelectData) -> tuple[Any, Any]:
    """Where somebody wants to change a message, and where to correct an answer; one of them is not new."""
    pointed = event.index, uuid4().hex
    return (pointed, gr.skip()) if event.value == "change" else (gr.skip(), pointed)


def conversation(turns: Sequence[Turn], bot_name: str) -> str:
    """The whole conversation as HTML, or what to do when there is none."""
    if not bot_name:
        return empty("talk", wording.NO_BOT)
    if not turns:
        return empty("talk", wording.NO_MESSAGES)
    # The outer box is scrolled from its end, so the newest turn stays in sight while it grows.
    log = "".join(_turn(turn, number, bot_name) for number, turn in enumerate(turns))
    return f'<div class="talk" tabindex="0"><div role="log" aria-live="polite">{log}</div></div>'


def _turn(turn: Turn, number: int, bot_name: str) -> str:
    busy = "" if turn.finished else ' aria-busy="true"'
    names = wording.SIDES | {Side.BOT: bot_name}
    change = _button("change", number, wording.CHANGE_THIS) if turn.finished else ""
    sides = "".join(
        _side(side, names[side], turn, _button("correct", number, wording.CORRECT_THIS))
        for side in turn.replies
    )
    return (
        f'<section class="turn"{busy}><div class="said"><div class="prompt" dir="auto">'
        f'<span class="sr">{wording.YOU}: </span>{escape(turn.prompt)}</div>{change}</div>'
        f'<div class="sides">{sides}</div></section>'
    )


def _side(side: Side, name: str, turn: Turn, correct: str) -> str:
    said = _reply(turn.replies[side], side, finished=turn.finished)
    how = f'<span class="how" dir="auto">{escape(turn.how)}</span>' if side is Side.BOT and turn.how else ""
    button = correct if side is Side.BOT and turn.finished else ""
    return (
        f'<div class="side {side}"><div class="who"><h3 dir="auto">{escape(name)}</h3>{how}{button}</div>'
        f"{said}</div>"
    )


def _reply(reply: str, side: Side, *, finished: bool) -> str:
    if finished and not reply.strip():
        said = wording.BOT_SAID_NOTHING if side is Side.BOT else wording.SAID_NOTHING
        return f'<div class="reply quiet">{said}</div>'
    return f'<div class="reply" dir="auto">{escape(reply or wording.THINKING)}</div>'


def _button(what: str, number: int, label: str) -> str:
    mark = wording.MARKS[what]
    return (
        f'<button type="button" class="mark" data-do="{what}" data-turn="{number}" '
        f'aria-label="{label}" title="{label}">{mark}</button>'
    )
