"""Which of a person's projects the page shows, a new one, and the end of one after a second click."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.ui import wording
from reft_studio.ui.chooser import numbered
from reft_studio.ui.events import IN_ORDER, connect, show
from reft_studio.ui.second_click import SecondClick, nothing_asked
from reft_studio.ui.studio import Studio, name_of

# What was typed last is in the form or, without one on this screen, in the table: then no row is in the form.
_WHERE_ROWS_ARE = """(project, row, ...rest) =>
    [project, document.querySelector("#row-form").offsetParent ? row : -1, ...rest]"""


class ProjectPanel:
    """Lays it out; `connect` says how a project comes onto the page."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        # Not a state: it has to travel with the rows, or what was typed last could come into another project.
        self.current = gr.Textbox("", visible="hidden", elem_id="current-project")
        """The id of the one on the page; empty until it is there."""
        with gr.Row(elem_id="projects", elem_classes="chooser"):
            self.choice = gr.Dropdown([], label=wording.PROJECT, filterable=False, elem_id="project")
            self._new = gr.Button(wording.NEW_PROJECT, size="sm", elem_id="new-project")
            ask = gr.Button(wording.DELETE_PROJECT, size="sm", elem_id="delete-project")
        self._deletion = SecondClick(ask, wording.DELETE_REALLY, wording.KEEP)

    def connect(
        self,
        draw: Callable[[str, str], tuple[Any, ...]],
        outputs: Sequence[Any],
        rows: Callable[..., list[Demonstration]],
        inputs: Sequence[Any],
        banner: gr.HTML,
    ) -> list[Any]:
        """The events that bring another project onto the page.

        `draw` gives what the page shows of an owner's project, for `outputs`; `rows`, from the values of
        `inputs`, what stands on the page now.
        """
        studio, projects = self._studio, self._studio.store.projects

        def open_chosen(owner: str, chosen: str) -> tuple[Any, ...]:
            projects.open(owner, chosen)
            return *draw(owner, chosen), *nothing_asked()

        def begin(owner: str, current: str, *values: Any) -> tuple[Any, ...]:
            """An empty one; with the rows on the page where their project was deleted in another window."""
            kept = () if self._is_there(owner, current) else tuple(rows(*values))
            return *draw(owner, studio.begin_project(owner, Draft(demonstrations=kept))), *nothing_asked()

        def delete(owner: str, asked: str) -> tuple[Any, ...]:
            name = name_of(projects.draft(owner, asked))
            projects.delete(owner, asked)
            return *draw(owner, projects.opened_last(owner)), *nothing_asked(wording.deleted(name))

        outputs = [*outputs, *self._deletion.shown]
        self._deletion.connect(self._question, [self.current], banner)
        # In order, or it could come after another one has been chosen, and show the one before.
        show(self.choice.focus, self.offer, [self.current], [self.choice], **IN_ORDER)

        def on(trigger: Any, act: Any, values: Sequence[Any], **options: Any) -> Any:
            return connect(trigger, act, values, outputs, banner, **IN_ORDER, **options)

        return [
            on(self.choice.input, open_chosen, [self.choice]),
            on(self._new.click, begin, [self.current, *inputs], js=_WHERE_ROWS_ARE),
            on(self._deletion.really.click, delete, [self._deletion.asked]),
        ]

    def offer(self, owner: str, current: str) -> gr.Dropdown:
        """All there are now, with the one on the page chosen."""
        projects = self._studio.store.projects.all(owner)
        names = numbered([name_of(project) for project in projects])
        choices = [
            (wording.project_in_list(name, project.examples), project.id)
            for name, project in zip(names, projects, strict=True)
        ]
        ids = [project.id for project in projects]
        return gr.Dropdown(choices, value=current if current in ids else None)

    def _is_there(self, owner: str, project: str) -> bool:
        return any(one.id == project for one in self._studio.store.projects.all(owner))

    def _question(self, owner: str, current: str) -> tuple[str, str]:
        draft = self._studio.store.projects.draft(owner, current)
        return current, wording.really_delete_project(name_of(draft))
