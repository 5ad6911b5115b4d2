"""The third tab: the plain model and a bot answer the same message, side by side."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Conversation
from reft_studio.errors import ChatError, StudioError
from reft_studio.score import Side
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.answering import build_answering, checked_instruction
from reft_studio.ui.chooser import bot_choice
from reft_studio.ui.conversation import Talk, Turn, conversation, messages
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import connect, reveal
from reft_studio.ui.fix_panel import FixPanel
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio

SUGGESTIONS = 3
CHATS_AT_ONCE = 16


class ChatTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
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
            self._correct = gr.Button(wording.CORRECT, size="sm", visible=False, elem_id="fix-open")
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
        self.fix = FixPanel(studio, examples)
        with gr.Accordion(wording.ANSWERING, open=False, elem_id="answering"):
            self._instruction, sampling = build_answering()
        self._turns = gr.State(Talk())
        self._chat_id = gr.State(lambda: uuid4().hex)
        newest_seen = gr.State(None)
        self._conversation = [self._talk, self._turns, self._correct, *self._suggestions]
        self.shown = [self.bot, newest_seen, self._instruction, *self._conversation]
        self.seen = [self.bot, self._turns, newest_seen]
        self._connect(opener, clear, sampling)

    def _connect(self, opener: gr.UploadButton, clear: gr.Button, sampling: list[Any]) -> None:
        flow = [self._talk, self._turns, self._correct, self._message, self._send, self._stop]
        told = [self.bot, self._turns, self._chat_id, self._instruction, *sampling]
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
        chosen = [self.bot, self._chat_id]
        connect(clear.click, self._begin_again, chosen, self._conversation, self._banner)
        changed = [self._instruction, *self._conversation]
        connect(self.bot.input, self._choose, chosen, changed, self._banner)
        correct = [self.bot, self._turns]
        opened = connect(self._correct.click, self._correct_last, correct, self.fix.shown, self._banner)
        reveal(opened, "fix")
        self.fix.connect(self.restore, self.shown, self.seen)
        connect(opener.upload, self._open, [opener], self.shown, self._banner)

    def restore(self, owner: str, chosen: str | None, talk: Talk, newest_seen: str | None) -> tuple[Any, ...]:
        """The tab with all bots there are now; one that is new since the last look is chosen."""
        bots = self._studio.store.bots(owner)
        newest = bots[0] if bots else None
        known = newest is not None and newest.id == newest_seen
        bot = next((bot for bot in bots if known and bot.id == chosen), newest)
        same = bot is not None and bot.id == chosen
        kept = talk.of(owner) if same else ()
        # What somebody has typed there stays.
        instruction = gr.skip() if same else bot.instruction if bot else ""
        return (
            bot_choice(bots, bot),
            newest and newest.id,
            instruction,
            *self._show(bot, Talk(owner, kept)),
        )

    def _choose(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        return self._studio.bot(owner, chosen).instruction, *self._begin_again(owner, chosen, chat_id)

    def _begin_again(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        self._stop_answering(owner, chat_id)
        return self._show(self._studio.bot(owner, chosen), Talk(owner))

    def _show(self, bot: SavedBot | None, talk: Talk) -> tuple[Any, ...]:
        """Values for the log, its turns, the offer to correct and the suggestions."""
        probes = (*(bot.probes if bot else ()), *[""] * SUGGESTIONS)[:SUGGESTIONS]
        return (
            conversation(talk.turns, bot.name if bot else ""),
            talk,
            gr.Button(visible=bool(talk.turns)),
            *(gr.Button(probe, visible=bool(probe)) for probe in probes),
        )

    def _open(self, owner: str, path: str) -> tuple[Any, ...]:
        self._studio.rates.count(owner, Asked.TRANSFERS)
        self._studio.open_bot(owner, Path(path))
        return self.restore(owner, None, Talk(), None)

    def _correct_last(self, owner: str, chosen: str | None, talk: Talk) -> tuple[Any, ...]:
        bot, turns = self._studio.bot(owner, chosen), talk.of(owner)
        if not turns:
            raise ChatError(wording.NOTHING_SAID)
        return self.fix.show(owner, bot, turns[-1].prompt, turns[-1].bot)

    def correct_mistake(self, owner: str, prompt: str) -> tuple[Any, ...]:
        """The same for a reply that the score of the last training found wrong."""
        job = self._studio.store.latest_job(owner)
        report = self._studio.store.report(owner, job.job_id) if job else None
        wrong = [asked for asked in report.mistakes if asked.prompts[-1] == prompt] if report else []
        if job is None or not wrong:
            raise ChatError(wording.NOTHING_SAID)
        reply = wrong[0].replies[Side.BOT].text
        return self.fix.show(owner, self._studio.bot(owner, job.job_id), prompt, reply)

    def _stop_answering(self, owner: str, chat_id: str) -> None:
        self._studio.engine.stop_chat(f"{owner}/{chat_id}")

    def _answer(
        self,
        owner: str,
        prompt: str,
        chosen: str | None,
        talk: Talk,
        chat_id: str,
        instruction: str,
        *sampling: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """Stream all replies; if they fail, the message is back in its box."""
        bot, instruction = (
            self._studio.bot(owner, chosen),
            checked_instruction(instruction, self._studio.settings),
        )
        past, turn = talk.of(owner), Turn(self._checked(prompt))
        self._studio.rates.count(owner, Asked.MESSAGES)

        def flow(*turns: Turn, **how: Any) -> tuple[Any, ...]:
            return self._flow(Talk(owner, turns), bot, **how)

        yield flow(*past, turn, box="")
        strength, temperature, max_new_tokens, seed = sampling
        sides = {
            side: Conversation(
                messages([*past, turn], side),
                bot.folder if side is Side.BOT else None,
                instruction if side is Side.INSTRUCTED else "",
                strength,
            )
            for side in Side
            if side is not Side.INSTRUCTED or instruction
        }
        drawn = Sampling(temperature=temperature, max_new_tokens=max_new_tokens, seed=seed)
        try:
            for replies in self._studio.engine.chat(f"{owner}/{chat_id}", [*sides.values()], drawn):
                said: dict[str, Any] = dict(zip(sides, replies, strict=True))
                turn = replace(turn, **said)
                yield flow(*past, turn)
        except StudioError:
            yield flow(*past, busy=False, box=prompt)
            raise
        yield flow(*past, replace(turn, finished=True), busy=False)

    def _flow(
        self, talk: Talk, bot: SavedBot, *, busy: bool = True, box: str | None = None
    ) -> tuple[Any, ...]:
        """Values for the log, its turns, the offer to correct, the message box, Send and Stop."""
        return (
            conversation(talk.turns, bot.name),
            talk,
            gr.Button(visible=not busy and bool(talk.turns)),
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
