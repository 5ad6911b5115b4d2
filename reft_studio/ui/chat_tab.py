"""The third tab: the plain model and a bot answer the same message, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Conversation
from reft_studio.errors import ChatError, StudioError
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.conversation import Talk, Turn, conversation, messages
from reft_studio.ui.events import connect
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio

SUGGESTIONS = 3
CHATS_AT_ONCE = 16


class ChatTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        gr.HTML(f"<h2>{wording.CHAT_TITLE}</h2><p>{wording.CHAT_INTRO}</p>")
        with gr.Row(elem_classes="chooser"):
            self.bot = gr.Dropdown([], label=wording.BOT, filterable=False, elem_id="bot")
            opener = gr.UploadButton(wording.OPEN_BOT, file_types=[".zip"], elem_id="open-bot", size="sm")
        self._banner = gr.HTML(elem_classes="banner")
        self._talk = gr.HTML(elem_id="talk-log")
        with gr.Row(elem_classes="suggestions"):
            self._suggestions = [
                gr.Button(size="sm", visible=False, elem_id=f"suggestion-{n}") for n in range(SUGGESTIONS)
            ]
        with gr.Row(elem_classes="composer"):
            self._message = gr.Textbox(
                placeholder=wording.MESSAGE_PLACEHOLDER,
                label=wording.MESSAGE,
                show_label=False,
                max_lines=8,
                elem_id="message",
            )
            self._send = gr.Button(wording.SEND, variant="primary", min_width=88, scale=0, elem_id="send")
            self._stop = gr.Button(wording.STOP, visible=False, min_width=88, scale=0, elem_id="stop")
            clear = gr.Button(wording.CLEAR, min_width=88, scale=0, elem_id="clear")
        with gr.Accordion(wording.ANSWERING, open=False, elem_id="answering"):
            sampling = _build_sampling()
        self._turns = gr.State(Talk())
        self._chat_id = gr.State(lambda: uuid4().hex)
        newest_seen = gr.State(None)
        self._conversation = [self._talk, self._turns, *self._suggestions]
        self.shown = [self.bot, newest_seen, *self._conversation]
        self.seen = [self.bot, self._turns, newest_seen]
        self._connect(opener, clear, sampling)

    def _connect(self, opener: gr.UploadButton, clear: gr.Button, sampling: list[Any]) -> None:
        flow = [self._talk, self._turns, self._message, self._send, self._stop]
        told = [self.bot, self._turns, self._chat_id, *sampling]
        for source, triggers in [
            (self._message, [self._send.click, self._message.submit]),
            *((suggestion, [suggestion.click]) for suggestion in self._suggestions),
        ]:
            connect(
                triggers,
                self._answer,
                [source, *told],
                flow,
                self._banner,
                concurrency_limit=CHATS_AT_ONCE,
                concurrency_id="chat",
                trigger_mode="once",
            )
        connect(self._stop.click, self._stop_answering, [self._chat_id], [], self._banner)
        again = [clear.click, self.bot.input]
        connect(again, self._begin_again, [self.bot, self._chat_id], self._conversation, self._banner)
        connect(opener.upload, self._open, [opener], self.shown, self._banner)

    def restore(self, owner: str, chosen: str | None, talk: Talk, newest_seen: str | None) -> tuple[Any, ...]:
        """The tab with all bots there are now; one that is new since the last look is chosen."""
        bots = self._studio.store.bots(owner)
        newest = bots[0] if bots else None
        known = newest is not None and newest.id == newest_seen
        bot = next((bot for bot in bots if known and bot.id == chosen), newest)
        kept = talk.of(owner) if bot and bot.id == chosen else ()
        return bot_choice(bots, bot), newest and newest.id, *self._show(bot, Talk(owner, kept))

    def _begin_again(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        self._stop_answering(owner, chat_id)
        return self._show(self._studio.bot(owner, chosen), Talk(owner))

    def _show(self, bot: SavedBot | None, talk: Talk) -> tuple[Any, ...]:
        """Values for the log, its turns and the suggestions."""
        probes = (*(bot.probes if bot else ()), *[""] * SUGGESTIONS)[:SUGGESTIONS]
        return (
            conversation(talk.turns, bot.name if bot else ""),
            talk,
            *(gr.Button(probe, visible=bool(probe)) for probe in probes),
        )

    def _open(self, owner: str, path: str) -> tuple[Any, ...]:
        self._studio.rates.count(owner, Asked.TRANSFERS)
        bot_id = uuid4().hex
        folder = self._studio.store.bot_folder(bot_id)
        opened = self._studio.engine.open_bot(Path(path), folder)
        self._studio.store.add_bot(owner, SavedBot(bot_id, opened.name, folder, opened.probes))
        return self.restore(owner, None, Talk(), None)

    def _stop_answering(self, owner: str, chat_id: str) -> None:
        self._studio.engine.stop_chat(f"{owner}/{chat_id}")

    def _answer(
        self, owner: str, prompt: str, chosen: str | None, talk: Talk, chat_id: str, *sampling: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Stream both replies; if they fail, the message is back in its box."""
        bot = self._studio.bot(owner, chosen)
        past, turn = talk.of(owner), Turn(self._checked(prompt))
        self._studio.rates.count(owner, Asked.MESSAGES)

        def flow(*turns: Turn, **how: Any) -> tuple[Any, ...]:
            return self._flow(Talk(owner, turns), bot, **how)

        yield flow(*past, turn, box="")
        sides = [
            Conversation(messages([*past, turn], "base")),
            Conversation(messages([*past, turn], "bot"), bot.folder),
        ]
        temperature, max_new_tokens, seed = sampling
        drawn = Sampling(temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
        try:
            for base, reply in self._studio.engine.chat(f"{owner}/{chat_id}", sides, drawn):
                turn = replace(turn, base=base, bot=reply)
                yield flow(*past, turn)
        except StudioError:
            yield flow(*past, busy=False, box=prompt)
            raise
        yield flow(*past, replace(turn, finished=True), busy=False)

    def _flow(
        self, talk: Talk, bot: SavedBot, *, busy: bool = True, box: str | None = None
    ) -> tuple[Any, ...]:
        """Values for the log, its turns, the message box, Send and Stop."""
        return (
            conversation(talk.turns, bot.name),
            talk,
            gr.skip() if box is None else box,
            gr.Button(visible=not busy),
            gr.Button(visible=busy),
        )

    def _checked(self, prompt: str) -> str:
        limit = self._studio.settings.max_cell_characters
        if not prompt.strip():
            raise ChatError(wording.EMPTY_MESSAGE)
        if len(prompt) > limit:
            raise ChatError(wording.message_too_long(len(prompt), limit))
        return prompt


def bot_choice(bots: Sequence[SavedBot], chosen: SavedBot | None) -> gr.Dropdown:
    """A dropdown of all bots, with a number behind a name that was there before."""
    choices = []
    for index, bot in enumerate(bots):
        older = sum(other.name == bot.name for other in bots[index + 1 :])
        choices.append((f"{bot.name} ({older + 1})" if older else bot.name, bot.id))
    return gr.Dropdown(choices, value=chosen.id if chosen else None)


def _build_sampling() -> list[Any]:
    """Temperature, longest reply and seed."""
    default = Sampling()
    with gr.Row():
        temperature = gr.Slider(
            0, 1.5, default.temperature, step=0.1, label=wording.TEMPERATURE, info=wording.TEMPERATURE_HELP
        )
        longest = gr.Slider(
            8,
            256,
            default.max_new_tokens,
            step=8,
            label=wording.MAX_NEW_TOKENS,
            info=wording.MAX_NEW_TOKENS_HELP,
        )
        seed = gr.Number(
            default.seed,
            label=wording.SEED,
            info=wording.CHAT_SEED_HELP,
            precision=0,
            minimum=0,
            maximum=2**32 - 1,
        )
    return [temperature, longest, seed]
