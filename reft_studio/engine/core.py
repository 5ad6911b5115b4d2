"""The half of an engine with the model in it: trains and chats at the same time, on one copy of the weights.

There are two lanes, each one thread that does one thing at a time: trainings, and everything a person waits
for (chats, bot files). Threads rather than turns, because a reply is generated inside one long call of
transformers, and because torch lets go of the interpreter while it computes. Both lanes hook into the model's
modules, so each has a module tree of its own over the same tensors.
"""

import copy
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

from safetensors import SafetensorError

from reft_studio.base_model import BaseModel, load_base_model
from reft_studio.bot import Bot, unpacked
from reft_studio.chat.generate import ChatRequest, stream_replies
from reft_studio.chat.probes import record_probes
from reft_studio.chat.score import ask_everything, with_score
from reft_studio.demonstrations import read_demonstrations
from reft_studio.engine.explain import explain
from reft_studio.engine.interface import (
    EngineStatus,
    JobState,
    JobUpdate,
    OpenedBot,
    PyreftFolder,
    Readiness,
    TrainingJob,
)
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Chat,
    Command,
    End,
    OpenBot,
    PackBot,
    Question,
    Send,
    StopAnswering,
    Submit,
)
from reft_studio.errors import StudioError, TrainingError
from reft_studio.manifest import DEMONSTRATIONS_FILE, write_manifest
from reft_studio.pyreft_folder import read_pyreft
from reft_studio.quantization import Quantization, quantized_tensors
from reft_studio.recipe import Recipe
from reft_studio.rules import read_rules
from reft_studio.score import Report
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.train.events import Finished, Started, Step
from reft_studio.train.loop import Training

SECONDS_BETWEEN_UPDATES = 0.2
SECONDS_BETWEEN_CHECKPOINTS = 5.0
NOT_SCORED = "The bot is ready, but it could not be scored: {reason}"
TIME_IS_UP = (
    "This training took as long as one may take here, so it was ended before its last epoch. The bot has "
    "what was learned until then; with fewer rows or epochs a training gets to its end."
)

log = logging.getLogger(__name__)


class Core:
    """Loads a base model, then handles commands; whatever there is to tell goes through `send`."""

    def __init__(self, base_model: str, send: Send, quantization: Quantization | None = None) -> None:
        self._send = send
        self._flags: dict[str, Flag] = {}
        self._closing = Flag()
        self._training_lane = ThreadPoolExecutor(1, "training")
        self._waiting_lane = ThreadPoolExecutor(1, "waiting")
        send(EngineStatus(Readiness.LOADING))
        self._base = self._waiting_lane.submit(load_base_model, base_model, quantization=quantization)
        self._base.add_done_callback(self._report_readiness)
        # Before anything is hooked into the modules, and once: it remembers its digest.
        self._twin = self._waiting_lane.submit(lambda: _twin(self._base.result()))

    def handle(self, command: Command) -> None:
        """Begin what is asked for; returns at once."""
        match command:
            case Submit(job) if job.id not in self._flags:
                self._flags[job.id] = Flag()
                training = self._training_lane.submit(self._train, job)
                training.add_done_callback(lambda done: self._end_job(job, done))
            case Ask(id, question):
                self._flags[id] = Flag()
                answering = self._waiting_lane.submit(self._answer, id, question)
                answering.add_done_callback(lambda done: self._end_answer(id, done))
            case Cancel(id) | StopAnswering(id):
                if flag := self._flags.get(id):
                    flag.set()

    def close(self) -> None:
        """Stop what runs at its next step; trainings are written down, to be gone on with."""
        self._closing.set()
        for flag in list(self._flags.values()):
            flag.set()
        # First the lane that a training may wait for: a model that loads slowly is not waited for.
        self._waiting_lane.shutdown(wait=False, cancel_futures=True)
        self._training_lane.shutdown(wait=True, cancel_futures=True)

    def _report_readiness(self, loaded: Future[BaseModel]) -> None:
        if message := explain(loaded):
            self._send(EngineStatus(Readiness.FAILED, message=message))
        else:
            self._send(EngineStatus(Readiness.READY, num_layers=loaded.result().num_layers))

    # Trainings

    def _train(self, job: TrainingJob) -> None:
        base = self._twin.result()
        recipe = Recipe.for_model(base.num_layers, base.width, **job.recipe_changes)
        progress = JobUpdate(job.id, JobState.RUNNING)
        sent_at, begun = 0.0, time.monotonic()
        kept_at = begun
        training = Training(base, job.demonstrations, recipe, limits=job.limits)
        resumed_at = _resume(training, job)
        for event in training.events():
            if self._closing.is_set():
                _keep(training, job)
                return
            if self._flags[job.id].is_set():
                self._send(replace(progress, state=JobState.CANCELLED, seconds_left=None))
                return
            match event:
                case Started(total_steps) as started:
                    progress = JobUpdate(
                        job.id, JobState.RUNNING, resumed_at, total_steps, training.losses,
                        message=_remarks(started, resumed_at),
                    )  # fmt: skip
                case Step(step, _, _, seconds_left):
                    losses = training.losses
                    progress = replace(progress, step=step, losses=losses, seconds_left=seconds_left)
                    if time.monotonic() - kept_at > SECONDS_BETWEEN_CHECKPOINTS:
                        _keep(training, job)
                        kept_at = time.monotonic()
                    if time.monotonic() - begun > job.max_seconds:
                        self._finish(base, training, job, replace(progress, message=TIME_IS_UP))
                        return
                case Finished():
                    self._finish(base, training, job, progress)
                    return
            if time.monotonic() - sent_at > SECONDS_BETWEEN_UPDATES:
                self._send(progress)
                sent_at = time.monotonic()

    def _finish(self, base: BaseModel, training: Training, job: TrainingJob, last: JobUpdate) -> None:
        bot = record_probes(base, training.bot(job.name), job.probes)
        bot.save(job.bot_folder)
        report = None
        if job.rules:
            # Whoever has to begin again after a crash then only has to ask again.
            _keep(training, job)
            self._send(last := replace(last, state=JobState.SCORING, seconds_left=None))
            try:
                report = self._score(base, bot, job, last)
            except StudioError as error:
                last = replace(last, message=f"{last.message} {NOT_SCORED.format(reason=error)}".strip())
        if not self._closing.is_set():
            self._send(replace(last, state=JobState.DONE, seconds_left=0.0, report=report))

    def _score(self, base: BaseModel, bot: Bot, job: TrainingJob, last: JobUpdate) -> Report | None:
        """What was asked until the end, the limit, or a cancel; the counts go into the bot's file."""
        report = None
        for progress in ask_everything(
            base,
            bot,
            read_rules(job.rules),
            job.instruction,
            known=[row.prompt for row in job.demonstrations],
            max_seconds=job.max_score_seconds,
            should_stop=self._flags[job.id].is_set,
        ):
            report = progress.report
            self._send(replace(last, seconds_left=progress.seconds_left))
        if report and not self._closing.is_set():
            write_manifest(with_score(bot, report).manifest, job.bot_folder)
        return report

    def _end_job(self, job: TrainingJob, done: Future[None]) -> None:
        del self._flags[job.id]
        # What a closing engine leaves undone has not failed: the next one goes on with it.
        if not self._closing.is_set() and (message := explain(done)):
            self._send(JobUpdate(job.id, JobState.FAILED, message=message))

    # Questions

    def _answer(self, request_id: str, question: Question) -> None:
        base = self._base.result()
        match question:
            case Chat(conversations, sampling):
                requests = [ChatRequest(c.messages, _load(c.bot_folder)) for c in conversations]
                should_stop = self._flags[request_id].is_set
                for replies in stream_replies(base, requests, sampling, should_stop):
                    self._send(Answer(request_id, tuple(replies)))
            case PackBot(folder, zip_path, name, demonstrations):
                bot = Bot.load(folder)
                named = replace(bot, manifest=bot.manifest.model_copy(update={"name": name}))
                named.save_zip(zip_path, demonstrations or None)
            case OpenBot(path, folder, PyreftFolder(positions, name)):
                read_pyreft(path, base, positions=positions, name=name).save(folder)
                self._send(Answer(request_id, OpenedBot(name, ())))
            case OpenBot(path, folder):
                with nullcontext(path) if path.is_dir() else unpacked(path) as source:
                    opened = _open_bot(base, source, folder)
                self._send(Answer(request_id, opened))

    def _end_answer(self, request_id: str, done: Future[None]) -> None:
        self._flags.pop(request_id, None)
        self._send(End(request_id, explain(done)))


def _open_bot(base: BaseModel, source: Path, folder: Path) -> OpenedBot:
    """Check a bot, also against the base model, and save it with its rows if it has any."""
    bot = Bot.load(source)
    bot.check_base(base)
    rows_file = source / DEMONSTRATIONS_FILE
    bot.save(folder, read_demonstrations(rows_file) if rows_file.is_file() else None)
    return OpenedBot(bot.manifest.name, tuple(probe.prompt for probe in bot.manifest.probes))


def _resume(training: Training, job: TrainingJob) -> int:
    """Go on from the job's checkpoint if there is a whole one; returns the steps that need no repeating."""
    if job.checkpoint_file is None or not job.checkpoint_file.exists():
        return 0
    try:
        checkpoint = Checkpoint.load(job.checkpoint_file)
        training.resume(checkpoint)
    except TrainingError:
        # The rows are what counts, and they are all there.
        log.warning("Training %s cannot go on from its checkpoint and begins again", job.id, exc_info=True)
        return 0
    return checkpoint.step


def _keep(training: Training, job: TrainingJob) -> None:
    """Write a checkpoint; where that is not possible, as on a full disk, the training goes on without."""
    if job.checkpoint_file is None:
        return
    try:
        job.checkpoint_file.parent.mkdir(parents=True, exist_ok=True)
        training.checkpoint().save(job.checkpoint_file)
    except (OSError, SafetensorError):
        log.warning("The checkpoint of training %s cannot be written", job.id, exc_info=True)


def _remarks(started: Started, resumed_at: int) -> str:
    """What is worth knowing about a training that is nothing to stop for."""
    remarks = []
    if resumed_at:
        remarks.append(f"It was interrupted and went on from step {resumed_at:,}; nothing is lost.")
    if started.slow_because:
        remarks.append(
            f"Every step has to go through the whole model, so it takes longer: {started.slow_because}."
        )
    for prompt in started.short_prompts[:1]:
        remarks.append(f'"{prompt}" is shorter than the positions to edit, so all of it is edited.')
    return " ".join(remarks)


def _twin(base: BaseModel) -> BaseModel:
    """The same tensors under modules of their own, which can be hooked into independently."""
    tensors = [*base.model.parameters(), *base.model.buffers()]
    if base.quantization:
        tensors += quantized_tensors(base.model)
    return replace(base, model=copy.deepcopy(base.model, {id(tensor): tensor for tensor in tensors}))


def _load(bot_folder: Path | None) -> Bot | None:
    return Bot.load(bot_folder) if bot_folder else None
