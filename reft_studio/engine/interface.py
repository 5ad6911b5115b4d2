"""What the page asks of an engine and what comes back. No torch here: the page reads all of this."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from reft_studio.base_ref import BaseRef
from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration, Limits
from reft_studio.fit import Weight
from reft_studio.moments import Moment, Sample
from reft_studio.positions import Piece
from reft_studio.prompts import Message
from reft_studio.score import Report, Untouched
from reft_studio.train.places import PlaceMap


class JobState(StrEnum):
    """Where a training stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SCORING = "scoring"
    """The bot is saved and can be talked to; it is being asked what it has never seen."""
    FINISHING = "finishing"
    """It is to end now and to keep what it has learned."""
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)


@dataclass(frozen=True)
class TrainingJob:
    """One click on Train."""

    id: str
    name: str
    demonstrations: tuple[Demonstration, ...]
    bot_folder: Path
    """Where the bot is saved when it is done."""
    base: BaseRef = field(default_factory=BaseRef, kw_only=True)
    """The base model, and so the engine, that it is for."""
    recipe_changes: dict[str, Any] = field(default_factory=dict)
    """Fields of `Recipe` that differ from the default for the base model."""
    probes: tuple[str, ...] = ()
    """Unseen prompts whose greedy replies are stored with the bot."""
    rules: tuple[str, ...] = ()
    """By which its replies are scored; without any it is not scored."""
    instruction: str = ""
    """The system prompt for the base model that the bot is compared with; "" for none."""
    start_from: Path | None = None
    """The folder of a bot to go on from, which has learned by the same form of recipe."""
    limits: Limits = field(default_factory=Limits)
    max_seconds: float = math.inf
    """After so long, interruptions not counted, the training ends and keeps what it has learned."""
    max_score_seconds: float = math.inf
    """After so long the score is what it is until then."""
    checkpoint_file: Path | None = None
    """Where the training is written down from time to time; if the file is there, it goes on from it."""
    moments_folder: Path | None = None
    """Where the bot is kept as it was at the moments of the training, each in a folder named by its epoch."""
    stop_early: bool = False
    """End when the answers to unseen prompts have stopped getting better."""
    last_step: int | None = None
    """End after this step, or at once if that many were taken."""
    keep: "JobUpdate | None" = None
    """Do not train: make the moment that is `kept` there the bot. The rest is told on unchanged."""


@dataclass(frozen=True)
class SearchJob:
    """One click on "find the best place": what the rows are like, and by what places are compared."""

    id: str
    demonstrations: tuple[Demonstration, ...]
    base: BaseRef = field(default_factory=BaseRef, kw_only=True)
    """The base model, and so the engine, that it is for."""
    recipe_changes: dict[str, Any] = field(default_factory=dict)
    """Fields of `Recipe` that differ from the default for the base model; those of a place are not used."""
    rules: tuple[str, ...] = ()
    """By which replies are judged; without any, rows are left out to judge by."""
    known: PlaceMap | None = None
    """What is known already, if the search was interrupted."""
    limits: Limits = field(default_factory=Limits)
    max_rank: int = 256
    max_seconds: float = math.inf
    """After so long the search ends, as soon as it has found anything, and keeps that."""


Job = TrainingJob | SearchJob
"""What is done one after the other, however long that takes."""


@dataclass(frozen=True)
class JobUpdate:
    """All there is to know about a job, so that the latest update makes older ones superfluous."""

    job_id: str
    state: JobState
    step: int = 0
    total_steps: int = 0
    losses: tuple[float, ...] = ()
    """One per step so far."""
    seconds_left: float | None = None
    message: str = ""
    """Why the job failed or was interrupted, and what to do; else what is worth knowing about it."""
    samples: tuple[Sample, ...] = ()
    moments: tuple[Moment, ...] = ()
    """Those of which something is known."""
    kept: int | None = None
    """The epoch of the moment that is the bot."""
    report: Report | None = None
    """What the score is made of; comes once, with the end."""
    places: PlaceMap | None = None
    """What a search has found."""


@dataclass(frozen=True)
class Conversation:
    """Messages ending with the prompt to answer, and the bot that answers; None is the plain base model."""

    messages: tuple[Message, ...]
    bot_folder: Path | None = None
    system_prompt: str = ""
    """For the base model."""
    strength: float = 1.0
    """Of the bot: 0 is the base model, 1 the bot as it was trained."""
    beside: tuple[tuple[Path, float], ...] = ()
    """The folders of bots that are mixed with it, each with its strength."""


@dataclass(frozen=True)
class OpenedBot:
    """What the page shows of a bot that came from elsewhere."""

    name: str
    probes: tuple[str, ...]
    instruction: str = ""
    """The system prompt of its score."""


@dataclass(frozen=True)
class PyreftFolder:
    """What a bot that pyreft saved does not say of itself."""

    positions: str
    name: str
    base: BaseRef = field(default_factory=BaseRef)


class Readiness(StrEnum):
    """Whether an engine can work."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class EngineStatus:
    """How the base model is doing."""

    readiness: Readiness
    num_layers: int | None = None
    revision: str | None = None
    """The commit on the Hub that is loaded; known when it is ready."""
    message: str = ""
    """Why the base model could not be loaded, or how far it has got."""
    held: int = 0
    """Bytes of memory that come back when the engine is closed; known when it is ready."""
    room: int = 1
    """How many trainings it works on at the same time."""


class Engine(Protocol):
    """Owns the only copy of one base model. Every method may be called from any thread."""

    def start(self) -> None:
        """Begin to load the base model; returns at once."""

    def status(self) -> EngineStatus:
        """How the base model is doing."""

    def capacity(self) -> float:
        """How many trainings it works on at the same time; infinity where that is for others to limit."""

    def is_training(self) -> bool:
        """Whether there are jobs that have not ended."""

    def weigh(self, base: BaseRef) -> Weight:
        """What any base model needs of the machine that this engine works on; raises StudioError.

        Its configuration is fetched for it, nothing big.
        """

    def submit(self, job: Job) -> None:
        """Put a training or a search in the queue; returns at once, and `JobUpdate`s tell the rest."""

    def cancel(self, job_id: str) -> None:
        """Ask a training to stop after the step it is in."""

    def finish(self, job_id: str, step: int) -> None:
        """Ask a training that is at this step to end after the step it is in and keep what it has learned."""

    def drive(self, job_id: str) -> Iterator[None]:
        """Work on a training for a while, where that happens only when it is asked for; else nothing."""

    def chat(
        self, chat_id: str, conversations: Sequence[Conversation], sampling: Sampling
    ) -> Iterator[tuple[str, ...]]:
        """Growing replies, one per conversation; raises StudioError. Closing the iterator stops them."""

    def stop_chat(self, chat_id: str) -> None:
        """End a running chat early; its iterator ends with what was said so far."""

    def pack_bot(
        self, folder: Path, zip_path: Path, name: str, demonstrations: Sequence[Demonstration] = ()
    ) -> None:
        """Write a saved bot to a zip under the given name; raises StudioError."""

    def preview(self, prompt: str, positions: str) -> tuple[Piece, ...]:
        """A prompt as the model reads it, with what is edited at these positions; raises StudioError."""

    def look_whether_untouched(self, bot_folder: Path) -> Untouched:
        """Whether the base model is as it came, also beside this bot; raises StudioError."""

    def open_bot(self, path: Path, folder: Path, pyreft: PyreftFolder | None = None) -> OpenedBot:
        """Check a bot's zip or folder, also against the base model, and save it; raises StudioError.

        With `pyreft`, the folder is one that pyreft has saved.
        """

    def close(self) -> None:
        """Stop working and free the base model."""
