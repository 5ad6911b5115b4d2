"""One button that tries which layer, position and rank suit the rows, and the map of what came of it."""

from html import escape
from typing import Any
from uuid import uuid4

import gradio as gr

from reft_studio.demonstrations import check_demonstrations
from reft_studio.engine.interface import JobState, JobUpdate, SearchJob
from reft_studio.errors import RecipeError
from reft_studio.rules import read_rules
from reft_studio.ui import wording
from reft_studio.ui.advanced import SETTINGS, AdvancedPanel, in_fields, recipe_changes
from reft_studio.ui.events import IN_ORDER, alert, connect, show
from reft_studio.ui.place_map import place_at, place_map
from reft_studio.ui.progress import bar
from reft_studio.ui.rates import Asked
from reft_studio.ui.score_panel import rules_of
from reft_studio.ui.studio import Studio

SECONDS_BETWEEN_LOOKS = 0.7
LOOKS_AT_ONCE = 32
FIELDS = ("layer", "positions", "rank")
"""Of SETTINGS, those that a place fills in."""
# Gradio tells a handler of a click on HTML nothing about where, so the map notes it down itself.
_NOTE_CLICK = """element.addEventListener("click", (event) => {
  const place = event.target.closest("[data-place]");
  if (!place) return;
  document.querySelector("#places").dataset.chosen = place.dataset.place;
  trigger("click");
});"""
_READ_CLICK = '() => [document.querySelector("#places").dataset.chosen ?? ""]'


class PlacePanel:
    """Lays the panel out and connects it; `project` has the id of the one whose rows are tried."""

    def __init__(self, studio: Studio, project: gr.Textbox, advanced: AdvancedPanel, banner: gr.HTML) -> None:
        self._studio, self._advanced = studio, advanced
        settings = advanced.fields
        gr.HTML(f"<h3>{wording.PLACES}</h3><p>{self._intro()}</p>")
        with gr.Row(elem_classes="actions"):
            self._find = gr.Button(wording.FIND_PLACE, size="sm", elem_id="find-place")
            self._stop = gr.Button(wording.CANCEL, size="sm", visible=False, elem_id="stop-finding")
        self._progress = gr.HTML(elem_id="place-progress")
        self._map = gr.HTML(elem_id="places", js_on_load=_NOTE_CLICK)
        said = gr.HTML(elem_id="place-said")
        clicked = gr.Textbox(visible=False)
        self._timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
        self.shown = [self._find, self._stop, self._progress, self._map, self._timer]

        connect(self._find.click, self._start, [project, *settings], self.shown, banner, **IN_ORDER)
        connect(self._stop.click, self._cancel, [], self.shown, banner)
        show(self._timer.tick, self.restore, [], self.shown, concurrency_limit=LOOKS_AT_ONCE)
        fields = [settings[SETTINGS.index(name)] for name in FIELDS]
        use = connect(self._map.click, self._use, [clicked], [*fields, said], banner, js=_READ_CLICK)
        advanced.filled_in_by(use)

    def restore(self, owner: str) -> tuple[Any, ...]:
        """The panel as the store has it."""
        search = self._studio.store.latest_search(owner)
        busy = search is not None and not search.state.ended
        ahead = self._studio.trainings.ahead_of(search.job_id) if search else None
        return (
            gr.Button(interactive=not busy and not self._studio.settings.lent_card),
            gr.Button(visible=busy),
            _progress(search, ahead) if search else "",
            place_map(search.places, not busy) if search and search.places else "",
            gr.Timer(active=busy),
        )

    def _intro(self) -> str:
        return wording.NO_SEARCH_HERE if self._studio.settings.lent_card else wording.PLACES_INTRO

    def _start(self, owner: str, project: str, *settings: Any) -> tuple[Any, ...]:
        """Begin a search, unless one is on its way."""
        latest, studio = self._studio.store.latest_search(owner), self._studio
        if studio.settings.lent_card:
            raise RecipeError(wording.NO_SEARCH_HERE)
        if latest is None or latest.state.ended:
            draft = studio.store.projects.draft(owner, project)
            values = dict(zip(SETTINGS, settings, strict=True))
            job = SearchJob(
                id=uuid4().hex,
                demonstrations=tuple(check_demonstrations(draft.demonstrations, studio.settings.limits)),
                recipe_changes=recipe_changes(values, studio.settings),
                rules=tuple(rule.sentence for rule in read_rules(rules_of(draft))),
                base=self._advanced.chosen_base(values),
            )
            studio.rates.count(owner, Asked.TRAININGS)
            studio.trainings.add(owner, job)
        return self.restore(owner)

    def _cancel(self, owner: str) -> tuple[Any, ...]:
        if search := self._studio.store.latest_search(owner):
            self._studio.trainings.cancel(owner, search.job_id)
        return self.restore(owner)

    def _use(self, owner: str, key: str) -> tuple[Any, ...]:
        """Put a place into the fields for layer, positions and rank."""
        search = self._studio.store.latest_search(owner)
        place = place_at(search.places, key) if search and search.places else None
        if place is None:
            raise RecipeError(wording.NO_SUCH_PLACE)
        changes = {"layers": [place.layer], "positions": place.positions, "rank": place.rank}
        filled = dict(zip(SETTINGS, in_fields(changes), strict=True))
        said = f'<p role="status">{wording.place_taken(place)}</p>'
        return *(filled[name] for name in FIELDS), said


def _progress(search: JobUpdate, ahead: int | None) -> str:
    share = search.step / search.total_steps if search.total_steps else 0
    match search.state:
        case JobState.QUEUED:
            body = bar(0, wording.waiting(ahead) if ahead else wording.QUEUED, "")
        case JobState.CANCELLING:
            body = bar(share, wording.CANCELLING, "")
        case JobState.FAILED | JobState.INTERRUPTED:
            return alert(search.message)
        case JobState.CANCELLED:
            return f'<p class="quiet">{wording.SEARCH_CANCELLED}</p>'
        case JobState.DONE:
            return f'<p class="quiet">{escape(search.message)}</p>' if search.message else ""
        case _:
            aside = wording.time_left(search.seconds_left)
            body = bar(share, wording.tried_places(search.step, search.total_steps), aside)
    return f'{body}<p class="quiet">{wording.SEARCH_SAFE_TO_CLOSE}</p>'
