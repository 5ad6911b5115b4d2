"""The moments of a training: how the bot was after 5, 10, 20, … epochs, and which of them is the best.

A bot that learns for long knows its rows by heart and does worse with everything else. So the app keeps it as
it is at some moments, judges each by the same few prompts that are in no row, and takes the best for the bot.
(`train_bot` and the terminal do what the recipe says, to its last epoch.) No torch here: the page reads these
too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

FIRST = 5
"""The first moment, in epochs; each later one comes after twice as many. Earlier in short trainings."""
LAST_PART = 0.75
"""A moment as late as this is as good as the end."""
NEAR = 0.85
"""Replies with so much in common, of 1, are the same but for details: in order, by characters."""
COMPARED = 200
"""Characters of both: replies are cut after some length, and what begins alike for so long is alike."""
CLEAR = 1 / 6
"""A difference of so many of the replies is no accident any more."""
MANY = 1 / 4
"""A bot that copies so many of its replies parrots."""
PATIENCE = 2
"""After so many moments that brought nothing better, no better one is expected."""


@dataclass(frozen=True)
class Sample:
    """What the base model and the bot, as far as it has learned, say to a prompt that is in no row."""

    prompt: str
    base: str
    bot: str


@dataclass(frozen=True)
class Moment:
    """What came of asking a bot as it was after some epochs."""

    epoch: int
    asked: int = 0
    right: int | None = None
    """So many replies met the rules and were no copies; None where there are no rules."""
    copied: int = 0
    """So many replies nearly were those of a row."""
    samples: tuple[Sample, ...] = ()
    of: int = 0
    """So many epochs the training was to have."""

    @property
    def own(self) -> int:
        """How many replies count: the right ones, or, where nobody says what is right, all but copies."""
        return self.asked - self.copied if self.right is None else self.right


class Stage(StrEnum):
    """What there is to say about a moment."""

    LEARNING = "learning"
    """A later moment is clearly better, or not even half of the replies are right."""
    GOOD = "good"
    PAST = "past"
    """An earlier moment was clearly better."""
    PARROTING = "parroting"
    """Many replies are near copies of those in the rows."""


def schedule(epochs: int) -> tuple[int, ...]:
    """After which epochs of a training there is a moment; its end is always one."""
    epoch, found = min(FIRST, max(1, epochs // 4)), []
    while epoch < LAST_PART * epochs:
        found.append(epoch)
        epoch *= 2
    return (*found, epochs)


def copies(replies: Sequence[str], learned: Sequence[str]) -> list[bool]:
    """Whether each reply nearly is one of a row.

    What several rows say nearly the same way is a manner that is meant to be taken on, such as "I cannot talk
    about that", and no reply is a copy for having it.
    """
    rows = [reply.strip()[:COMPARED] for reply in learned]
    # A row is near to itself, too.
    return [
        any(len(_near(found, rows)) == 1 for found in _near(reply.strip()[:COMPARED], rows))
        for reply in replies
    ]


def stage(moment: Moment, moments: Sequence[Moment]) -> Stage | None:
    """What to say of one of these moments; None where there are no rules and it says nothing by heart."""
    if _parrots(moment):
        return Stage.PARROTING
    if moment.right is None:
        return None
    if any(_is_clearly_better(other, moment) for other in moments if other.epoch < moment.epoch):
        return Stage.PAST
    if 2 * moment.right < moment.asked:
        return Stage.LEARNING
    later = any(_is_clearly_better(other, moment) for other in moments if other.epoch > moment.epoch)
    return Stage.LEARNING if later else Stage.GOOD


def best(moments: Sequence[Moment]) -> Moment:
    """The latest that none is clearly better than: it has learned most, and a reply more or less is chance.

    One that parrots is taken only where the one with the most replies that count parrots, too.
    """
    most = max(moments, key=lambda moment: moment.own)
    as_good = [moment for moment in moments if not _is_clearly_better(most, moment)]
    return max(
        (moment for moment in as_good if _parrots(most) or not _parrots(moment)),
        key=lambda moment: moment.epoch,
    )


def has_settled(moments: Sequence[Moment]) -> bool:
    """Whether the bot is good, and the last moments in order brought nothing better."""
    if any(moment.right is None for moment in moments):
        return False
    earlier = [moment.own for moment in moments[:-PATIENCE]]
    enough = bool(earlier) and 2 * max(earlier) >= moments[-1].asked
    return enough and max(earlier) >= max(moment.own for moment in moments[-PATIENCE:])


def _parrots(moment: Moment) -> bool:
    return moment.copied > 0 and moment.copied >= MANY * moment.asked


def _is_clearly_better(one: Moment, other: Moment) -> bool:
    return one.own - other.own >= max(1, CLEAR * other.asked)


def _near(reply: str, rows: Sequence[str]) -> list[str]:
    """Those of the rows that are the same but for details."""
    matcher = SequenceMatcher(None, "", reply, autojunk=False)
    found = []
    for row in rows:
        matcher.set_seq1(row)
        # From the cheapest bound to the ratio itself.
        if matcher.real_quick_ratio() >= NEAR and matcher.quick_ratio() >= NEAR and matcher.ratio() >= NEAR:
            found.append(row)
    return found
