"""The half of an engine with the model in it: trains and chats at the same time, on one copy of the weights.

There are lanes: one thread that does one training at a time, threads for chats, each with a seat of its own
(`seats`), and some for what a person waits for that needs no pass of the model (bot files, previews, what
other base models would need). Threads rather than turns, because a reply is generated inside one long call of
transformers, and because torch lets go of the interpreter while it computes. Training and seats hook into the
model's modules, so each has a module tree of its own over the same tensors.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module
from threading import Event as Flag
from typing import Any

from reft_studio.base_model import BaseModel, load_base_model
from reft_studio.base_ref import BaseRef
from reft_studio.engine.answers import answer
from reft_studio.engine.explain import explain_end
from reft_studio.engine.fetching import telling_how_far
from reft_studio.engine.interface import EngineStatus, Job, JobState, JobUpdate, Readiness, SearchJob
from reft_studio.engine.memory import given_back
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Chat,
    Command,
    End,
    Finish,
    LookWhetherUntouched,
    Question,
    Send,
    StopAnswering,
    Submit,
    Value,
    Weigh,
)
from reft_studio.engine.seats import SECONDS_BETWEEN_LOOKS, Seats
from reft_studio.quantization import Quantization
from reft_studio.weighing import weigh

MOST_CHATS = 256
"""Those that wait for a seat too."""


class Core:
    """Loads a base model, then handles commands; whatever there is to tell goes through `send`."""

    def __init__(self, base_model: str, send: Send, quantization: Quantization | None = None) -> None:
        self._send = send
        self._flags: dict[str, Flag] = {}
        self._finishing: dict[str, Flag] = {}
        self._closing = Flag()
        self._training_lane = ThreadPoolExecutor(1, "training")
        # Most of them wait for a seat.
        self._chat_lane = ThreadPoolExecutor(MOST_CHATS, "chat")
        self._file_lane = ThreadPoolExecutor(4, "file")
        self._weighing_lane = ThreadPoolExecutor(1, "weighing")
        send(EngineStatus(Readiness.LOADING))
        self._base = self._file_lane.submit(self._load, BaseRef(base_model, quantization))
        self._base.add_done_callback(self._report_readiness)
        # Nothing is ever hooked into the base model itself, so that it can be copied at any time.
        self._twin = self._file_lane.submit(lambda: self._base.result().twin())
        self._seats = self._file_lane.submit(lambda: Seats(self._base.result()))
        self._file_lane.submit(self._prepare_training)

    def handle(self, command: Command) -> None:
        """Begin what is asked for; returns at once."""
        match command:
            case Submit(job) if job.id not in self._flags:
                stop, finish = self._flags[job.id], self._finishing[job.id] = Flag(), Flag()
                training = self._training_lane.submit(self._train, job, stop, finish)
                training.add_done_callback(lambda done: self._end_job(job, stop, done))
            case Ask(id, question):
                self._flags[id] = Flag()
                if isinstance(question, Weigh):
                    # Whether this base model is loaded or not, and whatever else is to be answered.
                    answering = self._weighing_lane.submit(self._weigh, id, question)
                elif isinstance(question, Chat | LookWhetherUntouched):
                    answering = self._chat_lane.submit(self._answer_seated, id, question)
                else:
                    answering = self._file_lane.submit(self._answer, id, question)
                answering.add_done_callback(lambda done: self._end_answer(id, done))
            case Finish(id):
                if flag := self._finishing.get(id):
                    flag.set()
            case Cancel(id) | StopAnswering(id):
                if flag := self._flags.get(id):
                    flag.set()

    def close(self) -> None:
        """Stop what runs at its next step; trainings are written down, to be gone on with."""
        self._closing.set()
        for flag in list(self._flags.values()):
            flag.set()
        # First the lane that a training may wait for: a model that loads slowly is not waited for.
        for lane in (self._file_lane, self._chat_lane, self._weighing_lane):
            lane.shutdown(wait=False, cancel_futures=True)
        self._training_lane.shutdown(wait=True, cancel_futures=True)

    def _load(self, base: BaseRef) -> BaseModel:
        with telling_how_far(base, lambda said: self._send(EngineStatus(Readiness.LOADING, message=said))):
            return load_base_model(base.name, quantization=base.quantization)

    def _report_readiness(self, loaded: Future[BaseModel]) -> None:
        if message := explain_end(loaded):
            self._send(EngineStatus(Readiness.FAILED, message=message))
        else:
            base = loaded.result()
            self._send(EngineStatus(Readiness.READY, base.num_layers, base.revision, held=base.held_bytes))

    def _prepare_training(self) -> None:
        """Import what only trainings need: chats should not wait for it, and the first training neither."""
        self._base.result()
        import_module("reft_studio.engine.work")
        import_module("reft_studio.engine.places")

    def _train(self, job: Job, stop: Flag, finish: Flag) -> None:
        with given_back(with_cycles=True):
            for update in self._updates(job, stop, finish):
                if update.state.ended:
                    # Whoever hears of it may want more of it at once, such as another score.
                    self._forget(job, stop)
                self._send(update)

    def _updates(self, job: Job, stop: Flag, finish: Flag) -> Iterator[JobUpdate]:
        stops = stop.is_set, self._closing.is_set
        if not _is_there(self._twin, stop.is_set):
            if not self._closing.is_set():
                yield JobUpdate(job.id, JobState.CANCELLED)
            return
        base = self._twin.result()
        from reft_studio.engine.places import search
        from reft_studio.engine.work import train

        if isinstance(job, SearchJob):
            yield from search(base, job, *stops)
        else:
            yield from train(base, job, *stops, finish.is_set)

    def _forget(self, job: Job, stop: Flag) -> None:
        """Unless it is there anew."""
        if self._flags.get(job.id) is stop:
            del self._flags[job.id], self._finishing[job.id]

    def _end_job(self, job: Job, stop: Flag, done: Future[None]) -> None:
        self._forget(job, stop)
        # What a closing engine leaves undone has not failed: the next one goes on with it.
        if not self._closing.is_set() and (message := explain_end(done)):
            self._send(JobUpdate(job.id, JobState.FAILED, message=message))

    def _answer_seated(self, request_id: str, question: Chat | LookWhetherUntouched) -> None:
        should_stop = self._flags[request_id].is_set
        if not _is_there(self._seats, should_stop):
            self._tell(request_id, _nothing(question))
            return
        with self._seats.result().taken(should_stop) as seat, given_back():
            self._tell(request_id, answer(seat, question, should_stop) if seat else _nothing(question))

    def _answer(self, request_id: str, question: Question) -> None:
        self._tell(request_id, answer(self._base.result(), question, self._flags[request_id].is_set))

    def _tell(self, request_id: str, values: Iterator[Value]) -> None:
        for value in values:
            self._send(Answer(request_id, value))

    def _weigh(self, request_id: str, question: Weigh) -> None:
        self._send(Answer(request_id, weigh(question.base)))

    def _end_answer(self, request_id: str, done: Future[None]) -> None:
        self._flags.pop(request_id, None)
        self._send(End(request_id, explain_end(done)))


def _is_there(model: Future[Any], should_stop: Callable[[], bool]) -> bool:
    """Wait for it, or until nobody asks for it any more: it may be on its way for long."""
    while not wait([model], SECONDS_BETWEEN_LOOKS).done:
        if should_stop():
            return False
    return True


def _nothing(question: Question) -> Iterator[Value]:
    """What is said to somebody who has given up waiting; in a chat that is something."""
    if isinstance(question, Chat):
        yield ("",) * len(question.conversations)
