"""What travels between the page's half of an engine (`client`) and the half with the model (`core`)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
)
from reft_studio.fit import Weight
from reft_studio.positions import Piece
from reft_studio.score import Untouched


@dataclass(frozen=True)
class Submit:
    """Train a bot, or search the best place for it."""

    job: Job


@dataclass(frozen=True)
class Cancel:
    """Stop a training."""

    job_id: str


@dataclass(frozen=True)
class Finish:
    """End a training and keep what it has learned."""

    job_id: str


@dataclass(frozen=True)
class Chat:
    """Answered by growing tuples of replies."""

    conversations: tuple[Conversation, ...]
    sampling: Sampling


@dataclass(frozen=True)
class PackBot:
    """Answered by nothing but its end."""

    folder: Path
    zip_path: Path
    name: str
    demonstrations: tuple[Demonstration, ...]


@dataclass(frozen=True)
class OpenBot:
    """Answered by one `OpenedBot`."""

    path: Path
    folder: Path
    pyreft: PyreftFolder | None


@dataclass(frozen=True)
class Preview:
    """Answered by one tuple of `Piece`s."""

    prompt: str
    positions: str


@dataclass(frozen=True)
class LookWhetherUntouched:
    """Answered by one `Untouched`."""

    bot_folder: Path


@dataclass(frozen=True)
class Weigh:
    """Answered by one `Weight`, whatever the engine's own base model is doing."""

    base: BaseRef


Question = Chat | PackBot | OpenBot | Preview | LookWhetherUntouched | Weigh
Value = tuple[str, ...] | OpenedBot | tuple[Piece, ...] | Untouched | Weight


@dataclass(frozen=True)
class Ask:
    """A question that is answered by any number of `Answer`s and one `End`, all with its id."""

    id: str
    question: Question


@dataclass(frozen=True)
class StopAnswering:
    """The asker has heard enough."""

    id: str


Command = Submit | Cancel | Finish | Ask | StopAnswering


@dataclass(frozen=True)
class Answer:
    """One of several, or the only one."""

    id: str
    value: Value


@dataclass(frozen=True)
class End:
    """Nothing more is answered; with an error if the question could not be."""

    id: str
    error: str = ""


@dataclass(frozen=True)
class Beat:
    """A sign of life, and nothing more."""


Event = EngineStatus | JobUpdate | Answer | End
Send = Callable[[Event], None]

OUR_MISTAKE = "Something went wrong on our side. The details are in the log of the app. Please try again."
"""Said where an exception is not the person's doing; the traceback goes to the log."""
