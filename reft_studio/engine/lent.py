"""An engine for Spaces where a graphics card is lent for one call at a time (ZeroGPU).

Each call is a fork of this process that has the card for a while; what goes in and comes out is pickled, and
whose quota pays is told by the request in which the call is made. So nothing happens in the background: a
training goes on, bit by bit, as long as the page of its owner asks for it (`drive`), and is written down in
between.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reft_studio.engine.client import EngineClient
from reft_studio.engine.interface import (
    EngineStatus,
    JobState,
    JobUpdate,
    OpenedBot,
    Readiness,
    TrainingJob,
)
from reft_studio.engine.messages import Cancel, Chat, Command, End, Question, StopAnswering
from reft_studio.errors import EngineError, StudioError

if TYPE_CHECKING:
    from reft_studio.base_model import BaseModel

SECONDS_LENT = 100
"""For so long a call has the card at most."""
SECONDS_OF_STEPS = 40.0
"""Then a training pauses until it is asked for again."""
SECONDS_OF_SCORING = 40.0
NO_CARD = "No graphics card could be had just now: {reason} Your rows are saved; please try again later."

Work = Callable[..., Iterator[Any]]
Lend = Callable[[Work], Work]

log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class LentEngine(EngineClient):
    """Holds the model in this process, and has each call run where `lend` runs it."""

    lend: Lend = field(kw_only=True)
    _base: "BaseModel | None" = field(init=False, default=None)
    _train: Work = field(init=False)
    _reply: Work = field(init=False)
    _driven: set[str] = field(init=False, default_factory=set)
    _stopped: set[str] = field(init=False, default_factory=set)

    def start(self) -> None:
        from reft_studio.base_model import load_base_model
        from reft_studio.engine.explain import explain
        from reft_studio.engine.work import answer, train

        try:
            base = self._base = load_base_model(self.base_model, quantization=self.quantization)
        except StudioError as error:
            self.receive(EngineStatus(Readiness.FAILED, message=str(error)))
            return
        # Once and for all forks.
        base.digest()

        def train_awhile(job: TrainingJob) -> Iterator[JobUpdate]:
            deadline, state = time.monotonic() + SECONDS_OF_STEPS, JobState.RUNNING

            def should_pause() -> bool:
                return state is JobState.RUNNING and time.monotonic() > deadline

            try:
                for update in train(base, job, lambda: False, should_pause):
                    state = update.state
                    yield update
            except Exception as error:  # noqa: BLE001  # no exception gets out of a fork as it was
                yield JobUpdate(job.id, JobState.FAILED, message=explain(error))

        def reply(question: Question) -> Iterator[tuple[str, ...] | OpenedBot | End]:
            try:
                yield from answer(base, question, lambda: False)
            except Exception as error:  # noqa: BLE001
                yield End("", explain(error))

        self._train, self._reply = self.lend(train_awhile), self.lend(reply)
        self.receive(EngineStatus(Readiness.READY, num_layers=base.num_layers))

    def close(self) -> None:
        self._base = None
        self.lost("The engine was closed.")

    def drive(self, job_id: str) -> Iterator[None]:
        job = self._jobs.get(job_id)
        if job is None or job_id in self._driven:
            return
        self._driven.add(job_id)
        limited = replace(job, max_score_seconds=min(job.max_score_seconds, SECONDS_OF_SCORING))
        try:
            with closing(self._train(limited)) as updates:  # type: ignore[type-var]  # they are generators
                for update in updates:
                    stopped = job_id in self._cancelled and not update.state.ended
                    self.receive(_stopped(update) if stopped else update)
                    if stopped:
                        return
                    yield
        except Exception as error:
            log.exception("Training %s was not lent a graphics card", job_id)
            self.receive(
                JobUpdate(job_id, JobState.INTERRUPTED, message=NO_CARD.format(reason=_ended(error)))
            )
        finally:
            self._driven.discard(job_id)

    def _send(self, command: Command) -> None:
        match command:
            case Cancel(job_id) if job_id in self._jobs and job_id not in self._driven:
                self.receive(JobUpdate(job_id, JobState.CANCELLED))
            case StopAnswering(id):
                self._stopped.add(id)

    def _ask(self, request_id: str, question: Question) -> Iterator[tuple[str, ...] | OpenedBot]:
        if self._base is None:
            raise EngineError(self._status.message)
        from reft_studio.engine.work import answer

        if not isinstance(question, Chat):
            # Files need no card.
            yield from answer(self._base, question, lambda: False)
            return
        try:
            with closing(self._reply(question)) as values:  # type: ignore[type-var]
                for value in values:
                    if isinstance(value, End):
                        raise EngineError(value.error)
                    yield value
                    if request_id in self._stopped:
                        return
        except StudioError:
            raise
        except Exception as error:
            log.exception("A chat was not lent a graphics card")
            raise EngineError(NO_CARD.format(reason=_ended(error))) from error
        finally:
            self._stopped.discard(request_id)


def _stopped(update: JobUpdate) -> JobUpdate:
    """A bot that was only being scored is there all the same."""
    state = JobState.DONE if update.state is JobState.SCORING else JobState.CANCELLED
    return replace(update, state=state, seconds_left=None)


def _ended(error: Exception) -> str:
    """What an exception says, as a sentence."""
    said = str(error).strip() or type(error).__name__
    return said if said[-1] in ".!?" else f"{said}."
