"""In the Train tab: a slider over the moments of a training, what the bot said at each, and which to keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Conversation, JobState, JobUpdate
from reft_studio.errors import BotError, TrainingError
from reft_studio.moments import Moment, stage
from reft_studio.ui import wording
from reft_studio.ui.events import connect, show
from reft_studio.ui.progress import samples
from reft_studio.ui.rates import Asked
from reft_studio.ui.studio import Studio
from reft_studio.ui.typed import checked_message

ASKING_AT_ONCE = 16
TOKENS = 64
_ON_ITS_WAY = (JobState.QUEUED, JobState.RUNNING, JobState.FINISHING)
_NOTHING_KEPT = (JobState.CANCELLING, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True)
class Shown:
    """Of which training so many moments are shown, and which is marked as the bot."""

    job_id: str = ""
    moments: int = 0
    kept: int | None = None
    done: bool = False


@dataclass(frozen=True)
class Answers:
    """What the bot of a training said at some epochs to a question of one's own."""

    job_id: str = ""
    question: str = ""
    replies: tuple[tuple[int, str], ...] = ()


class MomentsPanel:
    """Lays the panel out and connects it; `look` says what goes into it."""

    def __init__(self, studio: Studio, banner: gr.HTML) -> None:
        self._studio = studio
        with gr.Column(visible=False, elem_id="moments") as self._group:
            with gr.Column() as self._choice:
                gr.HTML(f"<h3>{wording.MOMENTS}</h3><p>{wording.MOMENTS_HELP}</p>")
                self._bars = gr.HTML(elem_id="moment-bars")
                self.number = gr.Slider(1, 2, 1, step=1, label=wording.MOMENT, elem_id="moment")
                with gr.Row(elem_classes="beside"):
                    self._said = gr.HTML(elem_id="moment-said")
                    self.keep = gr.Button(
                        wording.KEEP_MOMENT, interactive=False, size="sm", elem_id="keep-moment"
                    )
            self._heard = gr.HTML(elem_id="moment-heard")
            with gr.Row(elem_classes="composer") as self._asking:
                question = gr.Textbox(
                    label=wording.ASK_MOMENTS,
                    placeholder=wording.MESSAGE_PLACEHOLDER,
                    max_lines=3,
                    elem_id="ask-moments",
                )
                ask = gr.Button(wording.ASK, min_width=88, scale=0, elem_id="ask-moments-now")
        seen, self._answers = gr.State(Shown()), gr.State(Answers())
        self.seen = [seen, self.number, self._answers]
        parts = [self._group, self._choice, self._asking]
        moved = [self._said, self.keep, self._heard]
        self.shown = [seen, *parts, self._bars, self.number, *moved]
        # Wherever the slider is by the time an answer comes.
        looks = [self.number.input, self._answers.change]
        show(looks, self._choose, [self.number, self._answers], moved)
        connect(
            [ask.click, question.submit],
            self._ask,
            [question],
            [self._answers],
            banner,
            concurrency_limit=ASKING_AT_ONCE,
            trigger_mode="once",
        )

    def look(self, owner: str, seen: Shown, number: int, answers: Answers) -> tuple[Any, ...]:
        """Values for `shown`: nothing new as long as nothing is, so that nobody's slider jumps."""
        job = self._studio.store.latest_job(owner)
        if job is None or job.state in _NOTHING_KEPT or not (job.moments or _has_several(job)):
            hidden = Shown(job.job_id if job else ""), gr.Column(visible=False)
            return *hidden, *(gr.skip() for _ in self.shown[len(hidden) :])
        now = Shown(job.job_id, len(job.moments), job.kept, job.state is JobState.DONE)
        if now == seen:
            return tuple(gr.skip() for _ in self.shown)
        number, several = _next_number(job, seen, now, number), _has_several(job)
        return (
            now,
            gr.Column(visible=True),
            gr.Column(visible=several),
            gr.Row(visible=several),
            bars(job.moments, job.kept),
            _slider(len(job.moments), number),
            *self._at(job, number, answers),
        )

    def chosen(self, owner: str, number: int) -> tuple[str, int]:
        """The training that is shown and the epoch of a moment of it; raises BotError if there is none."""
        job = self._studio.store.latest_job(owner)
        if job is None or not 1 <= number <= len(job.moments):
            raise BotError(wording.NO_SUCH_MOMENT)
        return job.job_id, job.moments[number - 1].epoch

    def _choose(self, owner: str, number: int, answers: Answers) -> tuple[Any, ...]:
        job = self._studio.store.latest_job(owner)
        return self._at(job, number, answers) if job and len(job.moments) >= number else (gr.skip(),) * 3

    def _at(self, job: JobUpdate, number: int, answers: Answers) -> tuple[Any, ...]:
        """Values for what is said of a moment, for Keep, and for what the bot said then."""
        if not job.moments:
            return f'<p class="quiet">{wording.FIRST_MOMENT_SOON}</p>', gr.Button(interactive=False), ""
        moment = job.moments[number - 1]
        can_keep = job.state is JobState.DONE and moment.epoch != job.kept
        said = described(moment, job.moments, job.kept) if _has_several(job) else ""
        heard = _answered(job, moment, answers) + samples(moment.samples)
        return said, gr.Button(interactive=can_keep), heard

    def _ask(self, owner: str, question: str) -> Iterator[Answers]:
        """Ask the bots of all moments at once: then the slider shows each one's without any waiting."""
        question = checked_message(question, self._studio.settings)
        job_id, _ = self.chosen(owner, 1)
        folders = self._studio.store.moment_folders(owner, job_id)
        if not folders:
            raise BotError(wording.NO_SUCH_MOMENT)
        self._studio.rates.count(owner, Asked.MESSAGES)
        conversations = [
            Conversation(({"role": "user", "content": question},), folder) for folder in folders.values()
        ]
        sampling = Sampling(max_new_tokens=TOKENS)
        with self._studio.engines.use(self._studio.store.base_of(job_id)) as engine:
            for replies in engine.chat(f"{owner}/moments", conversations, sampling):
                yield Answers(job_id, question, tuple(zip(folders, replies, strict=True)))


def keep(studio: Studio, owner: str, bot_id: str, epoch: int) -> None:
    """Make another moment the bot; raises BotError or TrainingError where that cannot be."""
    if not studio.trainings.keep(owner, bot_id, epoch):
        raise TrainingError(wording.BUSY_TRAINING)


def described(moment: Moment, moments: Sequence[Moment], kept: int | None) -> str:
    """What is thought of a moment, as HTML."""
    found = stage(moment, moments)
    verdict = wording.STAGES[found] if found else wording.NO_STAGE
    counts = wording.moment_counts(moment.right, moment.asked, moment.copied)
    yours = f" <strong>{wording.IS_KEPT}</strong>" if moment.epoch == kept else ""
    when = wording.after_rounds(moment.epoch, moment.of)
    return (
        f'<p class="moment" role="status"><strong>{when[:1].upper()}{when[1:]}</strong> '
        f'<span class="stage {found or ""}">{verdict}</span></p>'
        f'<p class="quiet">{counts}{yours}</p>'
    )


def bars(moments: Sequence[Moment], kept: int | None) -> str:
    """How many replies counted at each moment, as a picture above the slider."""
    columns = "".join(
        f'<li{" class=kept" if moment.epoch == kept else ""}><span class="column">'
        f'<span style="height:{100 * moment.own / max(1, moment.asked):.0f}%"></span></span>'
        f"<span>{moment.epoch:,}</span></li>"
        for moment in moments
    )
    return f'<ol class="moment-bars" aria-hidden="true">{columns}</ol>'


def _answered(job: JobUpdate, moment: Moment, answers: Answers) -> str:
    reply = dict(answers.replies).get(moment.epoch)
    if reply is None or answers.job_id != job.job_id:
        return ""
    return (
        f'<section class="samples asked"><dl><dt dir="auto">{escape(answers.question)}</dt><dd class="bot">'
        f'<span>{wording.SIDES["bot"]}</span><p dir="auto">{escape(reply)}</p></dd></dl></section>'
    )


def _slider(moments: int, number: int) -> gr.Slider:
    return gr.Slider(maximum=max(2, moments), value=max(1, number), interactive=moments > 1)


def _has_several(job: JobUpdate) -> bool:
    """Whether there is a choice of moments, or will be: then its place is there from the first one on."""
    return len(job.moments) > 1 or job.state in _ON_ITS_WAY


def _next_number(job: JobUpdate, seen: Shown, now: Shown, number: int) -> int:
    """Where the slider goes: to the bot when there is one, else along with the newest unless it was moved."""
    if job.kept is not None and (seen.job_id != now.job_id or seen.kept != now.kept):
        epochs = [moment.epoch for moment in job.moments]
        return epochs.index(job.kept) + 1 if job.kept in epochs else now.moments
    if seen.job_id != now.job_id or (job.kept is None and number >= seen.moments):
        return now.moments
    return min(number, now.moments)
