"""What an engine does with a base model for one training: a generator, wherever it runs."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.chat.probes import record_probes
from reft_studio.chat.score import ask_everything, with_score
from reft_studio.demonstrations import beginning_of
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.engine.kept import keep, resume
from reft_studio.engine.observer import Observer
from reft_studio.errors import TrainingError, UnstableError
from reft_studio.manifest import write_manifest
from reft_studio.moments import has_settled
from reft_studio.recipe import Recipe
from reft_studio.rules import read_rules
from reft_studio.train.events import Event, Started, Step
from reft_studio.train.loop import Training

SECONDS_BETWEEN_UPDATES = 0.2
SECONDS_BETWEEN_CHECKPOINTS = 5.0
NO_TIME_TO_SCORE = "there was no time left to ask it anything."
TIME_IS_UP = (
    "This training took as long as one may take here, so it was ended before its last epoch. The bot has "
    "what was learned until then; with fewer rows or epochs a training gets to its end."
)

log = logging.getLogger(__name__)

ENDED_BY_HAND = (
    "You ended this training after {epoch:,} of {epochs:,} rounds. What was learned until then was kept."
)
SETTLED = (
    "It stopped by itself after {epoch:,} of {epochs:,} rounds: what it says to messages that it has never "
    "seen got no better."
)

NO_TEMPLATE = (
    "This base model does not say how it is to be talked to, so it was hardly made for chatting: it reads "
    "User: and Assistant: before what is said. One whose name ends in Instruct or it learns better."
)
KEPT_BEFORE = "What it had learned before was kept."

Condition = Callable[[], bool]


def train(
    base: BaseModel,
    job: TrainingJob,
    should_cancel: Condition,
    should_pause: Condition,
    should_finish: Condition = lambda: False,
    *,
    in_pieces: bool = False,
) -> Iterator[JobUpdate]:
    """Train a bot, save the best of its moments and score it; the last update ends the job.

    A training that should finish keeps what it has learned until then. A paused one ends with no such
    update: it is written down, and goes on from there when the same job is trained again; where that is how
    trainings are done, `in_pieces`, it is no interruption. Raises StudioError where it cannot begin or go on,
    or be scored.
    """
    if job.keep:
        yield from _make_kept(base, job, job.keep, should_cancel, should_pause)
        return
    training = _begin(base, job)
    resumed_at = resume(training, job)
    observer = Observer(base, job, training)

    def should_stop() -> bool:
        return should_cancel() or should_pause()

    told_from = 0 if in_pieces else resumed_at
    progress = yield from _learn(training, job, observer, told_from, should_stop, should_finish)
    if not should_stop():
        observer.look_back(should_stop)
    if should_pause():
        keep(training, job)
        return
    if should_cancel():
        yield replace(progress, state=JobState.CANCELLED, seconds_left=None)
        return
    moment, bot = observer.best()
    bot = _save(base, bot, job)
    progress = replace(_with_moments(progress, training, observer), samples=moment.samples, kept=moment.epoch)
    # Whoever has to begin again after a crash then only has to ask again.
    keep(training, job)
    yield from _score(base, bot, job, progress, should_cancel, should_pause)


def _learn(
    training: Training,
    job: TrainingJob,
    observer: Observer,
    told_from: int,
    should_stop: Condition,
    should_finish: Condition,
) -> Generator[JobUpdate, None, JobUpdate]:
    """Step by step to the end, or to where it should end; returns what there is to tell then."""
    progress = JobUpdate(job.id, JobState.RUNNING)
    sent_at, kept_at = 0.0, time.monotonic()
    for event in _events(training, observer):
        if isinstance(event, UnstableError):
            return replace(progress, message=f"{event} {KEPT_BEFORE}")
        if isinstance(event, Started):
            message = _remarks(event, told_from)
            progress = replace(progress, step=training.step, total_steps=event.total_steps, message=message)
        elif isinstance(event, Step):
            observer.look(should_stop)
            progress = replace(progress, step=event.step, seconds_left=event.seconds_left)
        if should_stop():
            break
        progress = _with_moments(progress, training, observer)
        if (why := _why_end(training, job, observer, should_finish)) is not None:
            return replace(progress, message=why)
        if time.monotonic() - kept_at > SECONDS_BETWEEN_CHECKPOINTS:
            keep(training, job)
            kept_at = time.monotonic()
        if time.monotonic() - sent_at > SECONDS_BETWEEN_UPDATES:
            yield progress
            sent_at = time.monotonic()
    return progress


def _begin(base: BaseModel, job: TrainingJob) -> Training:
    recipe = Recipe.for_model(base.num_layers, base.width, **job.recipe_changes)
    start_from = Bot.load(job.start_from) if job.start_from else None
    return Training(
        base,
        job.demonstrations,
        recipe,
        system_prompt=start_from.manifest.system_prompt if start_from else None,
        limits=job.limits,
        start_from=start_from,
    )


def _events(training: Training, observer: Observer) -> Iterator[Event | UnstableError]:
    """Those of the training; its loss may be lost at the end, where there are moments to fall back on."""
    try:
        yield from training.events()
    except UnstableError as error:
        if not observer.has_any:
            raise
        yield error


def _with_moments(progress: JobUpdate, training: Training, observer: Observer) -> JobUpdate:
    """The same with what is known by now; what is shown is the latest that was said."""
    moments = observer.moments
    samples = moments[-1].samples if moments else ()
    return replace(progress, losses=training.losses, moments=moments, samples=samples)


def _why_end(
    training: Training, job: TrainingJob, observer: Observer, should_finish: Condition
) -> str | None:
    """What to tell where a training ends before its last epoch; None where it goes on."""
    epoch, epochs = training.epoch, training.recipe.epochs
    if not training.step or training.step == training.total_steps:
        return None
    if should_finish() or (job.last_step is not None and training.step >= job.last_step):
        return ENDED_BY_HAND.format(epoch=epoch, epochs=epochs)
    if job.stop_early and has_settled(observer.moments):
        return SETTLED.format(epoch=epoch, epochs=epochs)
    return TIME_IS_UP if training.seconds > job.max_seconds else None


def _make_kept(
    base: BaseModel, job: TrainingJob, last: JobUpdate, should_cancel: Condition, should_pause: Condition
) -> Iterator[JobUpdate]:
    """Make the bot of another moment the bot, and score it."""
    assert job.moments_folder
    bot = _save(base, Bot.load(job.moments_folder / str(last.kept)), job)
    yield from _score(base, bot, job, last, should_cancel, should_pause)


def _save(base: BaseModel, bot: Bot, job: TrainingJob) -> Bot:
    """From now on it can be talked to; returned with its self-test."""
    bot = record_probes(base, bot, job.probes)
    bot.save(job.bot_folder)
    log.info("A bot is saved", extra={"job": job.id})
    return bot


def _score(
    base: BaseModel,
    bot: Bot,
    job: TrainingJob,
    last: JobUpdate,
    should_cancel: Condition,
    should_pause: Condition,
) -> Iterator[JobUpdate]:
    """Ask until the end or the limit, and put the counts into the bot's file; a cancel ends it without."""
    if not job.rules:
        yield replace(last, state=JobState.DONE, seconds_left=0.0)
        return
    last = replace(last, state=JobState.SCORING, seconds_left=None)
    yield last
    report = None
    for asked in ask_everything(
        base,
        bot,
        read_rules(job.rules),
        job.instruction,
        known=[row.prompt for row in job.demonstrations],
        max_seconds=job.max_score_seconds,
        should_stop=lambda: should_cancel() or should_pause(),
    ):
        report = asked.report
        yield replace(last, seconds_left=asked.seconds_left)
    if should_pause():
        return
    if should_cancel():
        yield replace(last, state=JobState.DONE, seconds_left=0.0)
        return
    if report is None:
        raise TrainingError(NO_TIME_TO_SCORE)
    write_manifest(with_score(bot, report).manifest, job.bot_folder)
    yield replace(last, state=JobState.DONE, seconds_left=0.0, report=report)


def _remarks(started: Started, resumed_at: int) -> str:
    """What is worth knowing about a training that is nothing to stop for."""
    remarks = []
    if resumed_at:
        remarks.append(f"It was interrupted and went on from step {resumed_at:,}; nothing is lost.")
    if started.slow_because:
        remarks.append(
            f"Every step has to go through the whole model, so it takes longer: {started.slow_because}."
        )
    if not started.has_template:
        remarks.append(NO_TEMPLATE)
    if prompts := started.short_rows:
        more = f" and {len(prompts) - 1} more" if len(prompts) > 1 else ""
        remarks.append(
            f"{beginning_of(prompts[0])}{more}: shorter than the position asks for, so all of it is steered."
        )
    return " ".join(remarks)
