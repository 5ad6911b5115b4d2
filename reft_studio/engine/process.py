"""An engine in a process of its own: the page stays light, and a crash there never takes the page along.

Commands and events are pickled over one pipe, each way by a thread of its own: a pipe holds little, and
nobody waits here for a child that is slow to read. The child is started by spawn (never fork after torch) in
its own session, so that Ctrl-C in the terminal reaches only the page; when the page goes, however it goes,
the pipe closes and the child ends. When the child gives no sign of life any more, it is ended and begun anew.
"""

import gc
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Event as Flag
from threading import Lock, Thread, Timer
from typing import TYPE_CHECKING, Protocol

from reft_studio.engine.client import EngineClient
from reft_studio.engine.interface import EngineStatus, JobState, JobUpdate, Readiness
from reft_studio.engine.messages import Beat, Cancel, Command, Event, Send, Submit
from reft_studio.errors import EngineError
from reft_studio.logs import configure_logs
from reft_studio.model_source import leave_no_half
from reft_studio.quantization import Quantization

if TYPE_CHECKING:
    from reft_studio.engine.core import Core

log = logging.getLogger(__name__)

INTERRUPTED = (
    "The part of the app that trains and chats stopped unexpectedly, perhaps because the memory of this "
    "computer was full. It has been started again: try once more, with other programs closed."
)
CLOSED = "The app was closed before this was done."
ATTEMPTS = 3
"""So often a training may take the engine with it before it is given up."""
SECONDS_TO_CLOSE = 2.5
"""The page takes another two on a busy machine, and the app is to be gone within five, whatever a training is
doing."""
SECONDS_BETWEEN_BEATS = 2.0
MOST_MISSED = 60
"""So often in a row the page looks in vain for a sign of life. Not for so many seconds: when the computer has
slept, the page has not looked either."""


class Half(Protocol):
    """The half of an engine that is not the page's; what it tells goes to where it was made with."""

    def handle(self, command: Command) -> None:
        """Begin what is asked for; returns at once."""

    def close(self) -> None:
        """Stop what runs; trainings are written down."""


@dataclass(frozen=True)
class _Child:
    process: BaseProcess
    pipe: Connection
    outbox: SimpleQueue[Command | None] = field(default_factory=SimpleQueue)
    heard: Flag = field(default_factory=Flag)
    gone: Flag = field(default_factory=Flag)


@dataclass(eq=False, repr=False)
class ProcessEngine(EngineClient):
    """Starts its child when told to, and again whenever it is needed and gone."""

    _lock: Lock = field(init=False, default_factory=Lock)
    _child: _Child | None = field(init=False, default=None)
    _reader: Thread | None = field(init=False, default=None)
    _crashes: Counter[str] = field(init=False, default_factory=Counter)
    _closed: bool = field(init=False, default=False)

    @property
    def pid(self) -> int | None:
        """The child's process id, for those who watch it."""
        return self._child.process.pid if self._child else None

    def start(self) -> None:
        with self._lock:
            self._running_child()

    def _half(self) -> Callable[[Send], Half]:
        """What the child holds."""
        return partial(load_core, self.base_model, self.quantization)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
            reader = self._reader
            if child is None:
                return
            child.outbox.put(None)
        child.process.join(SECONDS_TO_CLOSE)
        child.process.kill()
        assert reader
        reader.join()

    def _send(self, command: Command) -> None:
        with self._lock:
            if self._closed:
                raise EngineError(CLOSED)
            self._running_child().outbox.put(command)

    def _running_child(self) -> _Child:
        """The child, started if need be; the lock is held."""
        if self._child is None:
            self._status = EngineStatus(Readiness.LOADING)
            spawn = get_context("spawn")
            pipe, childs_end = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(childs_end, self._half()), daemon=True)
            process.start()
            childs_end.close()
            self._child = _Child(process, pipe)
            self._reader = Thread(target=self._read, args=(self._child,), daemon=True)
            self._reader.start()
            for task in (self._write, self._watch):
                Thread(target=task, args=(self._child,), daemon=True).start()
            log.info("An engine has started", extra={"pid": process.pid})
        return self._child

    def _write(self, child: _Child) -> None:
        # If the child is gone, the reader sees it too and tells everyone who waits.
        with suppress(OSError):
            while (command := child.outbox.get()) is not None:
                child.pipe.send(command)
            child.pipe.send(None)

    def _read(self, child: _Child) -> None:
        was_ready = False
        try:
            while True:
                event: Event | Beat = child.pipe.recv()
                child.heard.set()
                if isinstance(event, Beat):
                    continue
                if isinstance(event, EngineStatus):
                    was_ready |= event.readiness is Readiness.READY
                    told = {"pid": child.process.pid, "state": event.readiness}
                    log.info("An engine says how it is", extra=told)
                self.receive(event)
        except (EOFError, OSError):
            self._mourn(child, was_ready)

    def _watch(self, child: _Child) -> None:
        """End a child that is there and does nothing; then it is gone like any other."""
        missed = 0
        while not child.gone.wait(SECONDS_BETWEEN_BEATS):
            missed = 0 if child.heard.is_set() else missed + 1
            child.heard.clear()
            if missed >= MOST_MISSED:
                log.error("An engine gives no sign of life and is ended", extra={"pid": child.process.pid})
                child.process.kill()
                return

    def _mourn(self, child: _Child, was_ready: bool) -> None:
        child.gone.set()
        child.outbox.put(None)
        child.process.join(SECONDS_TO_CLOSE)
        # One that nobody can reach any more does not keep its copy of the model.
        child.process.kill()
        told = {"pid": child.process.pid, "exit_code": child.process.exitcode}
        log.info("An engine has ended", extra=told)
        with self._lock:
            closed = self._child is not child
            if not closed:
                self._child = None
            self.lost(CLOSED if closed else INTERRUPTED)
            if closed:
                return
            # A child that died before it was ready would only die again: it is started when somebody asks.
            if was_ready:
                try:
                    self._running_child()
                except OSError:
                    was_ready = False
                    log.exception("The engine cannot be started again")
            if not was_ready:
                self._status = EngineStatus(Readiness.FAILED, message=INTERRUPTED)
        for job in list(self._jobs.values()):
            self._crashes[job.id] += 1
            if job.id in self._cancelled:
                self.receive(JobUpdate(job.id, JobState.CANCELLED))
            elif was_ready and self._crashes[job.id] < ATTEMPTS:
                self._send(Submit(job))
                # It may have been asked to stop in this very moment.
                if job.id in self._cancelled:
                    self._send(Cancel(job.id))
            else:
                self.receive(JobUpdate(job.id, JobState.INTERRUPTED, message=INTERRUPTED))


def load_core(base_model: str, quantization: Quantization | None, send: Send) -> "Core":
    """The half with the model in it, in a process that has not loaded torch yet."""
    # Read when torch is loaded. Threads that spin while they wait for each other, as is the default, make a
    # step ten times slower as soon as another program has work for one of the cores; these soon go to sleep.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Next to nothing of what is imported is garbage, and looking for it takes a fifth of the time.
    gc.disable()
    from reft_studio.engine.core import Core
    from reft_studio.engine.memory import keep_together

    keep_together()
    gc.enable()
    return Core(base_model, send, quantization)


def _serve(pipe: Connection, make_half: Callable[[Send], Half]) -> None:
    """The child: handle commands until the page says None or is gone."""
    if hasattr(os, "setsid"):
        os.setsid()
    configure_logs("engine")
    sending = Lock()

    def send(event: Event | Beat) -> None:
        # If the page is gone, there is nobody to tell.
        with sending, suppress(OSError):
            pipe.send(event)

    def beat() -> None:
        while True:
            send(Beat())
            time.sleep(SECONDS_BETWEEN_BEATS)

    Thread(target=beat, daemon=True).start()
    half = make_half(send)
    with suppress(EOFError, OSError):
        while (command := pipe.recv()) is not None:
            half.handle(command)
    # A long step does not keep a process alive that nobody can reach.
    deadline = Timer(SECONDS_TO_CLOSE, _leave)
    deadline.daemon = True
    deadline.start()
    half.close()
    _leave()


def _leave() -> None:
    """End this process. Whatever still runs has nobody left to tell; files are written by atomic rename."""
    leave_no_half()
    os._exit(0)
