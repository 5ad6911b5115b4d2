"""What a training tells while it runs. No torch here: the page reads these too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Started:
    """The demonstrations are tokenised and the first step begins."""

    total_steps: int
    learned: int
    """How many numbers are learned; pyreft calls them trainable parameters."""
    parameters: int
    """How many the base model has, which stay as they are."""
    slow_because: str | None = None
    """Why every step takes the whole forward pass, if it does: this model allows no stored prefix."""
    short_rows: tuple[str, ...] = ()
    """The prompts of rows that have fewer tokens than the recipe edits: all that they have are edited."""
    has_template: bool = True
    """Whether the model has a chat template of its own; else it is asked in a plain form."""


@dataclass(frozen=True)
class Step:
    """One optimizer step is done."""

    step: int
    """1 for the first."""
    epoch: int
    """1 for the first."""
    loss: float
    """Mean cross-entropy per reply token of this batch, in nats, before the step."""
    seconds_left: float


@dataclass(frozen=True)
class Finished:
    """The last event: the bot is trained."""


Event = Started | Step | Finished
