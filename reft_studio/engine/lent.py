"""An engine for Spaces where a graphics card is lent for one call at a time (ZeroGPU).

Each call is a fork of this process that has the card for a while; what goes in and comes out is pickled, and
whose quota pays is told by the request in which the call is made. So nothing happens in the background: a
training goes on, bit by bit, as long as the page of its owner asks for it (`drive`), and is written down in
between. Where no card is to be had, or the page is closed, it waits for the next time.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reft_studio.engine.client import EngineClient
from reft_studio.engine.interface import (
    EngineStatus,
    Job,
    JobState,
    JobUpdate,
    Readiness,
    TrainingJob,
)
from reft_studio.engine.messages import (
    Cancel,
    Chat,
    Command,
    End,
    Finish,
    LookWhetherUntouched,
    Question,
    StopAnswering,
    Submit,
    Value,
)
from reft_studio.errors import EngineError, StudioError

if TYPE_CHECKING:
    from reft_studio.base_model import BaseModel

SECONDS_OF_TRAINING = 100
"""For so long a piece of a training has the card at most; asking for less means less waiting for it."""
SECONDS_OF_CHAT = 30
SECONDS_OF_STEPS = 40.0
"""Then a training pauses until it is asked for again."""
SECONDS_OF_SCORING = 40.0
SECONDS_AFTER_REFUSAL = 15.0
"""Doubled with every further one."""
MOST_SECONDS_AFTER_REFUSAL = 600.0
NO_CARD = "No graphics card could be had just now: {reason} Please try again later."
NO_CARD_YET = (
    "No graphics card could be had just now: {reason} Nothing is lost: the training goes on when there is "
    "one, as long as this page is open."
)

Work = Callable[..., Iterator[Any]]
Lend = Callable[[Work, int], Work]
"""Makes of what is to be done, and for how many seconds at most, something that does it with a card."""

log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class LentEngine(EngineClient):
    """Holds the model in this process, and has each call run where `lend` runs it."""

    lend: Lend = field(kw_only=True)
    _pieces: "dict[str, _Pieces]" = field(init=False, default_factory=dict)
    _base: "BaseModel | None" = field(init=False, default=None)
    _train: Work = field(init=False)
    _reply: Work = field(init=False)
    _stopped: set[str] = field(init=False, default_factory=set)
    _finishing: set[str] = field(init=False, default_factory=set)
    """Trainings that a call is working on which does not yet know that they are to finish."""

    def start(self) -> None:
        from reft_studio.base_model import load_base_model
        from reft_studio.engine.answers import answer
        from reft_studio.engine.explain import explain
        from reft_studio.engine.work import train

        try:
            base = self._base = load_base_model(self.base_model, quantization=self.quantization)
        except StudioError as error:
            self.receive(EngineStatus(Readiness.FAILED, message=str(error)))
            return
        # Once and for all forks.
        base.digest()

        def train_awhile(job: TrainingJob) -> Iterator[JobUpdate]:
            # Counted from the first step, so that every piece gets further.
            deadline, state = math.inf, JobState.RUNNING

            def should_pause() -> bool:
                return state is JobState.RUNNING and time.monotonic() > deadline

            try:
                for update in train(base, job, lambda: False, should_pause, in_pieces=True):
                    deadline, state = min(deadline, time.monotonic() + SECONDS_OF_STEPS), update.state
                    yield update
            except Exception as error:  # noqa: BLE001  # no exception gets out of a fork as it was
                yield JobUpdate(job.id, JobState.FAILED, message=explain(error))

        def reply(question: Question) -> Iterator[Value | End]:
            try:
                yield from answer(base, question, lambda: False)
            except Exception as error:  # noqa: BLE001  # nor from here
                yield End("", explain(error))

        self._train = self.lend(train_awhile, SECONDS_OF_TRAINING)
        self._reply = self.lend(reply, SECONDS_OF_CHAT)
        self.receive(EngineStatus(Readiness.READY, num_layers=base.num_layers, revision=base.revision))

    def close(self) -> None:
        self._base = None
        self.lost("The engine was closed.")

    def capacity(self) -> float:
        # People's own pages drive their trainings: none waits for that of somebody who has left.
        return math.inf

    def drive(self, job_id: str) -> Iterator[None]:
        job, pieces = self._jobs.get(job_id), self._pieces.get(job_id)
        if not isinstance(job, TrainingJob) or pieces is None:
            # Searches take longer than anybody's card is lent for.
            return
        if pieces.driven or time.monotonic() < pieces.not_before:
            return
        pieces.driven = True
        limited = replace(job, max_score_seconds=min(job.max_score_seconds, SECONDS_OF_SCORING))
        try:
            with closing(self._train(limited)) as updates:  # type: ignore[type-var]  # they are generators
                for update in updates:
                    pieces.last, pieces.refusals = update, 0
                    stopped = job_id in self._cancelled and not update.state.ended
                    self.receive(replace(update, state=JobState.CANCELLED) if stopped else update)
                    # A call cannot be told to finish: the next one goes on where this was written down.
                    if stopped or (job_id in self._finishing and update.state is JobState.RUNNING):
                        self._finishing.discard(job_id)
                        return
                    yield
        except Exception as error:
            # What lends cards raises what it likes: an error of Gradio's, of the network, of the card itself.
            log.exception("A training was not lent a graphics card", extra={"job": job_id})
            pieces.refuse()
            message = NO_CARD_YET.format(reason=_reason(error))
            if job_id in self._jobs:
                self.receive(replace(pieces.last, message=message))
        finally:
            pieces.driven = False

    def _send(self, command: Command) -> None:
        match command:
            case Submit(job):
                self._pieces[job.id] = _Pieces(JobUpdate(job.id, JobState.RUNNING))
            case Cancel(job_id) if job_id in self._jobs and not self._pieces[job_id].driven:
                self.receive(replace(self._pieces[job_id].last, state=JobState.CANCELLED))
            case Finish(job_id) if job_id in self._jobs and self._pieces[job_id].driven:
                self._finishing.add(job_id)
            case StopAnswering(id):
                self._stopped.add(id)

    def _ask(self, request_id: str, question: Question) -> Iterator[Value]:
        if self._base is None:
            raise EngineError(self._status.message)
        from reft_studio.engine.answers import answer

        if not isinstance(question, Chat | LookWhetherUntouched):
            # Files and words need no card.
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
            # As above.
            log.exception("A chat was not lent a graphics card")
            raise EngineError(NO_CARD.format(reason=_reason(error))) from error
        finally:
            self._stopped.discard(request_id)

    def _forget(self, job_id: str) -> Job | None:
        self._finishing.discard(job_id)
        self._pieces.pop(job_id, None)
        return super()._forget(job_id)


@dataclass
class _Pieces:
    """How far a training has come piece by piece."""

    last: JobUpdate
    driven: bool = False
    refusals: int = 0
    not_before: float = 0.0
    """By time.monotonic."""

    def refuse(self) -> None:
        """Wait with the next piece, longer each time."""
        wait = min(SECONDS_AFTER_REFUSAL * 2**self.refusals, MOST_SECONDS_AFTER_REFUSAL)
        self.refusals, self.not_before = self.refusals + 1, time.monotonic() + wait


def _reason(error: Exception) -> str:
    """What an exception says, as a sentence; Gradio's may say it with links and the like."""
    said = re.sub(r"<[^>]*>", "", str(getattr(error, "message", error))).strip() or type(error).__name__
    return said if said[-1] in ".!?" else f"{said}."
