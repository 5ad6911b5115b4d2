"""Which layer, positions and rank suit some rows best: a grid of them is tried, the hopeless not for long.

Each place is trained for a third of its steps and judged by what its bot does with what it has not learned.
The best third goes on to the end and is judged again, more thoroughly: successive halving (arXiv 1502.07943)
in two rounds. A place's bot is, bit for bit, the one that a training by its recipe alone gives: only what is
the same for all of them is shared, and what goes on goes on where it was.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import DemonstrationsError, TrainingError
from reft_studio.intervention import build_interventions
from reft_studio.lora_layers import applied_lora
from reft_studio.positions import parse_positions
from reft_studio.recipe import Recipe
from reft_studio.train.events import Step
from reft_studio.train.loop import Training, choose_path
from reft_studio.train.passes import Passes
from reft_studio.train.places import Grid, Measure, Place, PlaceMap, Tried
from reft_studio.train.reference import Reference
from reft_studio.train.start import Path

FIRST_PART = 1 / 3
"""Of its steps, after which a place is judged for the first time."""
KEPT = 1 / 3
"""Of the places, the best ones go on."""
TOGETHER = 4
"""So many bots are judged at once."""
LEFT_OUT, LEAST_LEFT_OUT = 4, 2
"""Every fourth row is left out to judge by its loss, and two of them at least."""


class Judge(Protocol):
    """Tells good bots from bad ones by what they have not learned."""

    @property
    def measure(self) -> Measure:
        """What its numbers are."""

    def size(self, thoroughly: bool) -> int:
        """How many prompts or rows it looks at."""

    def judge(self, bots: Sequence[Bot], thoroughly: bool) -> list[float]:
        """One number for each bot; none at all if it was told to stop."""


@dataclass(frozen=True)
class Searching:
    """The one event of a search: what is known by now, so that the latest one says it all."""

    map: PlaceMap
    done: int
    """Verdicts so far, those that were known before too."""
    of: int
    """How many there will be."""
    seconds_left: float | None
    """None as long as that cannot be told."""


class Search:
    """Tries the places of a grid on the same rows; `changes` are those of their recipes, wherever they edit.

    What is `known` of places, from the same search before it was interrupted, is not found out again.
    """

    def __init__(
        self,
        base: BaseModel,
        rows: Passes,
        judge: Judge,
        grid: Grid,
        changes: dict[str, Any],
        known: Sequence[Tried] = (),
    ) -> None:
        self._base, self._rows, self._judge, self._changes = base, rows, judge, changes
        self._trainings: dict[Place, Training] = {}
        steps = self.training(grid.usual).total_steps
        self._map = PlaceMap(grid, judge.measure, steps, tuple(known))
        self._steps, self._replies = _Pace(), _Pace()
        self._rounds: tuple[int, ...] = ()
        self._verdicts = 0

    def events(self) -> Iterator[Searching]:
        """Try place by place; to cancel, stop iterating. Raises RecipeError."""
        places, total = self._map.grid.places(), self._map.total_steps
        first, going_on = math.ceil(FIRST_PART * total), math.ceil(KEPT * len(places))
        self._rounds, self._verdicts = (first, total), len(places) + going_on * (first < total)
        self._steps.later = going_on * (total - first)
        self._replies.later = going_on * self._judge.size(True)
        yield from self._round(places, first)
        if not all(map(self._map.at, places)):
            return
        self._steps.later = self._replies.later = 0
        chosen = {self._map.grid.usual, *(tried.place for tried in self._map.promising[:going_on])}
        self._trainings = {place: t for place, t in self._trainings.items() if place in chosen}
        self._verdicts = len(places) + len(chosen) * (first < total)
        yield from self._round([place for place in places if place in chosen], total)

    def training(self, place: Place) -> Training:
        """That of one place, as far as it has come."""
        if place not in self._trainings:
            where = {"layers": (place.layer,), "positions": place.positions, "rank": place.rank}
            recipe = Recipe.for_model(self._base.num_layers, self._base.width, **(self._changes | where))
            self._trainings[place] = Training(self._base, self._rows.rows, recipe, shared=self._rows)
        return self._trainings[place]

    def _round(self, places: Sequence[Place], steps: int) -> Iterator[Searching]:
        """Train and judge those that have not come so far."""
        thoroughly = steps == self._map.total_steps
        due = [place for place in places if not _is_known(self._map.at(place), steps)]
        size = self._judge.size(thoroughly)
        self._steps.now = sum(steps - self._steps_of(place) for place in due)
        self._replies.now = len(due) * size
        yield self._progress()
        for start in range(0, len(due), TOGETHER):
            together = []
            for place in due[start : start + TOGETHER]:
                try:
                    yield from self._train(place, steps)
                    together.append(place)
                except TrainingError:
                    # Its loss is lost: that says enough of this place, and nothing of the others.
                    self._map = self._map.with_([Tried(place, steps, 0.0, 0.0, 0)])
            bots = [self.training(place).bot() for place in together]
            with self._replies.work(len(together) * size):
                values = self._judge.judge(bots, thoroughly)
            if len(values) < len(together):
                return
            found = zip(together, values, strict=True)
            self._map = self._map.with_(
                [Tried(place, steps, self.training(place).losses[-1], value, size) for place, value in found]
            )
            yield self._progress()

    def _train(self, place: Place, steps: int) -> Iterator[Searching]:
        training = self.training(place)
        events = training.events()
        while len(training.losses) < steps:
            # The first step comes after what is computed once.
            with self._steps.work(1):
                while not isinstance(next(events), Step):
                    pass
            yield self._progress()

    def _steps_of(self, place: Place) -> int:
        return len(self._trainings[place].losses) if place in self._trainings else 0

    def _progress(self) -> Searching:
        # After the same number of steps there is one verdict, though it may be of two rounds.
        done = sum(tried.steps >= steps for tried in self._map.tried for steps in set(self._rounds))
        known = self._steps.seconds_left, self._replies.seconds_left
        left = None if None in known else sum(filter(None, known))
        return Searching(self._map, done, self._verdicts, left)


class _Pace:
    """How long one kind of work takes, and how much of it is left."""

    def __init__(self) -> None:
        self.now = self.later = 0
        """Pieces left in this round, and in the next one."""
        self.spent, self._done = 0.0, 0

    @contextmanager
    def work(self, pieces: int) -> Iterator[None]:
        """The block does so many of them."""
        begun = time.monotonic()
        yield
        self.spent += time.monotonic() - begun
        self.now, self._done = self.now - pieces, self._done + pieces

    @property
    def seconds_left(self) -> float | None:
        """None as long as nothing was done."""
        left = self.now + self.later
        return left * self.spent / self._done if self._done else None if left else 0.0


class ByLoss:
    """Judges by rows that were left out, where there are no rules."""

    measure = Measure.LOSS

    def __init__(self, base: BaseModel, left_out: Passes) -> None:
        self._base, self._left_out = base, left_out

    def size(self, thoroughly: bool) -> int:  # noqa: ARG002  # it takes no time worth saving
        """All of them."""
        return len(self._left_out.rows)

    def judge(self, bots: Sequence[Bot], thoroughly: bool) -> list[float]:  # noqa: ARG002
        """The mean cross-entropy per reply token, in nats."""
        return [held_out_loss(self._base, bot, self._left_out) for bot in bots]


@torch.no_grad()
def held_out_loss(base: BaseModel, bot: Bot, rows: Passes) -> float:
    """The mean cross-entropy per reply token of rows that a bot need not know, in nats."""
    recipe = bot.manifest.recipe
    interventions = build_interventions(recipe, base.width)
    for site, intervention in interventions.items():
        intervention.start_from(bot.weights[site])
        intervention.to(base.device).eval()
    examples = rows.examples(parse_positions(recipe.positions))
    path: Path = Reference(base, examples, interventions)
    if not bot.lora:
        path, _ = choose_path(base, examples, interventions, recipe.batch_size, rows)
    loss = 0.0
    for batch in torch.split(torch.arange(len(examples)), recipe.batch_size):
        with applied_lora(base, [bot.lora] * len(batch)):
            loss += path.loss(batch.tolist()).item()
    return loss / sum(len(example.reply_ids) for example in examples)


def leave_out(rows: Sequence[Demonstration]) -> tuple[list[Demonstration], list[Demonstration]]:
    """Rows to learn from, and every fourth to judge by; raises DemonstrationsError if that leaves too few."""
    left_out = list(rows[LEFT_OUT - 1 :: LEFT_OUT])
    if len(left_out) < LEAST_LEFT_OUT:
        raise DemonstrationsError(
            f"There are {len(rows)} rows and no rule for a right reply. Without one, every fourth row is "
            "left out to tell good places from bad ones, which takes "
            f"{LEFT_OUT * LEAST_LEFT_OUT} rows at least. "
            'Write more rows, or say what makes an answer right under "How your bot is scored".'
        )
    return [row for row in rows if row not in left_out], left_out


def _is_known(tried: Tried | None, steps: int) -> bool:
    return tried is not None and (tried.steps >= steps or not tried.of)
