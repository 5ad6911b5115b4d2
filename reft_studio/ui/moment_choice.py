"""In the Chat tab: which moment of its training the bot answers as, and which is kept as the bot."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import gradio as gr

from reft_studio.engine.interface import JobState
from reft_studio.errors import BotError
from reft_studio.moments import Moment
from reft_studio.store import SavedBot
from reft_studio.ui import wording
from reft_studio.ui.events import connect, follow, show
from reft_studio.ui.moments_panel import described, keep
from reft_studio.ui.studio import Studio

SECONDS_BETWEEN_LOOKS = 0.2
KEEPING_AT_ONCE = 16


@dataclass(frozen=True)
class Shown:
    """Whose moments are shown, how many, and which is the bot."""

    bot_id: str | None = None
    moments: int = 0
    kept: int | None = None
    done: bool = False


class MomentChoice:
    """Lays it out; `connect` says of which bot."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Column(visible=False, elem_id="chat-moments") as self._group:
            self.number = gr.Slider(1, 2, 1, step=1, label=wording.CHAT_MOMENT, elem_id="chat-moment")
            self._said = gr.HTML(elem_id="chat-moment-said")
            self._keep_button = gr.Button(
                wording.KEEP_MOMENT, interactive=False, size="sm", elem_id="keep-chat-moment"
            )
        # Of which bot the slider's moments are. It comes and goes with the slider by way of the browser: a
        # state is ahead of that, and a number that was another bot's would be taken for this one's.
        self._of = gr.Textbox(visible=False)
        self.inputs = [self.number, self._of]
        seen = gr.State(Shown())
        self._looked = [self.number, seen]
        shown = [self._group, self.number, self._said, self._keep_button]
        self._shown = [seen, self._of, *shown]

    def connect(self, bot: gr.Dropdown, banner: gr.HTML) -> None:
        """Another bot has other moments."""
        show(bot.change, self.look, [bot, *self._looked], self._shown)
        chosen = [bot, self.number]
        show(self.number.input, self._choose, chosen, [self._said, self._keep_button])
        kept = connect(
            self._keep_button.click,
            self._keep,
            chosen,
            [self._said, self._keep_button],
            banner,
            concurrency_limit=KEEPING_AT_ONCE,
        )
        self.follow(kept, bot)

    def follow(self, changed: Any, bot: gr.Dropdown) -> None:
        """After an event by which there may be another bot, its moments are looked at."""
        follow(changed, self.look, [bot, *self._looked], self._shown)

    def look(self, owner: str, chosen: str | None, number: int, seen: Shown) -> tuple[Any, ...]:
        """Values for what is shown: the slider stays where it is as long as the bot is the same."""
        job = self._studio.store.training_of(owner, chosen or "")
        moments = moments_of(self._studio, owner, chosen)
        if job is None or len(moments) < 2:
            return Shown(), "", gr.Column(visible=False), gr.skip(), "", gr.Button(interactive=False)
        now = Shown(chosen, len(moments), job.kept, job.state is JobState.DONE)
        if (now.bot_id, now.moments, now.kept) != (seen.bot_id, seen.moments, seen.kept):
            epochs = [moment.epoch for moment, _ in moments]
            number = epochs.index(job.kept) + 1 if job.kept in epochs else len(moments)
        elif now == seen:
            return tuple(gr.skip() for _ in self._shown)
        slider = gr.Slider(maximum=len(moments), value=number)
        return now, chosen, gr.Column(visible=True), slider, *self._choose(owner, chosen, number)

    def _choose(self, owner: str, chosen: str | None, number: int) -> tuple[Any, ...]:
        """Values for what is said of a moment and for Keep."""
        job = self._studio.store.training_of(owner, chosen or "")
        moments = moments_of(self._studio, owner, chosen)
        if job is None or not 1 <= number <= len(moments):
            return "", gr.Button(interactive=False)
        moment, _ = moments[number - 1]
        return described(moment, job.moments, job.kept), gr.Button(interactive=moment.epoch != job.kept)

    def _keep(self, owner: str, chosen: str | None, number: int) -> Iterator[tuple[Any, ...]]:
        """Wait until it is the bot; its score comes in the background."""
        bot, moments = self._studio.bot(owner, chosen), moments_of(self._studio, owner, chosen)
        if not 1 <= number <= len(moments):
            raise BotError(wording.NO_SUCH_MOMENT)
        epoch = moments[number - 1][0].epoch
        keep(self._studio, owner, bot.id, epoch)
        waiting = gr.Button(interactive=False)
        while (job := self._studio.store.training_of(owner, bot.id)) and job.kept != epoch:
            if job.state.ended:
                yield self._choose(owner, chosen, number)
                return
            yield _told(wording.keeping(epoch)), waiting
            # Where a graphics card is lent, this gets on only while it is asked for.
            for _ in self._studio.trainings.drive(owner):
                yield _told(wording.keeping(epoch)), waiting
            sleep(SECONDS_BETWEEN_LOOKS)
        yield _told(wording.kept(epoch)), waiting


def moments_of(studio: Studio, owner: str, bot_id: str | None) -> list[tuple[Moment, Path]]:
    """The moments of a bot's training at which it was kept, in order, with where; none for other bots."""
    job = studio.store.training_of(owner, bot_id or "")
    folders = studio.store.moment_folders(owner, bot_id or "")
    moments = job.moments if job else ()
    return [(moment, folders[moment.epoch]) for moment in moments if moment.epoch in folders]


def at_moment(studio: Studio, owner: str, bot: SavedBot, number: int, of: str) -> tuple[Path, str]:
    """Where a bot is as it was at a moment, counted from 1, and when that was; "" for the bot itself.

    `of` is the id of the bot whose moments the number was chosen among.
    """
    job, moments = studio.store.training_of(owner, bot.id), moments_of(studio, owner, bot.id)
    if job is None or of != bot.id or not 1 <= number <= len(moments):
        return bot.folder, ""
    moment, folder = moments[number - 1]
    if moment.epoch == job.kept:
        return bot.folder, ""
    return folder, wording.after_rounds(moment.epoch, moment.of)


def _told(text: str) -> str:
    return f'<p role="status">{text}</p>'
