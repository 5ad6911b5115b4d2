"""What to do next, for somebody who has not talked to a bot yet."""

from typing import Any

import gradio as gr

from reft_studio.ui import wording
from reft_studio.ui.events import show
from reft_studio.ui.studio import Studio

BY_TURNS: dict[str, Any] = {"concurrency_id": "tour", "concurrency_limit": 1}
"""Options for what shows or hides the tour: what was read before somebody hid it is not told after that."""


class Tour:
    """One sentence above the tabs; it follows from what the store has, so it is never out of step."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Row(visible=False, elem_id="tour") as row:
            said = gr.HTML(elem_id="tour-step")
            skip = gr.Button(wording.SKIP_TOUR, size="sm", min_width=90, scale=0, elem_id="skip-tour")
        self.shown = [row, said]
        show(skip.click, self._skip, [], [row], **BY_TURNS)

    def restore(self, owner: str, project: str) -> tuple[Any, ...]:
        """The sentence for where this person stands; none for who has done it all or wants none."""
        step = self._step(owner, project)
        if step is None:
            return gr.Row(visible=False), ""
        text = f'<p role="status"><strong>{wording.tour_step(step + 1)}</strong> {wording.TOUR[step]}</p>'
        return gr.Row(visible=True), text

    def _step(self, owner: str, project: str) -> int | None:
        store = self._studio.store
        if store.has_skipped_tour(owner) or store.conversations.is_there_any(owner):
            return None
        if store.bots(owner):
            return 2
        return 1 if any(one.examples for one in store.projects.all(owner) if one.id == project) else 0

    def _skip(self, owner: str) -> gr.Row:
        self._studio.store.skip_tour(owner)
        return gr.Row(visible=False)
