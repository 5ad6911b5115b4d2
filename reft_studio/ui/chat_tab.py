"""The third tab: the plain model and a bot answer the same message, side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from reft_studio.errors import ChatError, StudioError
from reft_studio.score import Side
from reft_studio.scratch import offered_file
from reft_studio.store import SavedBot
from reft_studio.turns import Turn, to_jsonl, to_markdown
from reft_studio.ui import wording
from reft_studio.ui.answering import Answering, AnsweringPanel, mix_choice
from reft_studio.ui.asking import Asking, Chat
from reft_studio.ui.chooser import bot_choice
from reft_studio.ui.composer import Composer, busy_or_not, changing, new_message
from reft_studio.ui.conversation import ON_CLICK, Pointed, conversation, pointed_at
from reft_studio.ui.demonstrations_tab import DemonstrationsTab
from reft_studio.ui.events import UNSEEN, connect, file_offer, follow, reveal
from reft_studio.ui.fix_panel import FixPanel
from reft_studio.ui.open_panel import OpenPanel
from reft_studio.ui.studio import Studio
from reft_studio.ui.untouched_badge import UntouchedBadge

SUGGESTIONS = 3
CHATS_AT_ONCE = 16
_SHOW_SIDE = "side => { document.querySelector('#talk-log').dataset.side = side }"

Write = Callable[[Sequence[Turn], Mapping[str, str]], str]
"""Makes a file's text of a conversation and the names of the sides."""


class ChatTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio, examples: DemonstrationsTab) -> None:
        self._studio, self._asking = studio, Asking(studio)
        gr.HTML(f"<h2>{wording.CHAT_TITLE}</h2><p>{wording.CHAT_INTRO}</p>")
        with gr.Row(elem_classes="chooser"):
            self.bot = gr.Dropdown([], label=wording.BOT, filterable=False, elem_id="bot")
            opener = gr.UploadButton(wording.OPEN_BOT, file_types=[".zip"], elem_id="open-bot", size="sm")
        opening = OpenPanel(studio)
        self._banner = gr.HTML(elem_classes="banner")
        sides = gr.Radio(wording.SIDE_CHOICES, value="all", label=wording.SIDE, elem_id="side")
        # On phones only, where three beside each other do not fit; nothing that the server has to know.
        sides.change(None, [sides], js=_SHOW_SIDE, api_visibility="private")
        self._talk = gr.HTML(elem_id="talk-log", js_on_load=ON_CLICK)
        self.fix = FixPanel(studio, examples)
        # Of the two rows the style shows one, by what the log has in it: so they change at once.
        with gr.Row(elem_classes="suggestions"):
            self._suggestions = [
                gr.Button(size="sm", visible=False, elem_id=f"suggestion-{n}") for n in range(SUGGESTIONS)
            ]
        with gr.Row(elem_classes=["suggestions", "turn-tools"]):
            self._correct, self._again, self._change, *savers = (
                gr.Button(label, size="sm", elem_id=elem_id)
                for label, elem_id in (
                    (wording.CORRECT, "fix-open"),
                    (wording.ASK_AGAIN, "ask-again"),
                    (wording.CHANGE_MESSAGE, "take-back"),
                    (wording.SAVE_TALK, "save-talk"),
                    (wording.SAVE_TALK_JSONL, "save-talk-jsonl"),
                )
            )
        self._composer = Composer()
        self._answering = AnsweringPanel(studio)
        self.moment = self._answering.moment
        badge = UntouchedBadge(studio)
        self._chat = gr.State(Chat())
        newest_seen = gr.State(None)
        self._conversation = [self._talk, *self._suggestions]
        chosen = [self.bot, newest_seen, self._answering.other]
        self.shown = [*chosen, self._answering.instruction, *self._conversation]
        self.seen = [*chosen, self._chat]
        self._connect_answers()
        self._connect_turns()
        badge.connect(self.bot, self._banner)
        self.moment.connect(self.bot, self._banner)
        opening.connect(opener, self._with_newest, [self._chat], self.shown, self._banner)
        writers: tuple[Write, ...] = (to_markdown, to_jsonl)
        for button, write, suffix in zip(savers, writers, (".md", ".jsonl"), strict=True):
            file_offer(button, partial(self._save, write, suffix), [self.bot], self._banner)

    def _connect_answers(self) -> None:
        composer = self._composer
        flow = self._flow = [self._talk, *composer.changing, *composer.busy]
        told = [self.bot, self._chat, *self._answering.inputs, *self.moment.inputs]
        new = gr.State(None)
        sent, let_go = [composer.message, composer.earlier], self._answering.let_go
        asks: list[tuple[Any, Any, list[Any], str]] = [
            ([composer.send.click, composer.message.submit], self._answer, sent, "once"),
            *((one.click, self._answer, [one, new], "once") for one in self._suggestions),
            (self._again.click, self._answer_again, [], "once"),
            # Of what is moved while the bot still answers as before, the last counts.
            ([*let_go, self.moment.number.release], self._answer_when_idle, [], "always_last"),
        ]
        for triggers, act, inputs, mode in asks:
            connect(
                triggers,
                act,
                [*inputs, *told],
                flow,
                self._banner,
                concurrency_limit=CHATS_AT_ONCE,
                concurrency_id="chat",
                trigger_mode=mode,
            )
        connect(composer.stop.click, self._asking.stop, [self._chat], [], self._banner)
        connect(
            composer.never_mind.click, lambda _owner: new_message(""), [], composer.changing, self._banner
        )
        chosen, anew = [self.bot, self._chat], [*self._conversation, *composer.changing]
        cleared = connect(composer.clear.click, self._forget, chosen, anew, self._banner)
        # The end of an answer comes together with that, and may be drawn after it.
        follow(cleared, self._log_of, [self.bot], [self._talk])
        changed = [self._answering.instruction, self._answering.other, *anew]
        connect(self.bot.input, self._choose, [*chosen, self._answering.other], changed, self._banner)

    def _connect_turns(self) -> None:
        """What can be done with any turn by a click into the conversation, and with the last by a button."""
        pointed: dict[str, gr.State] = {what: gr.State(None) for what in ("change", "correct")}
        self._talk.select(pointed_at, None, [*pointed.values()], **UNSEEN)
        last = gr.State(None)
        for trigger, turn in ((self._change.click, last), (pointed["change"].change, pointed["change"])):
            connect(trigger, self._change_turn, [self.bot, turn], self._composer.changing, self._banner).then(
                None, js="() => document.querySelector('#message textarea').focus()", api_visibility="private"
            )
        for trigger, turn in ((self._correct.click, last), (pointed["correct"].change, pointed["correct"])):
            opened = connect(trigger, self._correct_turn, [self.bot, turn], self.fix.shown, self._banner)
            reveal(opened, "fix")
        self.fix.connect(self.restore, self.shown, self.seen)

    def restore(
        self, owner: str, chosen: str | None, newest_seen: str | None, other: str | None, chat: Chat
    ) -> tuple[Any, ...]:
        """The tab with all bots there are now; one that is new since the last look is chosen.

        Who is being answered is left alone.
        """
        bot, shown = self._all(owner, chosen, newest_seen, other)
        turned = self._asking.turn_to(chat, bot.id if bot else "")
        return shown if turned else (gr.skip(),) * len(self.shown)

    def restore_first(self, owner: str, chosen: str | None, *seen: Any) -> tuple[Any, ...]:
        """The same where there was no bot to talk to; who is talking to one is left alone."""
        return (gr.skip(),) * len(self.shown) if chosen else self.restore(owner, chosen, *seen)

    def _with_newest(self, owner: str, chat: Chat) -> tuple[Any, ...]:
        """The tab with the bot that came last."""
        bot, shown = self._all(owner, None, None, None)
        self._asking.turn_at_once(owner, chat, bot.id if bot else "")
        return shown

    def _all(
        self, owner: str, chosen: str | None, newest_seen: str | None, other: str | None
    ) -> tuple[SavedBot | None, tuple[Any, ...]]:
        """Whom the tab is to show, and values for `shown`."""
        bots = self._studio.store.bots(owner)
        newest = bots[0] if bots else None
        known = newest is not None and newest.id == newest_seen
        bot = next((bot for bot in bots if known and bot.id == chosen), newest)
        # What somebody has typed there stays.
        same = bot is not None and bot.id == chosen
        instruction = gr.skip() if same else bot.instruction if bot else ""
        choices = bot_choice(bots, bot), newest and newest.id, mix_choice(bots, bot, other)
        return bot, (*choices, instruction, *self._show(owner, bot))

    def _choose(self, owner: str, chosen: str | None, chat: Chat, other: str | None) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        self._asking.turn_at_once(owner, chat, bot.id)
        mix = mix_choice(self._studio.store.bots(owner), bot, other)
        return bot.instruction, mix, *self._show(owner, bot), *new_message()

    def _forget(self, owner: str, chosen: str | None, chat: Chat) -> tuple[Any, ...]:
        bot = self._studio.bot(owner, chosen)
        # Or it would be there again as soon as that is kept.
        self._asking.end(owner, chat)
        self._studio.store.conversations.save(owner, bot.id, ())
        return *self._show(owner, bot), *new_message()

    def _said(
        self, owner: str, chosen: str | None, turn: int | None = None
    ) -> tuple[SavedBot, tuple[Turn, ...], int]:
        """A bot, what was said to it, and the number of a turn, the last one for None; raises ChatError."""
        bot = self._studio.bot(owner, chosen)
        turns = self._studio.store.conversations.turns(owner, bot.id)
        if not turns:
            raise ChatError(wording.NOTHING_SAID)
        number = len(turns) - 1 if turn is None else turn
        if number not in range(len(turns)):
            raise ChatError(wording.NO_SUCH_TURN)
        return bot, turns, number

    def _show(self, owner: str, bot: SavedBot | None) -> tuple[Any, ...]:
        """Values for the log and the suggestions."""
        turns = self._studio.store.conversations.turns(owner, bot.id) if bot else ()
        probes = (*(bot.probes if bot else ()), *[""] * SUGGESTIONS)[:SUGGESTIONS]
        return (
            _log(turns, bot),
            *(gr.Button(probe, visible=bool(probe)) for probe in probes),
        )

    def _log_of(self, owner: str, chosen: str | None) -> str:
        """What was said to a bot, as it is kept."""
        bot = self._studio.store.bot(owner, chosen or "")
        return _log(self._studio.store.conversations.turns(owner, bot.id) if bot else (), bot)

    def _save(self, write: Write, suffix: str, owner: str, chosen: str | None) -> str:
        bot, turns, _ = self._said(owner, chosen)
        path = offered_file(self._studio.scratch, f"{wording.TALK_FILE}{suffix}")
        path.write_text(write(turns, wording.SIDES | {Side.BOT: bot.name}), encoding="utf-8")
        return str(path)

    # One turn of the conversation

    def _change_turn(self, owner: str, chosen: str | None, pointed: Pointed) -> tuple[Any, ...]:
        """Its message is in the box again; nothing is lost until that is sent."""
        _, turns, number = self._said(owner, chosen, pointed and pointed[0])
        return changing(turns[number].prompt, number, len(turns))

    def _correct_turn(self, owner: str, chosen: str | None, pointed: Pointed) -> tuple[Any, ...]:
        bot, turns, number = self._said(owner, chosen, pointed and pointed[0])
        return self.fix.show(owner, bot, turns[number].prompt, turns[number].bot)

    def correct_mistake(self, owner: str, prompt: str) -> tuple[Any, ...]:
        """The same for a reply that the score of the last training found wrong."""
        job = self._studio.store.latest_job(owner)
        report = self._studio.store.report(owner, job.job_id) if job else None
        wrong = [asked for asked in report.mistakes if asked.prompts[-1] == prompt] if report else []
        if job is None or not wrong:
            raise ChatError(wording.NOTHING_SAID)
        reply = wrong[0].replies[Side.BOT].text
        return self.fix.show(owner, self._studio.bot(owner, job.job_id), prompt, reply)

    # Answers

    def _answer(
        self, owner: str, prompt: str, earlier: int | None, chosen: str | None, chat: Chat, *how: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Answer a new message, or an earlier one as it reads now; if unanswered, it is in its box again."""
        with self._asking.answering(owner, chat) as shown:
            bot = self._studio.store.bot(owner, shown) or self._studio.bot(owner, chosen)
            chat.bot_id = bot.id
            replaced: tuple[Turn, ...] = ()
            past = self._studio.store.conversations.turns(owner, bot.id)
            if earlier is not None:
                _, said, number = self._said(owner, bot.id, earlier)
                past, replaced = said[:number], said[number:]
            begun, chosen_how = new_message(""), Answering(*how)
            if chosen != bot.id:
                # The page is about to fill in what stands with its bot, too.
                chosen_how = replace(chosen_how, instruction=bot.instruction)
            try:
                for turns in self._asking.ask(owner, chat, bot, past, prompt, chosen_how, replaced):
                    if earlier is not None and tuple(turns[len(past) :]) == replaced:
                        begun = changing(prompt, earlier, len(turns))
                    yield _log_in(chat, turns, bot), *begun, *busy_or_not(not turns[-1].finished)
                    begun = (gr.skip(),) * len(begun)
            except StudioError:
                kept = self._studio.store.conversations.turns(owner, bot.id)
                box = new_message(prompt) if earlier is None else changing(prompt, earlier, len(kept))
                yield _log_in(chat, kept, bot), *box, *busy_or_not(False)
                raise

    def _answer_again(
        self, owner: str, chosen: str | None, chat: Chat, *how: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The last message once more, with what is chosen now; if it fails, the old answer is still there."""
        same = (gr.skip(),) * len(self._composer.changing)
        with self._asking.answering(owner, chat):
            bot, (*past, last), _ = self._said(owner, chosen)
            try:
                for turns in self._asking.ask(owner, chat, bot, past, last.prompt, Answering(*how), [last]):
                    yield _log_in(chat, turns, bot), *same, *busy_or_not(not turns[-1].finished)
            except StudioError:
                yield _log_in(chat, [*past, last], bot), *same, *busy_or_not(False)
                raise

    def _answer_when_idle(
        self, owner: str, chosen: str | None, chat: Chat, *how: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The same where there is a last message; one that is being answered as before is answered first."""
        go_on = self._asking.wait_until_idle(chat)
        bot = self._studio.store.bot(owner, chosen or "")
        turns = self._studio.store.conversations.turns(owner, bot.id) if bot else ()
        # The page may have turned to another bot meanwhile.
        if go_on and turns and chat.bot_id in ("", chosen):
            yield from self._answer_again(owner, chosen, chat, *how)
        else:
            # From nothing at all Gradio would make that everything is empty.
            yield (gr.skip(),) * len(self._flow)


def _log(turns: Sequence[Turn], bot: SavedBot | None) -> str:
    return conversation(turns, bot.name if bot else "")


def _log_in(chat: Chat, turns: Sequence[Turn], bot: SavedBot) -> Any:
    """The same for a page on which the bot answers: it may have turned to another meanwhile.

    A session that began anew, as after a restart of the app, does not know yet whom its page shows.
    """
    return _log(turns, bot) if chat.bot_id in ("", bot.id) else gr.skip()
