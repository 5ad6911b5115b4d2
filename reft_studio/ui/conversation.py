"""A conversation with several at once, and how it looks. Text is shown as text, never as markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from reft_studio.prompts import Message
from reft_studio.score import Side
from reft_studio.ui import wording


@dataclass(frozen=True)
class Turn:
    """One prompt and the replies of all sides, as far as they go."""

    prompt: str
    base: str = ""
    instructed: str | None = None
    """None where nobody was instructed."""
    bot: str = ""
    finished: bool = False


@dataclass(frozen=True)
class Talk:
    """A conversation and whose it is."""

    owner: str = ""
    turns: tuple[Turn, ...] = ()

    def of(self, owner: str) -> tuple[Turn, ...]:
        """The turns, for their owner; none for anybody else."""
        return self.turns if self.owner == owner else ()


def messages(turns: Sequence[Turn], side: Side) -> tuple[Message, ...]:
    """What one side has heard and said, ending with the newest prompt, without turns that it was not in."""
    *past, newest = turns
    said: list[Message] = []
    for turn in past:
        reply: str | None = getattr(turn, side)
        if reply is not None:
            said.append({"role": "user", "content": turn.prompt})
            said.append({"role": "assistant", "content": reply})
    return (*said, {"role": "user", "content": newest.prompt})


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
    sides = "".join(
        _side(side, names[side], reply, turn.finished)
        for side in Side
        if (reply := getattr(turn, side)) is not None
    )
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
