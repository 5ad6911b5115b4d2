"""How a conversation with several at once looks. Text is shown as text, never as markup."""

from collections.abc import Sequence
from html import escape

from reft_studio.score import Side
from reft_studio.turns import Turn
from reft_studio.ui import wording


def conversation(turns: Sequence[Turn], bot_name: str) -> str:
    """The whole conversation as HTML, or what to do when there is none."""
    if not bot_name:
        return _empty(wording.NO_BOT)
    if not turns:
        return _empty(wording.NO_MESSAGES)
    # The outer box is scrolled from its end, so the newest turn stays in sight while it grows.
    log = "".join(_turn(turn, bot_name) for turn in turns)
    return f'<div class="talk" tabindex="0"><div role="log" aria-live="polite">{log}</div></div>'


def _empty(text: str) -> str:
    return f'<div class="talk empty"><p>{text}</p></div>'


def _turn(turn: Turn, bot_name: str) -> str:
    busy = "" if turn.finished else ' aria-busy="true"'
    names = wording.SIDES | {Side.BOT: bot_name}
    sides = "".join(_side(side, names[side], reply, turn.finished) for side, reply in turn.replies.items())
    return (
        f'<section class="turn"{busy}><div class="prompt" dir="auto"><span class="sr">{wording.YOU}: </span>'
        f'{escape(turn.prompt)}</div><div class="sides">{sides}</div></section>'
    )


def _side(side: Side, name: str, reply: str, finished: bool) -> str:
    text = reply if finished or reply else wording.THINKING
    return (
        f'<div class="side {side}"><h3 dir="auto">{escape(name)}</h3>'
        f'<div class="reply" dir="auto">{escape(text)}</div></div>'
    )
