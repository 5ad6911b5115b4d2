"""The page's half of every engine: turns calls into commands, and sorts the events that come back."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import cast
from uuid import uuid4

from reft_studio.base_ref import BaseRef
from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import (
    Conversation,
    EngineStatus,
    Job,
    JobUpdate,
    OpenedBot,
    PyreftFolder,
    Readiness,
    SearchJob,
    TrainingJob,
)
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Chat,
    Command,
    End,
    Event,
    Finish,
    LookWhetherUntouched,
    OpenBot,
    PackBot,
    Preview,
    Question,
    StopAnswering,
    Submit,
    Value,
    Weigh,
)
from reft_studio.errors import EngineError, StorageError
from reft_studio.fit import Weight
from reft_studio.positions import Piece
from reft_studio.quantization import Quantization
from reft_studio.score import Untouched

log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class EngineClient(ABC):
    """An `Engine` whose model is at the other end of `_send`; what comes back goes into `receive`."""

    base_model: str
    on_update: Callable[[JobUpdate], None]
    quantization: Quantization | None = None
    _status: EngineStatus = field(init=False, default=EngineStatus(Readiness.STOPPED))
    _jobs: dict[str, Job] = field(init=False, default_factory=dict)
    _cancelled: set[str] = field(init=False, default_factory=set)
    _inboxes: dict[str, SimpleQueue[Answer | End]] = field(init=False, default_factory=dict)
    _chats: dict[str, str] = field(init=False, default_factory=dict)
    """Of every answer that is being written, by its own id, the chat it is in."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _send(self, command: Command) -> None: ...

    def status(self) -> EngineStatus:
        return self._status

    def capacity(self) -> float:
        return self._status.room

    def is_training(self) -> bool:
        return bool(self._jobs)

    def weigh(self, base: BaseRef) -> Weight:
        (weight,) = self._ask(uuid4().hex, Weigh(base))
        assert isinstance(weight, Weight)
        return weight

    def submit(self, job: Job) -> None:
        self._jobs[job.id] = job
        try:
            self._send(Submit(job))
        except (OSError, EngineError):
            self._forget(job.id)
            raise

    def cancel(self, job_id: str) -> None:
        self._cancelled.add(job_id)
        self._send(Cancel(job_id))

    def finish(self, job_id: str, step: int) -> None:
        # Should the model's half be lost in this moment, it is told again with the job, and where to end.
        if isinstance(job := self._jobs.get(job_id), TrainingJob):
            self._jobs[job_id] = replace(job, last_step=step)
            self._send(Finish(job_id))

    def drive(self, job_id: str) -> Iterator[None]:  # noqa: ARG002  # it works by itself
        yield from ()

    def chat(
        self, chat_id: str, conversations: Sequence[Conversation], sampling: Sampling
    ) -> Iterator[tuple[str, ...]]:
        # There may be two at once of one chat, as after two quick clicks.
        request_id = uuid4().hex
        self._chats[request_id] = chat_id
        begun = time.monotonic()
        try:
            for replies in self._ask(request_id, Chat(tuple(conversations), sampling)):
                yield cast("tuple[str, ...]", replies)
        finally:
            del self._chats[request_id]
            seconds = round(time.monotonic() - begun, 2)
            log.info("A message was answered", extra={"replies": len(conversations), "seconds": seconds})

    def stop_chat(self, chat_id: str) -> None:
        for request_id, of_chat in list(self._chats.items()):
            if of_chat == chat_id:
                self._send(StopAnswering(request_id))

    def pack_bot(
        self, folder: Path, zip_path: Path, name: str, demonstrations: Sequence[Demonstration] = ()
    ) -> None:
        for _ in self._ask(uuid4().hex, PackBot(folder, zip_path, name, tuple(demonstrations))):
            pass

    def open_bot(self, path: Path, folder: Path, pyreft: PyreftFolder | None = None) -> OpenedBot:
        (bot,) = self._ask(uuid4().hex, OpenBot(path, folder, pyreft))
        assert isinstance(bot, OpenedBot)
        return bot

    def preview(self, prompt: str, positions: str) -> tuple[Piece, ...]:
        (pieces,) = self._ask(uuid4().hex, Preview(prompt, positions))
        return cast("tuple[Piece, ...]", pieces)

    def look_whether_untouched(self, bot_folder: Path) -> Untouched:
        (found,) = self._ask(uuid4().hex, LookWhetherUntouched(bot_folder))
        return cast("Untouched", found)

    def receive(self, event: Event) -> None:
        """Take one event from the model's half; called from one thread at a time."""
        match event:
            case EngineStatus():
                self._status = event
            case JobUpdate() if event.state.ended:
                # Before anybody hears of it: they may want to close an engine that has nothing to do.
                # Once it is written down, the checkpoint is of no more use.
                job = self._forget(event.job_id)
                if self._tell(event) and isinstance(job, TrainingJob) and job.checkpoint_file:
                    with suppress(OSError):
                        job.checkpoint_file.unlink(missing_ok=True)
            case JobUpdate():
                self._tell(event)
                if event.places and isinstance(job := self._jobs.get(event.job_id), SearchJob):
                    # Should it have to begin again, it goes on from here.
                    self._jobs[job.id] = replace(job, known=event.places)
            case Answer() | End():
                if inbox := self._inboxes.get(event.id):
                    inbox.put(event)

    def _tell(self, update: JobUpdate) -> bool:
        try:
            self.on_update(update)
            return True
        except StorageError:
            # That was told already, and there may be many of these until there is room.
            return False
        except Exception:
            # Whatever goes wrong at the listener must not end the thread that brings all other answers; the
            # training itself goes on.
            log.exception("An update of a training was not taken", extra={"job": update.job_id})
            return False

    def _forget(self, job_id: str) -> Job | None:
        """What has ended is owed no more."""
        self._cancelled.discard(job_id)
        return self._jobs.pop(job_id, None)

    def lost(self, message: str) -> None:
        """Tell everyone who waits for an answer that the model's half is gone. Trainings are still owed."""
        self._status = EngineStatus(Readiness.STOPPED, message=message)
        for request_id in list(self._inboxes):
            self.receive(End(request_id, message))

    def _ask(self, request_id: str, question: Question) -> Iterator[Value]:
        inbox: SimpleQueue[Answer | End] = SimpleQueue()
        self._inboxes[request_id] = inbox
        event: Answer | End | None = None
        try:
            self._send(Ask(request_id, question))
            while isinstance(event := inbox.get(), Answer):
                yield event.value
        finally:
            del self._inboxes[request_id]
            if not isinstance(event, End):
                self._send(StopAnswering(request_id))
        if event.error:
            raise EngineError(event.error)
