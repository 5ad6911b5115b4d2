"""The queue: the engine gets as many trainings as it works on at once, and people take turns."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from threading import RLock, Timer

from reft_studio.engine.interface import Engine, Job, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.errors import EngineError, StorageError
from reft_studio.settings import Settings
from reft_studio.store import Store

log = logging.getLogger(__name__)

NOT_STARTED = (
    "The part of the app that trains could not be started, perhaps because the memory of this computer is "
    "full. Close other programs and try again."
)
BUSY = "Many people are training here right now. Your rows are saved: please try again in a few minutes."
SECONDS_FOR_ROOM = 2.0
"""So often it is tried again to note how a training ended, on a full disk."""


class Trainings:
    """What the store has in its queue, brought to an engine. Any thread may call."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._engine: Engine | None = None
        self._running: set[str] = set()
        self._lock = RLock()

    def start(self, engine: Engine) -> None:
        """Go on with what was not done when the app was last stopped, however it was."""
        self._store.requeue()
        with self._lock:
            self._engine = engine
            self._advance()

    def close(self) -> None:
        """Begin nothing more; to be called before the engine is closed."""
        with self._lock:
            self._engine = None

    def record(self, update: JobUpdate) -> None:
        """Note what the engine says of a training; when one has ended, the next one begins.

        How one ended is noted later where the disk is full; StorageError all the same, since it is not yet.
        """
        try:
            self._store.record(update)
        except StorageError:
            if update.state.ended:
                self._record_later(update)
            raise
        finally:
            if update.state.ended:
                log.info(
                    "A training has ended",
                    extra={
                        "job": update.job_id,
                        "state": update.state,
                        "step": update.step,
                        "steps": update.total_steps,
                    },
                )
                with self._lock:
                    self._running.discard(update.job_id)
                    self._advance()

    def _record_later(self, update: JobUpdate) -> None:
        """Or its owner would see it run, and could begin no other, until the app is started again."""

        def try_again() -> None:
            try:
                self._store.record(update)
                with self._lock:
                    self._advance()
            except StorageError:
                self._record_later(update)

        timer = Timer(SECONDS_FOR_ROOM, try_again)
        timer.daemon = True
        timer.start()

    def add(self, owner: str, job: Job) -> None:
        """Queue a training or a search; nothing happens where its owner has one that has not ended.

        Raises EngineError if the queue is full, or if the engine has no base model and cannot get it;
        StorageError if its owner has too much already.
        """
        self._store.check_room(owner, self._settings.max_person_bytes)
        with self._lock:
            if self._engine and self._engine.status().readiness is Readiness.FAILED:
                self._engine.start()
                if (status := self._engine.status()).readiness is Readiness.FAILED:
                    raise EngineError(status.message)
            if len(self._store.waiting()) >= self._settings.max_waiting_trainings:
                raise EngineError(BUSY)
            if self._store.add_job(owner, job):
                log.info("A training is queued", extra={"job": job.id, "rows": len(job.demonstrations)})
            self._advance()

    def cancel(self, owner: str, job_id: str) -> None:
        """Stop a training of this owner, wherever it stands; nothing happens to those of others."""
        # With the lock, so that the engine has heard of the training before.
        with self._lock:
            log.info("A training is asked to stop", extra={"job": job_id})
            if self._store.cancel(owner, job_id) and self._engine:
                self._engine.cancel(job_id)

    def finish(self, owner: str, job_id: str) -> None:
        """End a training of this owner that is running, and keep what it has learned."""
        with self._lock:
            step = self._store.finish(owner, job_id)
            if step is not None and self._engine:
                self._engine.finish(job_id, step)

    def keep(self, owner: str, bot_id: str, epoch: int) -> None:
        """Make the bot of another moment of its training the bot; raises BotError if there is none.

        Nothing happens where its owner has a training that has not ended.
        """
        with self._lock:
            self._store.keep(owner, bot_id, epoch)
            self._advance()

    def drive(self, owner: str) -> Iterator[None]:
        """Work for a while on what this owner has started last, where the engine does so only when asked."""
        job = self._store.latest_job(owner)
        if job and not job.state.ended and self._engine:
            yield from self._engine.drive(job.job_id)

    @property
    def running(self) -> int:
        """How many trainings the engine has."""
        return len(self._running)

    def ahead_of(self, job_id: str) -> int | None:
        """How many trainings come before one in the queue; None if it is not in the queue."""
        waiting = self._store.waiting()
        if job_id not in waiting:
            return None
        return waiting.index(job_id) + len(self._running)

    def _advance(self) -> None:
        """Give the engine as many trainings as it works on at once; the lock is held.

        One that cannot load its base model gets none: what waits shall not fail too.
        """
        if self._engine is None or self._engine.status().readiness is Readiness.FAILED:
            return
        while len(self._running) < self._engine.capacity() and (waiting := self._store.waiting()):
            if job := self._store.claim(waiting[0]):
                self._running.add(job.id)
                log.info("A training begins or goes on", extra={"job": job.id})
                try:
                    self._engine.submit(self._limited(job))
                except OSError:
                    # The engine's process cannot be started, so the others are better off waiting.
                    log.exception("A training cannot be begun", extra={"job": job.id})
                    self._running.discard(job.id)
                    self._store.record(JobUpdate(job.id, JobState.INTERRUPTED, message=NOT_STARTED))
                    return

    def _limited(self, job: Job) -> Job:
        """With what one may ask for here."""
        settings = self._settings
        job = replace(job, limits=settings.limits, max_seconds=settings.max_training_seconds)
        if isinstance(job, TrainingJob):
            return replace(job, max_score_seconds=settings.max_score_seconds)
        return replace(job, max_rank=settings.max_rank)
