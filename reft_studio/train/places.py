"""Where in a model a bot may be edited, which of these places are tried, and how each did.

No torch here: the page draws this.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Self

from reft_studio.recipe import Recipe, default_layer

DEPTHS = 8
"""So many layers of a deep model are tried, one in each eighth of it; of a shallow one all."""
POSITIONS = ("l1", "f1+l1", "l3")
RANKS = (4, 16)


@dataclass(frozen=True)
class Place:
    """The part of a recipe that a grid varies."""

    layer: int
    positions: str
    rank: int


@dataclass(frozen=True)
class Grid:
    """Every layer with every position and every rank."""

    layers: tuple[int, ...]
    positions: tuple[str, ...]
    ranks: tuple[int, ...]
    usual: Place
    """What is taken where nobody chooses; it is always tried to the end, to compare with."""

    @classmethod
    def for_model(cls, num_layers: int, most_rank: int) -> Self:
        """The grid for a model of `num_layers` blocks, with the usual place in it."""
        usual = Place(
            default_layer(num_layers),
            Recipe.model_fields["positions"].default,
            min(Recipe.model_fields["rank"].default, most_rank),
        )
        layers = sorted({depth * num_layers // DEPTHS for depth in range(DEPTHS)})
        ranks = sorted({min(rank, most_rank) for rank in RANKS})
        return cls(tuple(layers), POSITIONS, tuple(ranks), usual)

    def places(self) -> list[Place]:
        """All of them."""
        return [Place(*place) for place in product(self.layers, self.positions, self.ranks)]


class Measure(StrEnum):
    """What tells a good place from a bad one."""

    RIGHT = "right"
    """Replies to prompts that are in no row, of which as many as possible should meet the rules."""
    LOSS = "loss"
    """Cross-entropy of rows that were left out, which should be as low as possible."""


@dataclass(frozen=True)
class Tried:
    """How far a place has come."""

    place: Place
    steps: int
    """Of its training."""
    loss: float
    """Of the rows it learns from, in its last step."""
    value: float
    """What the measure says."""
    of: int
    """How many prompts or rows that was measured on; 0 where the training became unstable."""


@dataclass(frozen=True)
class PlaceMap:
    """What is known of a grid."""

    grid: Grid
    measure: Measure
    total_steps: int
    """Of a whole training; a place with fewer was left behind, or is on its way."""
    tried: tuple[Tried, ...] = ()
    """The last that is known of each place."""

    def at(self, place: Place) -> Tried | None:
        """What is known of one place."""
        return next((tried for tried in self.tried if tried.place == place), None)

    def with_(self, fresh: Sequence[Tried]) -> Self:
        """The map with newer knowledge."""
        places = {tried.place for tried in fresh}
        return replace(self, tried=(*(old for old in self.tried if old.place not in places), *fresh))

    @property
    def finished(self) -> list[Tried]:
        """Those that were trained to the end, the best first.

        Of those that are equally good the usual place comes first, then the one with the fewest numbers.
        """
        done = [tried for tried in self.tried if tried.of and tried.steps >= self.total_steps]
        return sorted(done, key=self._preference)

    @property
    def promising(self) -> list[Tried]:
        """The best first; of equally good ones those that have learned their rows better."""
        return sorted(self.tried, key=lambda tried: (self._badness(tried), tried.loss))

    def equally_good(self, tried: Tried) -> list[Tried]:
        """The others that were trained to the end and came to the same."""
        same = [other for other in self.finished if self._badness(other) == self._badness(tried)]
        return [other for other in same if other.place != tried.place]

    def _badness(self, tried: Tried) -> float:
        """By which places are compared; less is better."""
        if not tried.of:
            return math.inf
        return -tried.value / tried.of if self.measure is Measure.RIGHT else tried.value

    def _preference(self, tried: Tried) -> tuple[float, bool, int, int]:
        place, usual = tried.place, self.grid.usual
        return self._badness(tried), place != usual, place.rank, abs(place.layer - usual.layer)
