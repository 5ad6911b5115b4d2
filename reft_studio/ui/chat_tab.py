"""The third tab: the plain model and a bot answer the same message, side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Conversation
from reft_studio.errors import ChatError, StudioError
from reft_studio.score import Side
from reft_studio.store import SavedBot
from reft_studio.turns import Turn, messages, to_jsonl, to_markdown
from reft_studio.ui import wording
from reft_studio.ui.answering import build_answering, checked_instruction
from reft_studio.ui.chooser import bot_choice
from reft_studio.ui.conversation import conversation
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import connect, file_offer, reveal
from reft_studio.ui.fix_panel import FixPanel
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio

SUGGESTIONS = 3
CHATS_AT_ONCE = 16
_SHOW_SIDE = "side => { document.querySelector('#talk-log').dataset.side = side }"

Write = Callable[[Sequence[Turn], Mapping[str, str]], str]
"""Makes a file's text of a conversation and the names of the sides."""


class ChatTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio = studio
        gr.HTML(f"<h2>{wording.CHAT_TITLE}</h2><p>{wording.CHAT_INTRO}</p>")
        with gr.Row(elem_classes="chooser"):
            self.bot = gr.Dropdown([], label=wording.BOT, filterable=False, elem_id="bot")
            opener = gr.UploadButton(wording.OPEN_BOT, file_types=[".zip"], elem_id="open-bot", size="sm")
        self._banner = gr.HTML(elem_classes="banner")
        sides = gr.Radio(wording.SIDE_CHOICES, value="all", label=wording.SIDE, elem_id="side")
        # On phones only, where three beside each other do not fit; nothing that the server has to know.
        sides.change(None, [sides], js=_SHOW_SIDE, api_visibility="private")
        self._talk = gr.HTML(elem_id="talk-log")
        with gr.Row(elem_classes="suggestions"):
            self._suggestions = [
                gr.Button(size="sm", visible=False, elem_id=f"suggestion-{n}") for n in range(SUGGESTIONS)
            ]
        with gr.Row(elem_classes="suggestions", visible=False) as self._tools:
            self._correct, self._again, self._back, *savers = (
                gr.Button(label, size="sm", elem_id=elem_id)
                for label, elem_id in (
                    (wording.CORRECT, "fix-open"),
                    (wording.ASK_AGAIN, "ask-again"),
                    (wording.TAKE_BACK, "take-back"),
                    (wording.SAVE_TALK, "save-talk"),
                    (wording.SAVE_TALK_JSONL, "save-talk-jsonl"),
                )
            )
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
            with gr.Row(elem_classes="tools"):
                look = gr.Button(wording.LOOK_WHETHER_UNTOUCHED, size="sm", elem_id="look-untouched")
            found = gr.HTML(elem_id="untouched")
        self._chat_id = gr.State(lambda: uuid4().hex)
        newest_seen = gr.State(None)
        self._conversation = [self._talk, self._tools, *self._suggestions]
        self.shown = [self.bot, newest_seen, self._instruction, *self._conversation]
        self.seen = [self.bot, newest_seen]
        self._connect(opener, clear, sampling)
        connect(look.click, self._look_whether_untouched, [self.bot], [found], self._banner)
        for button, write, suffix in zip(savers, (to_markdown, _to_jsonl), (".md", ".jsonl"), strict=True):
            file_offer(button, partial(self._save, write, suffix), [self.bot], self._banner)

    def _connect(self, opener: gr.UploadButton, clear: gr.Button, sampling: list[Any]) -> None:
        flow = [self._talk, self._tools, self._message, self._send, self._stop]
        told = [self.bot, self._chat_id, self._instruction, *sampling]
        how: dict[str, Any] = {
            "concurrency_limit": CHATS_AT_ONCE,
            "concurrency_id": "chat",
            "trigger_mode": "once",
        }
        sent = [self._send.click, self._message.submit]
        connect(sent, self._answer, [self._message, *told], flow, self._banner, **how)
        for suggestion in self._suggestions:
            connect(suggestion.click, self._answer, [suggestion, *told], flow, self._banner, **how)
        connect(self._again.click, self._answer_again, told, flow, self._banner, **how)
        connect(self._stop.click, self._stop_answering, [self._chat_id], [], self._banner)
        chosen = [self.bot, self._chat_id]
        connect(clear.click, self._forget, chosen, self._conversation, self._banner)
        connect(self._back.click, self._take_back, chosen, [*self._conversation, self._message], self._banner)
        changed = [self._instruction, *self._conversation]
        connect(self.bot.input, self._choose, chosen, changed, self._banner)
        opened = connect(self._correct.click, self._correct_last, [self.bot], self.fix.shown, self._banner)
        reveal(opened, "fix")
        self.fix.connect(self.restore, self.shown, self.seen)
        connect(opener.upload, self._open, [opener], self.shown, self._banner)

    def restore(self, owner: str, chosen: str | None, newest_seen: str | None) -> tuple[Any, ...]:
        """The tab with all bots there are now; one that is new since the last look is chosen."""
        bots = self._studio.store.bots(owner)
        newest = bots[0] if bots else None
        known = newest is not None and newest.id == newest_seen
        bot = next((bot for bot in bots if known and bot.id == chosen), newest)
        # What somebody has typed there stays.
        same = bot is not None and bot.id == chosen
        instruction = gr.skip() if same else bot.instruction if bot else ""
        return bot_choice(bots, bot), newest and newest.id, instruction, *self._show(owner, bot)

    def _choose(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        self._stop_answering(owner, chat_id)
        return bot.instruction, *self._show(owner, bot)

    def _forget(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        self._stop_answering(owner, chat_id)
        self._studio.store.save_turns(owner, bot.id, ())
        return self._show(owner, bot)

    def _take_back(self, owner: str, chosen: str | None, chat_id: str) -> tuple[Any, ...]:
        """The last message is in its box again, as if it had not been sent."""
        bot, turns = self._said(owner, chosen)
        self._stop_answering(owner, chat_id)
        self._studio.store.save_turns(owner, bot.id, turns[:-1])
        return *self._show(owner, bot), turns[-1].prompt

    def _said(self, owner: str, chosen: str | None) -> tuple[SavedBot, tuple[Turn, ...]]:
        """A bot and what was said to it; raises ChatError if that is nothing."""
        bot = self._studio.bot(owner, chosen)
        turns = self._studio.store.turns(owner, bot.id)
        if not turns:
            raise ChatError(wording.NOTHING_SAID)
        return bot, turns

    def _show(self, owner: str, bot: SavedBot | None) -> tuple[Any, ...]:
        """Values for the log, what can be done with it, and the suggestions."""
        turns = self._studio.store.turns(owner, bot.id) if bot else ()
        probes = (*(bot.probes if bot else ()), *[""] * SUGGESTIONS)[:SUGGESTIONS]
        return (
            conversation(turns, bot.name if bot else ""),
            gr.Row(visible=bool(turns)),
            *(gr.Button(probe, visible=bool(probe)) for probe in probes),
        )

    def _save(self, write: Write, suffix: str, owner: str, chosen: str | None) -> str:
        bot, turns = self._said(owner, chosen)
        folder = self._studio.scratch / uuid4().hex
        folder.mkdir()
        path = folder / f"{wording.TALK_FILE}{suffix}"
        path.write_text(write(turns, wording.SIDES | {Side.BOT: bot.name}), encoding="utf-8")
        return str(path)

    def _open(self, owner: str, path: str) -> tuple[Any, ...]:
        self._studio.rates.count(owner, Asked.TRANSFERS)
        self._studio.open_bot(owner, Path(path))
        return self.restore(owner, None, None)

    def _correct_last(self, owner: str, chosen: str | None) -> tuple[Any, ...]:
        bot, turns = self._said(owner, chosen)
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

    def _look_whether_untouched(self, owner: str, chosen: str | None) -> str:
        bot = self._studio.bot(owner, chosen)
        self._studio.rates.count(owner, Asked.MESSAGES)
        found = self._studio.engine.look_whether_untouched(bot.folder)
        said = wording.untouched(found.numbers, found.changed, found.same_reply)
        return f'<p role="status">{escape(said)}</p>'

    def _stop_answering(self, owner: str, chat_id: str) -> None:
        self._studio.engine.stop_chat(f"{owner}/{chat_id}")

    def _answer(
        self, owner: str, prompt: str, chosen: str | None, chat_id: str, instruction: str, *sampling: Any
    ) -> Iterator[tuple[Any, ...]]:
        bot = self._studio.bot(owner, chosen)
        past = self._studio.store.turns(owner, bot.id)
        yield from self._ask(owner, bot, past, self._checked(prompt), chat_id, instruction, *sampling)

    def _answer_again(
        self, owner: str, chosen: str | None, chat_id: str, instruction: str, *sampling: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The last message once more, with what is chosen now; if it fails, the old answer is still there."""
        bot, (*past, last) = self._said(owner, chosen)
        yield from self._ask(owner, bot, past, last.prompt, chat_id, instruction, *sampling)

    def _ask(
        self,
        owner: str,
        bot: SavedBot,
        past: Sequence[Turn],
        prompt: str,
        chat_id: str,
        instruction: str,
        *sampling: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """Stream all replies and keep them; if they fail, the message is back in its box."""
        store, instruction = self._studio.store, checked_instruction(instruction, self._studio.settings)
        self._studio.rates.count(owner, Asked.MESSAGES)
        turn = Turn(prompt)
        yield _flow([*past, turn], bot, box="")
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
                yield _flow([*past, turn], bot)
        except StudioError:
            yield _flow(store.turns(owner, bot.id), bot, busy=False, box=prompt)
            raise
        except GeneratorExit:
            # The page was closed; what was said until then is found again.
            store.save_turns(owner, bot.id, [*past, replace(turn, finished=True)])
            raise
        turns = [*past, replace(turn, finished=True)]
        store.save_turns(owner, bot.id, turns)
        yield _flow(turns, bot, busy=False)

    def _checked(self, prompt: str) -> str:
        limit = self._studio.settings.max_cell_characters
        if not prompt.strip():
            raise ChatError(wording.EMPTY_MESSAGE)
        if len(prompt) > limit:
            raise ChatError(wording.message_too_long(len(prompt), limit))
        return prompt


def _flow(
    turns: Sequence[Turn], bot: SavedBot, *, busy: bool = True, box: str | None = None
) -> tuple[Any, ...]:
    """Values for the log, what can be done with it, the message box, Send and Stop."""
    return (
        conversation(turns, bot.name),
        gr.Row(visible=not busy and bool(turns)),
        gr.skip() if box is None else box,
        gr.Button(visible=not busy),
        gr.Button(visible=busy),
    )


def _to_jsonl(turns: Sequence[Turn], _names: Mapping[str, str]) -> str:
    return to_jsonl(turns)
