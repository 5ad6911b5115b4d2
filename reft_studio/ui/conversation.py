"""A conversation with two at once, and how it looks. Text is shown as text, never as markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from reft_studio.prompts import Message
from reft_studio.ui import wording


@dataclass(frozen=True)
class Turn:
    """One prompt and the replies of both sides, as far as they go."""

    prompt: str
    base: str = ""
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


def messages(turns: Sequence[Turn], side: str) -> tuple[Message, ...]:
    """What one side ("base" or "bot") has heard and said, ending with the newest prompt."""
    *past, newest = turns
    said: list[Message] = []
    for turn in past:
        said.append({"role": "user", "content": turn.prompt})
        said.append({"role": "assistant", "content": getattr(turn, side)})
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
    return (
        f'<section class="turn"{busy}><div class="prompt" dir="auto"><span class="sr">{wording.YOU}: </span>'
        f"{escape(turn.prompt)}</div>"
        f'<div class="sides">{_side(wording.PLAIN_MODEL, turn.base, "base", turn.finished)}'
        f"{_side(bot_name, turn.bot, 'bot', turn.finished)}</div></section>"
    )


def _side(name: str, reply: str, kind: str, finished: bool) -> str:
    text = reply if finished or reply else wording.THINKING
    return (
        f'<div class="side {kind}"><h3 dir="auto">{escape(name)}</h3>'
        f'<div class="reply" dir="auto">{escape(text)}</div></div>'
    )
