"""The half of an engine with the model in it: trains and chats at the same time, on one copy of the weights.

There are two lanes: one thread that does one training at a time, and threads for everything a person waits
for (chats, bot files), each with a seat of its own (`seats`); a third reckons what other base models would
need. Threads rather than turns, because a reply is generated inside one long call of transformers, and
because torch lets go of the interpreter while it computes. Training and seats hook into the model's modules,
so each has a module tree of its own over the same tensors.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event as Flag

from reft_studio.base_model import BaseModel, load_base_model
from reft_studio.base_ref import BaseRef
from reft_studio.engine.explain import explain_end
from reft_studio.engine.fetching import telling_how_far
from reft_studio.engine.interface import EngineStatus, Job, JobState, JobUpdate, Readiness, SearchJob
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Command,
    End,
    Finish,
    Question,
    Send,
    StopAnswering,
    Submit,
    Weigh,
)
from reft_studio.engine.places import search
from reft_studio.engine.seats import MOST_AT_ONCE, Seats
from reft_studio.engine.work import answer, train
from reft_studio.quantization import Quantization
from reft_studio.weighing import weigh


class Core:
    """Loads a base model, then handles commands; whatever there is to tell goes through `send`."""

    def __init__(self, base_model: str, send: Send, quantization: Quantization | None = None) -> None:
        self._send = send
        self._flags: dict[str, Flag] = {}
        self._finishing: dict[str, Flag] = {}
        self._closing = Flag()
        self._training_lane = ThreadPoolExecutor(1, "training")
        self._waiting_lane = ThreadPoolExecutor(MOST_AT_ONCE, "waiting")
        self._weighing_lane = ThreadPoolExecutor(1, "weighing")
        send(EngineStatus(Readiness.LOADING))
        self._base = self._waiting_lane.submit(self._load, BaseRef(base_model, quantization))
        self._base.add_done_callback(self._report_readiness)
        # Nothing is ever hooked into the base model itself, so that it can be copied at any time.
        self._twin = self._waiting_lane.submit(lambda: self._base.result().twin())
        self._seats = self._waiting_lane.submit(lambda: Seats(self._base.result()))

    def handle(self, command: Command) -> None:
        """Begin what is asked for; returns at once."""
        match command:
            case Submit(job) if job.id not in self._flags:
                self._flags[job.id], self._finishing[job.id] = Flag(), Flag()
                training = self._training_lane.submit(self._train, job)
                training.add_done_callback(lambda done: self._end_job(job, done))
            case Ask(id, question):
                self._flags[id] = Flag()
                if isinstance(question, Weigh):
                    # Whether this base model is loaded or not, and whatever else is to be answered.
                    answering = self._weighing_lane.submit(self._weigh, id, question)
                else:
                    answering = self._waiting_lane.submit(self._answer, id, question)
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
        self._waiting_lane.shutdown(wait=False, cancel_futures=True)
        self._weighing_lane.shutdown(wait=False, cancel_futures=True)
        self._training_lane.shutdown(wait=True, cancel_futures=True)

    def _load(self, base: BaseRef) -> BaseModel:
        with telling_how_far(base, lambda said: self._send(EngineStatus(Readiness.LOADING, message=said))):
            return load_base_model(base.name, quantization=base.quantization)

    def _report_readiness(self, loaded: Future[BaseModel]) -> None:
        if message := explain_end(loaded):
            self._send(EngineStatus(Readiness.FAILED, message=message))
        else:
            base = loaded.result()
            self._send(EngineStatus(Readiness.READY, num_layers=base.num_layers, held=base.held_bytes))

    def _train(self, job: Job) -> None:
        base = self._twin.result()
        stops = self._flags[job.id].is_set, self._closing.is_set
        if isinstance(job, SearchJob):
            updates = search(base, job, *stops)
        else:
            updates = train(base, job, *stops, self._finishing[job.id].is_set)
        for update in updates:
            self._send(update)

    def _end_job(self, job: Job, done: Future[None]) -> None:
        del self._flags[job.id], self._finishing[job.id]
        # What a closing engine leaves undone has not failed: the next one goes on with it.
        if not self._closing.is_set() and (message := explain_end(done)):
            self._send(JobUpdate(job.id, JobState.FAILED, message=message))

    def _answer(self, request_id: str, question: Question) -> None:
        with self._seats.result().taken() as base:
            for value in answer(base, question, self._flags[request_id].is_set):
                self._send(Answer(request_id, value))

    def _weigh(self, request_id: str, question: Weigh) -> None:
        self._send(Answer(request_id, weigh(question.base)))

    def _end_answer(self, request_id: str, done: Future[None]) -> None:
        self._flags.pop(request_id, None)
        self._send(End(request_id, explain_end(done)))
