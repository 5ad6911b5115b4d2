"""Puts a message to everybody, and keeps what they say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Condition
from typing import Any
from uuid import uuid4

from reft_studio.engine.interface import Conversation
from reft_studio.score import Side
from reft_studio.store import SavedBot
from reft_studio.turns import Turn, messages
from reft_studio.ui import wording
from reft_studio.ui.answering import Answering, check_mix
from reft_studio.ui.moment_choice import at_moment
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio
from reft_studio.ui.typed import checked_instruction, checked_message

SECONDS_TO_END = 5


@dataclass
class Chat:
    """The conversation of one page, as its session has it: ahead of what the browser has drawn by now."""

    id: str = ""
    """None until something is asked: a session begins with a copy of what another one began with."""
    bot_id: str = ""
    """Whom the page shows, or is about to."""
    answers: int = 0
    """How many are being written."""
    stopped: bool = False
    """Whether what is being written is to end: the engine may not have heard of it yet."""


class Asking:
    """Any thread may call; in one chat, one answer is written at a time."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._changed = Condition()

    def turn_to(self, chat: Chat, bot_id: str) -> bool:
        """Have a page show a bot, unless an answer is being written there; whether it does."""
        with self._changed:
            if not chat.answers:
                chat.bot_id = bot_id
            return not chat.answers

    def turn_at_once(self, owner: str, chat: Chat, bot_id: str) -> None:
        """The same in any case: what is being written ends, and is kept with the bot that it is of."""
        with self._changed:
            chat.bot_id = bot_id
        self.stop(owner, chat)

    @contextmanager
    def answering(self, owner: str, chat: Chat) -> Iterator[str]:
        """As long as the block, an answer is being written; the id of whom the page shows then.

        One that was being written ends before: else the last to be kept could be the first that was asked.
        """
        if chat.answers:
            self.end(owner, chat)
        with self._changed:
            chat.id = chat.id or uuid4().hex
            chat.answers += 1
            chat.stopped = False
            shown = chat.bot_id
        try:
            yield shown
        finally:
            with self._changed:
                chat.answers -= 1
                self._changed.notify_all()

    def stop(self, owner: str, chat: Chat) -> None:
        """End an answer that is being written; it ends with what was said so far."""
        chat.stopped = True
        self._studio.engines.stop_chat(_name(owner, chat))

    def end(self, owner: str, chat: Chat) -> None:
        """The same, and wait until it has ended and is kept."""
        self.stop(owner, chat)
        with self._changed:
            self._changed.wait_for(lambda: not chat.answers, SECONDS_TO_END)

    def wait_until_idle(self, chat: Chat) -> bool:
        """Until no answer is being written; whether nobody has stopped the one that was."""
        with self._changed:
            waited = bool(chat.answers)
            self._changed.wait_for(lambda: not chat.answers)
            return not (waited and chat.stopped)

    def ask(
        self,
        owner: str,
        chat: Chat,
        bot: SavedBot,
        past: Sequence[Turn],
        prompt: str,
        how: Answering,
        replaced: Sequence[Turn] = (),
    ) -> Iterator[list[Turn]]:
        """The conversation as it grows, in the end finished and kept; if it raises, the old one is kept.

        What came after the past so far is replaced, unless this ends before anybody has said anything.
        """
        sides, turn = self._sides(owner, bot, past, prompt, how)
        self._studio.rates.count(owner, Asked.MESSAGES)
        store = self._studio.store
        try:
            yield [*past, turn]
            with self._studio.engines.use(bot.base) as engine:
                answer = engine.chat(_name(owner, chat), [*sides.values()], how.sampling)
                # It may have taken long to have an engine, and none can end what it has not heard of.
                for replies in () if chat.stopped else answer:
                    said: dict[str, Any] = dict(zip(sides, replies, strict=True))
                    turn = replace(turn, **said)
                    yield [*past, turn]
        except GeneratorExit:
            # The page was closed; what was said until then is found again.
            store.conversations.save(owner, bot.id, [*past, *_kept(turn, replaced, stopped=True)])
            raise
        turns = [*past, *_kept(turn, replaced, chat.stopped)]
        store.conversations.save(owner, bot.id, turns)
        yield turns

    def _sides(
        self, owner: str, bot: SavedBot, past: Sequence[Turn], prompt: str, how: Answering
    ) -> tuple[dict[Side, Conversation], Turn]:
        """What each side is asked, and the turn that their replies will be in."""
        instruction = checked_instruction(how.instruction, self._studio.settings)
        other = self._studio.bot(owner, how.other) if how.other else None
        if other:
            check_mix(bot, other)
        mixed = (other.name, how.other_strength) if other else None
        folder, when = at_moment(self._studio, owner, bot, how.moment, how.moment_of)
        strengths = wording.how_strongly(how.strength, mixed)
        turn = Turn(
            checked_message(prompt, self._studio.settings), how=" ".join(filter(None, (when, strengths)))
        )
        sides = {
            Side.BASE: Conversation(messages([*past, turn], Side.BASE)),
            Side.INSTRUCTED: Conversation(
                messages([*past, turn], Side.INSTRUCTED), system_prompt=instruction
            ),
            Side.BOT: Conversation(
                messages([*past, turn], Side.BOT),
                folder,
                strength=how.strength,
                beside=((other.folder, how.other_strength),) if other else (),
            ),
        }
        if not instruction:
            del sides[Side.INSTRUCTED]
        return sides, turn


def _kept(turn: Turn, replaced: Sequence[Turn], stopped: bool) -> Sequence[Turn]:
    """What stays of a turn that has ended."""
    untouched = stopped and not any(turn.replies.values())
    return replaced if replaced and untouched else [replace(turn, finished=True)]


def _name(owner: str, chat: Chat) -> str:
    return f"{owner}/{chat.id}"
