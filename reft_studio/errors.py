"""What can go wrong through no fault of ours, told in words for people who do not program.

    StudioError
    ├── DemonstrationsError   the table of prompts and replies, with row and column
    ├── ProjectError          a project that is not there any more
    ├── RecipeError           a setting of the training, with its name
    ├── RuleError             a rule by which right replies are to be told from wrong ones
    ├── BaseModelError        the chat model cannot be found or used
    ├── BotError              a folder or zip that is not a bot, or a bot for another base model
    ├── TrainingError         a training that cannot go on
    │   └── UnstableError     its loss is no longer a number
    ├── ChatError             a message that cannot be answered
    ├── EngineError           the process that trains and chats
    │   └── NoRoomYetError    another base model is at work and needs the memory
    ├── StorageError          a full disk, or more on it than one person gets
    ├── ShareError            the Hub says no, or cannot be reached
    └── RateError             more within an hour than a shared app gives one person

Every message says what is wrong, where, and what to do next. Our own mistakes are not `StudioError`s:
they crash with a traceback.
"""

from typing import Any


class StudioError(Exception):
    """The common parent; the page shows its message as it stands."""


class DemonstrationsError(StudioError):
    """A table of demonstrations that cannot be read or trained on."""


class ProjectError(StudioError):
    """A project that was deleted."""


class RecipeError(StudioError):
    """A training setting that is out of range or unknown."""


class RuleError(StudioError):
    """A rule that says nothing one can check."""


class BaseModelError(StudioError):
    """A base model that cannot be found, fetched or used."""


class BotError(StudioError):
    """Something that is not a bot, or not a bot for this base model."""


class TrainingError(StudioError):
    """A training that cannot go on."""


class UnstableError(TrainingError):
    """A training whose loss or gradient is no longer a number."""

    bot: Any = None
    """The `Bot` as it was before, from `train_bot`, if it had learned anything."""


class ChatError(StudioError):
    """A message that cannot be answered."""


class EngineError(StudioError):
    """The process that trains and chats is not there or did not answer."""


class NoRoomYetError(EngineError):
    """A base model has to wait until another one is not needed any more."""


class StorageError(StudioError):
    """The disk is full, or somebody has as much on it as one person gets."""


class ShareError(StudioError):
    """The Hub refused something or could not be reached."""


class RateError(StudioError):
    """Somebody asks for more within an hour than a shared app gives one person."""
