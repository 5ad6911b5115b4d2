"""The queue: engines get as many trainings as they work on at once, and people take turns."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from threading import RLock, Thread, Timer

from reft_studio.base_ref import BaseRef
from reft_studio.engine.interface import Job, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.engine.pool import Engines
from reft_studio.errors import EngineError, NoRoomYetError, StorageError, StudioError
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
SECONDS_UNTIL_ROOM = 2.0
"""After so long it is tried again whether a base model has room."""


class Trainings:
    """What the store has in its queue, brought to the engines of its base models. Any thread may call."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._engines: Engines | None = None
        self._running: dict[str, BaseRef] = {}
        self._stopping: set[str] = set()
        """Those of them that are to be stopped, whether their engine has heard of them or not."""
        self._lock = RLock()

    def start(self, engines: Engines) -> None:
        """Go on with what was not done when the app was last stopped, however it was."""
        self._store.requeue()
        with self._lock:
            self._engines = engines
            self._advance()

    def close(self) -> None:
        """Begin nothing more; to be called before the engines are closed."""
        with self._lock:
            self._engines = None

    def record(self, update: JobUpdate) -> None:
        """Note what the engine says of a training; when one has ended, the next one begins.

        How one ended is noted later where the disk is full; StorageError all the same, since it is not yet.
        """
        try:
            update = self._store.record(update)
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
                    base = self._running.pop(update.job_id, None)
                    self._stopping.discard(update.job_id)
                    self._advance()
                    if base and self._engines:
                        # An engine cannot be closed by the thread that it tells of its trainings with.
                        Thread(target=self._engines.give_up, args=(base,), daemon=True).start()
            elif self._engines and not self._engines.share_a_machine:
                # Another machine may have joined since then.
                with self._lock:
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

        Raises EngineError if the queue is full, or if its base model failed to load and fails again at once;
        StorageError if its owner has too much already.
        """
        self._store.check_room(owner, self._settings.max_person_bytes)
        # Before the lock: it may be that the Hub is asked.
        if (engines := self._engines) and self._has_failed(job.base):
            with engines.use(job.base) as engine:
                if (status := engine.status()).readiness is Readiness.FAILED:
                    raise EngineError(status.message)
        with self._lock:
            if len(self._store.waiting()) >= self._settings.max_waiting_trainings:
                raise EngineError(BUSY)
            if self._store.add_job(owner, job):
                log.info("A training is queued", extra={"job": job.id, "rows": len(job.demonstrations)})
            self._advance()

    def cancel(self, owner: str, job_id: str) -> None:
        """Stop a training of this owner, wherever it stands; nothing happens to those of others."""
        # With the lock, so that the engine has heard of the training before, or asks when it does.
        with self._lock:
            log.info("A training is asked to stop", extra={"job": job_id})
            if self._store.cancel(owner, job_id) and self._engines and job_id in self._running:
                self._stopping.add(job_id)
                if engine := self._engines.running(self._running[job_id]):
                    engine.cancel(job_id)

    def finish(self, owner: str, job_id: str) -> None:
        """End a training of this owner that is running, and keep what it has learned."""
        with self._lock:
            step, base = self._store.finish(owner, job_id), self._running.get(job_id)
            engine = self._engines.running(base) if self._engines and base else None
            if step is not None and engine:
                engine.finish(job_id, step)

    def keep(self, owner: str, bot_id: str, epoch: int) -> bool:
        """Make the bot of another moment of its training the bot; raises BotError if there is none.

        False, and nothing happens, where its owner has a training that has not ended.
        """
        with self._lock:
            queued = self._store.keep(owner, bot_id, epoch)
            self._advance()
            return queued

    def drive(self, owner: str) -> Iterator[None]:
        """Work for a while on what this owner has started last, where the engine does so only when asked."""
        job = self._store.latest_job(owner)
        base = self._running.get(job.job_id) if job else None
        engine = self._engines.running(base) if self._engines and base else None
        if job and engine and not job.state.ended:
            yield from engine.drive(job.job_id)

    @property
    def running(self) -> int:
        """How many trainings the engines have."""
        return len(self._running)

    def ahead_of(self, job_id: str) -> int | None:
        """How many trainings come before one in the queue; None if it is not in the queue."""
        waiting = self._store.waiting()
        if job_id not in waiting:
            return None
        return waiting.index(job_id) + len(self._running)

    def _advance(self) -> None:
        """Give every engine as many trainings as it works on at once; the lock is held.

        One that cannot load its base model gets none: what waits shall not fail too.
        """
        for job_id in self._store.waiting():
            if self._engines is None:
                return
            base = self._store.base_of(job_id)
            if self._has_failed(base) or not self._has_room(base):
                continue
            if (job := self._store.claim(job_id)) and not self._begin(job, self._engines):
                return

    def _has_failed(self, base: BaseRef) -> bool:
        status = self._engines.status(base) if self._engines else None
        return status is not None and status.readiness is Readiness.FAILED

    def _has_room(self, base: BaseRef) -> bool:
        """Whether an engine would work on one more training now; on one machine all of them count."""
        assert self._engines
        engine = self._engines.running(base)
        at_once = [b for b in self._running.values() if self._engines.share_a_machine or b == base]
        return len(at_once) < (engine.capacity() if engine else 1)

    def _begin(self, job: Job, engines: Engines) -> bool:
        """Bring a training to its engine; if that has to be started first, nobody waits for it.

        False if it is known that no engine can be started, so that the others are better off waiting.
        """
        log.info("A training begins or goes on", extra={"job": job.id})
        allowed = self._limited(job)
        self._running[job.id] = job.base
        if engines.running(job.base):
            return self._submit(allowed, engines)
        Thread(target=self._submit, args=(allowed, engines), daemon=True).start()
        return True

    def _limited(self, job: Job) -> Job:
        """With what one may ask for here."""
        settings = self._settings
        job = replace(job, limits=settings.limits, max_seconds=settings.max_training_seconds)
        if isinstance(job, TrainingJob):
            return replace(job, max_score_seconds=settings.max_score_seconds)
        return replace(job, max_rank=settings.max_rank)

    def _submit(self, job: Job, engines: Engines) -> bool:
        try:
            with engines.use(job.base) as engine, self._lock:
                engine.submit(job)
                if job.id in self._stopping:
                    engine.cancel(job.id)
        except NoRoomYetError:
            self._wait_for_room(job)
        except StudioError as error:
            # What a closed app leaves undone is gone on with by the next one.
            if self._engines:
                self.record(JobUpdate(job.id, JobState.FAILED, message=str(error)))
        except OSError:
            log.exception("A training cannot be begun", extra={"job": job.id})
            with self._lock:
                del self._running[job.id]
                self._store.record(JobUpdate(job.id, JobState.INTERRUPTED, message=NOT_STARTED))
            return False
        return True

    def _wait_for_room(self, job: Job) -> None:
        with self._lock:
            self._store.put_back(job.id)
            del self._running[job.id]
            self._stopping.discard(job.id)

        def again() -> None:
            with self._lock:
                self._advance()

        timer = Timer(SECONDS_UNTIL_ROOM, again)
        timer.daemon = True
        timer.start()
