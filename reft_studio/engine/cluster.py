"""Spreads an engine's work over copies of the model on several machines, which come and go.

The first copy answers and trains; more of them are made for further trainings as long as there is room, and
while they are there, whoever asks is answered by the one that has the least to do.
Machines share no disk, so files travel along, and only this side writes under the data folder. A training
that goes down with its machine has left a checkpoint here, from which it goes on elsewhere.
"""

import logging
import os
import sys
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread

from reft_studio.engine.explain import LOST, NOT_BEGUN, explain
from reft_studio.engine.interface import EngineStatus, JobState, JobUpdate, Readiness
from reft_studio.engine.machines import Machines
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Command,
    End,
    Event,
    Finish,
    Send,
    StopAnswering,
    Submit,
)
from reft_studio.engine.parcels import Files, Told, pack
from reft_studio.engine.workers import Task, Worker
from reft_studio.errors import EngineError
from reft_studio.fit import Weight

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_TRY_AGAIN = 5.0
SECONDS_KEPT = 300.0
"""For so long a further copy stays without work: the next training need not wait for the model."""

_News = tuple[Worker, Future[list[Told | None]]]


class Cluster:
    """One thread does everything, in the order in which commands and news come in."""

    def __init__(self, machines: Machines, send: Send) -> None:
        self._machines, self._send = machines, send
        self._workers: list[Worker] = []
        self._waiting: deque[Task] = deque()
        self._room, self._trouble, self._looks_at = 1, "", 0.0
        self._told_status: EngineStatus | None = None
        self._closing = False
        self._inbox: SimpleQueue[Command | _News | None] = SimpleQueue()
        self._thread = Thread(target=self._work_or_die, daemon=True)
        self._thread.start()

    def handle(self, command: Command) -> None:
        """Begin what is asked for; returns at once."""
        self._inbox.put(command)

    def close(self) -> None:
        """Stop what runs; trainings are written down."""
        self._inbox.put(None)
        self._thread.join()

    def _work_or_die(self) -> None:
        try:
            self._work()
        except BaseException:
            # Such as a cluster that is gone altogether: the page sees this process end and starts another.
            log.exception("The cluster cannot be worked with any more")
            os._exit(1)

    def _work(self) -> None:
        while not self._closing or self._workers:
            if time.monotonic() >= self._looks_at and not self._closing:
                self._looks_at = time.monotonic() + SECONDS_BETWEEN_LOOKS
                self._look_around()
                self._report()
            with suppress(Empty):
                self._take(self._inbox.get(timeout=SECONDS_BETWEEN_LOOKS))
        self._machines.leave()

    def _take(self, item: Command | _News | None) -> None:
        match item:
            case None:
                self._closing = True
                for worker in list(self._workers):
                    self._let_go(worker)
            case (worker, told):
                self._hear(worker, told)
            case Submit(job):
                self._waiting.append(Task(job))
                self._give_work()
            case Cancel(job_id) | Finish(job_id):
                self._stop(job_id, item)
            case Ask():
                self._ask(item)
            case StopAnswering(id):
                for worker in self._workers:
                    if id in worker.asked:
                        worker.copy.handle(pack(item))

    def _look_around(self) -> None:
        """See how much room there is, and use it."""
        try:
            self._machines.join()
            self._room = self._machines.room(len(self._workers))
        except EngineError as error:
            self._give_up_waiting(str(error))
            self._have_trouble(str(error))
            return
        if not self._workers:
            self._hire()
        self._give_work()
        for worker in self._workers[1:]:
            needed = worker.task or worker.asked or worker.leaving or self._waiting
            if not needed and time.monotonic() - worker.free_since > SECONDS_KEPT:
                self._let_go(worker)

    def _give_up_waiting(self, why: str) -> None:
        """No machine is there for those that have none yet, as when one was lost before it was missed."""
        for worker in [worker for worker in self._workers if worker.status is None]:
            self._end(worker)
            for request_id in worker.asked:
                self._send(End(request_id, why))

    def _have_trouble(self, message: str) -> None:
        self._trouble = message
        self._looks_at = time.monotonic() + SECONDS_TO_TRY_AGAIN
        self._report()

    def _report(self) -> None:
        """Tell how the first copy is doing, and how much room there is, if that is news."""
        if self._workers:
            status = self._workers[0].status or EngineStatus(Readiness.LOADING)
        else:
            status = EngineStatus(Readiness.FAILED, message=self._trouble)
        status = replace(status, room=self._room)
        if status != self._told_status:
            self._told_status = status
            self._send(status)

    def _hire(self) -> None:
        worker = Worker(self._machines.hire())
        self._workers.append(worker)
        self._listen(worker)

    def _listen(self, worker: Worker) -> None:
        worker.copy.take().add_done_callback(lambda told: self._inbox.put((worker, told)))

    def _let_go(self, worker: Worker) -> None:
        """It ends when it has told how far it has come; one that never came has nothing to tell."""
        worker.leaving = True
        if worker.status is None:
            self._end(worker)
        else:
            worker.copy.close()

    def _end(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.copy.kill()

    def _give_work(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.is_free:
                self._begin(worker, self._waiting.popleft())
        if not self._workers:
            # The first one comes when it is known that there is a cluster.
            return
        coming = sum(worker.status is None for worker in self._workers)
        for _ in range(min(len(self._waiting) - coming, self._room - len(self._workers))):
            self._hire()

    def _begin(self, worker: Worker, task: Task) -> None:
        try:
            worker.copy.handle(pack(Submit(task.job)))
            worker.task = task
        except OSError as error:
            self._send(JobUpdate(task.job.id, JobState.FAILED, message=explain(error)))

    def _stop(self, job_id: str, command: Cancel | Finish) -> None:
        cancel = isinstance(command, Cancel)
        for waiting in [task for task in self._waiting if task.job.id == job_id]:
            if cancel:
                self._waiting.remove(waiting)
                self._send(JobUpdate(job_id, JobState.CANCELLED))
            else:
                waiting.finish()
        for worker in self._workers:
            if (task := worker.task) and task.job.id == job_id:
                task.cancelled |= cancel
                if not cancel:
                    task.finish()
                worker.copy.handle(pack(command))

    def _ask(self, ask: Ask) -> None:
        if not self._workers:
            self._send(End(ask.id, self._trouble or LOST))
            return
        loaded = [worker for worker in self._workers if worker.is_loaded]
        worker = min(loaded or self._workers[:1], key=lambda worker: worker.load)
        try:
            worker.copy.handle(pack(ask))
            worker.asked.add(ask.id)
        except OSError as error:
            self._send(End(ask.id, explain(error)))

    def _hear(self, worker: Worker, news: "Future[list[Told | None]]") -> None:
        if worker not in self._workers:
            return
        if error := news.exception():
            self._mourn(worker, error)
            return
        for told in news.result():
            if told is None:
                self._end(worker)
                return
            sys.stderr.write(told.logged)
            error = worker.write(told.files)
            if told.event:
                self._pass_on(worker, told.event, told.files, error)
        self._listen(worker)

    def _pass_on(self, worker: Worker, event: Event, files: Files, error: OSError | None) -> None:
        match event:
            case EngineStatus():
                worker.status = event
                self._report()
            case JobUpdate():
                self._send(worker.note(event, files, error))
            case End():
                self._send(worker.note_end(event, files, error))
            case Answer(id, Weight() as weight):
                self._send(Answer(id, self._machines.weighed_here(weight)))
            case _:
                self._send(event)
        self._give_work()

    def _mourn(self, worker: Worker, error: BaseException) -> None:
        """A machine is gone, or what ran there: another copy does what this one had to do."""
        # Should it only have been out of reach for a moment, it must not go on beside the other one.
        self._end(worker)
        if worker.leaving:
            return
        log.warning("A copy of the base model is lost: %s", error)
        self._looks_at = 0.0
        if worker.status is None:
            self._have_trouble(NOT_BEGUN.format(reason=str(error).strip().split("\n")[-1]))
        for request_id in worker.asked:
            self._send(End(request_id, LOST))
        if task := worker.task:
            update = task.lose()
            if not (update and update.state.ended):
                self._waiting.appendleft(task)
            if update:
                self._send(update)
