"""What a bot was asked to score it, what it and the base model replied, and how many replies met the rules.

No torch here: the page shows all of this.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from reft_studio.manifest import Count, Score, Suite


class Side(StrEnum):
    """Who replied."""

    BASE = "base"
    """The base model as it is."""
    INSTRUCTED = "instructed"
    """The base model with a system prompt that asks for what the bot was taught."""
    BOT = "bot"


@dataclass(frozen=True)
class Reply:
    """What one side said, and whether that met the rules."""

    text: str
    right: bool


@dataclass(frozen=True)
class Asked:
    """One question with all replies to it."""

    suite: Suite
    prompts: tuple[str, ...]
    """The messages, of which the last one was scored: one, or two for a second turn."""
    replies: dict[Side, Reply]


@dataclass(frozen=True)
class Report:
    """All that was asked to score a bot."""

    rules: tuple[str, ...]
    instruction: str
    """The system prompt of `Side.INSTRUCTED`; "" if that side was not asked."""
    asked: tuple[Asked, ...]

    @property
    def mistakes(self) -> list[Asked]:
        """Where the bot's reply was not right."""
        return [asked for asked in self.asked if not asked.replies[Side.BOT].right]


@dataclass(frozen=True)
class Untouched:
    """What came of looking whether a base model is as it came."""

    numbers: int | None
    """So many weights were compared with the files; None where they are kept in another form."""
    changed: tuple[str, ...]
    """Tensors that are not as in the files."""
    same_reply: bool
    """Beside a bot the model replies as without it, greedily."""


def score_of(report: Report) -> Score | None:
    """The counts of a report, for the manifest; None if nothing was asked."""
    counts = [_count(suite, [asked for asked in report.asked if asked.suite is suite]) for suite in Suite]
    there = tuple(count for count in counts if count is not None)
    return Score(rules=report.rules, instruction=report.instruction, counts=there) if there else None


def interval(right: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's confidence interval of a share (Wilson 1927, equation 4)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = right / of
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z / (1 + z**2 / of) * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _count(suite: Suite, asked: Sequence[Asked]) -> Count | None:
    if not asked:
        return None
    right = {side: [one.replies[side].right for one in asked if side in one.replies] for side in Side}
    return Count(
        suite=suite,
        of=len(asked),
        base=sum(right[Side.BASE]),
        instructed=sum(right[Side.INSTRUCTED]) if right[Side.INSTRUCTED] else None,
        bot=sum(right[Side.BOT]),
    )
