"""The map of tried places: one table for each rank, layers by positions, and a sentence on what it says."""

from reft_studio.score import interval
from reft_studio.train.places import Measure, Place, PlaceMap, Tried
from reft_studio.ui import wording

STRONGEST = 45
"""Percent of the accent colour in the best cell: words stay readable on it, by day and by night."""


def place_map(places: PlaceMap, ended: bool) -> str:
    """As HTML; a place that is known is a button with `data-place`. While it grows, no best one is named."""
    best = places.finished[0].place if ended and places.finished else None
    tables = "".join(_table(places, rank, best) for rank in places.grid.ranks)
    said = f'<p class="verdict">{_sentence(places)}</p>' if ended else ""
    asked = max((tried.of for tried in places.tried), default=0)
    legend = wording.place_legend(places.measure, asked) if asked else ""
    return f'{said}<div class="places">{tables}</div><p class="quiet">{legend}</p>'


def place_key(place: Place) -> str:
    """What the page sends when a place is clicked."""
    return f"{place.layer} {place.positions} {place.rank}"


def place_at(places: PlaceMap, key: str) -> Place | None:
    """The known place with this key."""
    return next((tried.place for tried in places.tried if place_key(tried.place) == key), None)


def _table(places: PlaceMap, rank: int, best: Place | None) -> str:
    grid = places.grid
    heads = "".join(f'<th scope="col">{wording.place_positions(name)}</th>' for name in grid.positions)
    rows = "".join(
        f'<tr><th scope="row">{layer}</th>'
        + "".join(f"<td>{_cell(places, Place(layer, name, rank), best)}</td>" for name in grid.positions)
        + "</tr>"
        for layer in grid.layers
    )
    return (
        f"<table><caption>{wording.place_rank(rank)}</caption>"
        f'<thead><tr><th scope="col">{wording.LAYER}</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _cell(places: PlaceMap, place: Place, best: Place | None) -> str:
    tried = places.at(place)
    if tried is None:
        return f'<span class="untried">{wording.NOT_TRIED_YET}</span>'
    kinds = [
        *(["left-behind"] if tried.steps < places.total_steps else []),
        *(["best"] if place == best else []),
    ]
    aside = [wording.PLACE_KINDS[kind] for kind in kinds]
    shade = round(STRONGEST * _goodness(places, tried))
    return (
        f'<button type="button" class="{" ".join(["place", *kinds])}" data-place="{place_key(place)}" '
        f'style="--shade:{shade}%"><span class="sr">{wording.place_name(place)}: </span>'
        f"{wording.place_value(places.measure, tried)}"
        f'<span class="sr">{"".join(f", {word}" for word in aside)}</span></button>'
    )


def _goodness(places: PlaceMap, tried: Tried) -> float:
    """0 to 1, from nothing at all: so a small difference looks small."""
    if not tried.of:
        return 0
    if places.measure is Measure.RIGHT:
        return tried.value / tried.of
    worst = max(other.value for other in places.tried if other.of)
    return 1 - tried.value / worst if worst else 1


def _sentence(places: PlaceMap) -> str:
    """What was found, and how little it may mean."""
    if not places.finished:
        return wording.NO_PLACE_FINISHED
    best, usual = places.finished[0], places.at(places.grid.usual)
    if not best.value and places.measure is Measure.RIGHT:
        return wording.NO_PLACE_WORKS
    said = [wording.best_place(best, places.measure, len(places.tried))]
    if others := len(places.equally_good(best)):
        said.append(wording.equally_good(others))
    if best.place == places.grid.usual:
        said.append(wording.USUAL_IS_BEST)
    elif usual is not None and usual in places.finished:
        said.append(wording.usual_place(usual, places.measure))
        if places.measure is Measure.RIGHT and _may_be_chance(best, usual):
            said.append(wording.MAY_BE_CHANCE)
    return " ".join(said)


def _may_be_chance(one: Tried, other: Tried) -> bool:
    """The intervals in which their shares probably lie overlap."""
    low, _ = interval(round(one.value), one.of)
    _, high = interval(round(other.value), other.of)
    return low <= high
