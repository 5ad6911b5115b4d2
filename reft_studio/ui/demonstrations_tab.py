"""The first tab: a table of prompts and replies, from a starter, a file, a spreadsheet or the keyboard.

The store's draft is the truth: every change goes there first, and the page shows what came of it, as a table
and, on narrow screens, one row at a time.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft, Edit
from reft_studio.errors import DemonstrationsError
from reft_studio.table_files import read_demonstrations
from reft_studio.ui import row_changes, wording
from reft_studio.ui.coach import advice
from reft_studio.ui.events import IN_ORDER, UNSEEN, alert, connect, follow
from reft_studio.ui.files_panel import FilesPanel
from reft_studio.ui.finder import NOTHING_LOOKED_FOR, Finder, find_next
from reft_studio.ui.project_panel import ProjectPanel
from reft_studio.ui.row_changes import RowChange
from reft_studio.ui.row_form import RowForm, in_form, written
from reft_studio.ui.score_panel import rules_of
from reft_studio.ui.starters import Starter, starters
from reft_studio.ui.studio import Studio
from reft_studio.ui.suggestions import SuggestionsPanel, suggested
from reft_studio.ui.table import Cells, added, filled, from_cells, pasted, to_cells

_GO_TO = "() => window.goToRow('{}', {})"
"""In assets/table.js: a part of the page that names a row, and one of its two columns."""


class DemonstrationsTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._store = studio, studio.store.projects
        self._projects = ProjectPanel(studio)
        self.project = self._projects.current
        gr.HTML(f"<h2>{wording.EXAMPLES_TITLE}</h2><p>{wording.EXAMPLES_INTRO}</p>")
        with gr.Row(elem_classes="cards"):
            cards = [(starter, _card(starter)) for starter in starters()]
        # Where several share the app, whose bots they were is lost too, so it is nothing to tell everybody.
        damaged = None if studio.settings.shared else studio.store.damaged
        self._banner = gr.HTML(alert(wording.damaged(damaged.name)) if damaged else "", elem_classes="banner")
        self._finder, self._form = Finder(), RowForm()
        self._table = gr.Dataframe(
            headers=[wording.PROMPT_COLUMN, wording.REPLY_COLUMN],
            column_count=(2, "fixed"),  # type: ignore[arg-type]  # what column_limits is going to do
            type="array",
            wrap=True,
            interactive=True,
            show_label=False,
            show_row_numbers=True,
            column_widths=["45%", "55%"],
            max_height=560,
            buttons=[],
            elem_id="table",
        )
        self._count = gr.HTML(elem_id="count")
        with gr.Row(elem_classes="tools", elem_id="row-tools"):
            self._add = gr.Button(wording.ADD_ROW, size="sm", elem_id="add-row")
            changes = {
                gr.Button(label, size="sm", elem_id=elem_id): change
                for label, elem_id, change in (
                    (wording.DUPLICATE_ROW, "duplicate-row", row_changes.duplicate),
                    (wording.MOVE_UP, "move-up", row_changes.move_up),
                    (wording.MOVE_DOWN, "move-down", row_changes.move_down),
                    (wording.DELETE_ROW, "delete-row", row_changes.delete),
                )
            }
            self._undo = gr.Button(wording.UNDO, size="sm", elem_id="undo")
            self._redo = gr.Button(wording.REDO, size="sm", elem_id="redo")
        self._suggestions = SuggestionsPanel()
        self._files = FilesPanel()
        self.to_training = gr.Button(wording.TO_TRAINING, variant="primary", elem_id="to-training")
        # A state: what the page is about to show, while it still says that it shows another.
        self._drawn = gr.State("")
        """The project that was drawn last."""
        self._selected = gr.State(None)
        """The number of a row of the table, counted from 0."""
        self.projects, self.offer = self._projects.choice, self._projects.offer
        self._beside = [self.projects, self._count, self._undo, self._redo, *self._suggestions.shown]
        redrawn = [self._selected, *self._finder.shown, *self._form.shown]
        self.shown = [self.project, self._drawn, self._table, *self._beside, *redrawn]
        self.began: list[Any] = []
        """What gives another draft; its name may be another too."""

        for button, change in changes.items():
            self._on(button.click, partial(self._change_row, change), [self._table, self._selected])
        for starter, card in cards:
            self._began(card, partial(self._start_from, starter))
        # Each press counts, also one that comes before the page has drawn what the last one did.
        self._began(self._undo, self._take_back, trigger_mode="multiple")
        self._began(self._redo, self._do_again, trigger_mode="multiple")
        self._connect_projects()
        self._connect_table()
        self._connect_form()
        self._connect_files()

    def _connect_projects(self) -> None:
        def rows(row: int, prompt: str, reply: str, cells: Cells) -> list[Demonstration]:
            return filled(written(from_cells(cells), row, prompt, reply))

        on_page = [self._form.row, *self._form.cells, self._table]
        self.began += self._projects.connect(self._show, self.shown, rows, on_page, self._banner)

    def _connect_table(self) -> None:
        table, selected = self._table, self._selected
        self._to(table.input, self._keep, [table, self._form.row], [*self._beside, *self._form.shown])
        # In order and each, or a button that is pressed soon after would change another row.
        many = {"trigger_mode": "multiple", **UNSEEN, **IN_ORDER}
        picked = table.select(_row_of, None, [selected], **many)
        looked_at = [self.project, self._drawn, selected]
        follow(picked, _unless_gone_on(self._look_at), looked_at, self._form.shown, **IN_ORDER)
        finder = self._finder
        looked_for = [*finder.shown, selected, *self._form.shown]
        asked = [table, finder.word, finder.last]
        found = self._to(finder.asked, self._find, asked, looked_for)
        more = self._on(self._add.click, self._add_row, [table])
        offered = [
            self._on(button.click, self._add_row, [table, button]) for button in self._suggestions.buttons
        ]
        for event, where, column in (
            (found, "#found", 0),
            (more, "#which-row", 0),
            *((one, "#which-row", 1) for one in offered),
        ):
            event.then(None, js=_GO_TO.format(where, column), api_visibility="private")

    def _connect_form(self) -> None:
        form = self._form
        now = [form.row, *form.cells]
        for typed in form.input:
            self._to(typed, self._write, [*now, form.typed], [self._table, *self._beside, form.typed])
        for button, change in (
            (form.previous, row_changes.go_up),
            (form.next, row_changes.go_down),
            (form.add, row_changes.add),
            (form.delete, row_changes.delete_and_go_on),
        ):
            self._on(button.click, partial(self._change_in_form, change), now)

    def _connect_files(self) -> None:
        files = self._files
        opened = self._on(files.upload.upload, self._open_file, [self._table, files.upload, files.mode])
        follow(opened, lambda _owner: None, [], [files.upload])
        pasted_rows = [self._table, files.box, files.mode]
        self._to(files.paste.click, self._paste, pasted_rows, [*self.shown, files.box])
        files.offer(self._table, self._studio.scratch, self._banner)

    def _to(
        self, trigger: Any, act: Any, inputs: Sequence[Any], outputs: Sequence[Any], **options: Any
    ) -> Any:
        """Do something to the project on the page, which `act` is told of second."""
        given = [self.project, self._drawn, *inputs]
        return connect(trigger, _unless_gone_on(act), given, outputs, self._banner, **IN_ORDER, **options)

    def _on(self, trigger: Any, act: Any, inputs: Sequence[Any], **options: Any) -> Any:
        return self._to(trigger, act, inputs, self.shown, **options)

    def _began(self, button: gr.Button, act: Any, **options: Any) -> None:
        self.began.append(self._on(button.click, act, [], **options))

    # Values

    def restore(self, owner: str) -> tuple[Any, ...]:
        """The project that was opened last, as the store has it."""
        return self._show(owner, self._store.opened_last(owner))

    def begin(self, owner: str, draft: Draft) -> tuple[Any, ...]:
        """Show a new project, which begins like this; the others stay as they are."""
        return self._show(owner, self._studio.begin_project(owner, draft))

    def show_instead(
        self, owner: str, project: str, draft: Draft, row_in_form: int = 0, selected: int | None = None
    ) -> tuple[Any, ...]:
        """Show and keep another table; the one before can be had back."""
        self._store.save(owner, project, draft)
        return self._show(owner, project, row_in_form, selected)

    def _show(self, owner: str, project: str, row: int = 0, selected: int | None = None) -> tuple[Any, ...]:
        """Values for `shown`: with a row in the form, and perhaps one selected in the table."""
        rows = self._store.draft(owner, project).demonstrations
        beside = self._show_beside(owner, project)
        return project, project, to_cells(rows), *beside, selected, *NOTHING_LOOKED_FOR, *in_form(rows, row)

    def _show_beside(self, owner: str, project: str) -> tuple[Any, ...]:
        store, draft = self._store, self._store.draft(owner, project)
        return (
            self._projects.offer(owner, project),
            _said_of(draft, self._studio.settings.max_cell_characters),
            gr.Button(interactive=store.can_undo(owner, project)),
            gr.Button(interactive=store.can_redo(owner, project)),
            *suggested(draft.demonstrations),
        )

    def _look_at(self, owner: str, project: str, row: int) -> tuple[Any, ...]:
        return in_form(self._store.draft(owner, project).demonstrations, row)

    def _change(
        self,
        owner: str,
        project: str,
        rows: Sequence[Demonstration],
        row: int = 0,
        selected: int | None = None,
    ) -> tuple[Any, ...]:
        draft = replace(self._store.draft(owner, project), demonstrations=tuple(rows))
        return self.show_instead(owner, project, draft, row, selected)

    # In the table

    def _keep(self, owner: str, project: str, cells: Cells, row_in_form: int) -> tuple[Any, ...]:
        rows = from_cells(cells)
        self._change(owner, project, rows)
        return *self._show_beside(owner, project), *in_form(rows, row_in_form)

    def _add_row(self, owner: str, project: str, cells: Cells, prompt: str = "") -> tuple[Any, ...]:
        """An empty row at the end, or a suggested message in the place of empty ones."""
        rows = from_cells(cells)
        if prompt:
            rows = added(rows, [Demonstration(prompt, "")], self._studio.settings.limits)
        else:
            rows.append(Demonstration("", ""))
        return self._change(owner, project, rows, len(rows) - 1, len(rows) - 1)

    def _change_row(
        self, change: RowChange, owner: str, project: str, cells: Cells, row: int | None
    ) -> tuple[Any, ...]:
        """Change the selected row; the one that it then is stays selected."""
        rows = from_cells(cells)
        if row is None or row >= len(rows):
            raise DemonstrationsError(wording.NO_ROW_SELECTED)
        rows, row = change(rows, row)
        return self._change(owner, project, rows, row or 0, row)

    def _find(
        self, _owner: str, _project: str, cells: Cells, word: str, last: tuple[str, int]
    ) -> tuple[Any, ...]:
        rows = from_cells(cells)
        row, said = find_next(rows, word, last)
        if row is None:
            same = (gr.skip() for _ in ("last", "selected", *self._form.shown))
            return f'<p role="status">{escape(said)}</p>', *same
        told = f'<p role="status" data-row="{row}">{escape(said)}</p>'
        return told, (word, row), row, *in_form(rows, row)

    # In the form

    def _write(
        self, owner: str, project: str, row: int, prompt: str, reply: str, goes_on: bool
    ) -> tuple[Any, ...]:
        """Keep what is being typed; from the first letter to the last it is one change."""
        draft = self._store.draft(owner, project)
        rows = written(draft.demonstrations, row, prompt, reply)
        self._store.save(owner, project, replace(draft, demonstrations=tuple(rows)), goes_on=goes_on)
        return to_cells(rows), *self._show_beside(owner, project), True

    def _change_in_form(
        self, change: RowChange, owner: str, project: str, row: int, prompt: str, reply: str
    ) -> tuple[Any, ...]:
        rows = written(self._store.draft(owner, project).demonstrations, row, prompt, reply)
        rows, shown = change(rows, row)
        return self._change(owner, project, rows, shown or 0)

    # All rows

    def _start_from(self, starter: Starter, owner: str, project: str) -> tuple[Any, ...]:
        return self.show_instead(owner, project, starter.draft())

    def _take_back(self, owner: str, project: str) -> tuple[Any, ...]:
        return self._step(owner, project, self._store.undo)

    def _do_again(self, owner: str, project: str) -> tuple[Any, ...]:
        return self._step(owner, project, self._store.redo)

    def _step(self, owner: str, project: str, step: Callable[[str, str], None]) -> tuple[Any, ...]:
        """Show what a step changed: its first row comes into the form."""
        before = self._store.draft(owner, project)
        step(owner, project)
        return self._show(owner, project, Edit.between(before, self._store.draft(owner, project)).start)

    def _open_file(self, owner: str, project: str, cells: Cells, path: str, mode: str) -> tuple[Any, ...]:
        return self._bring(owner, project, cells, read_demonstrations(path), mode)

    def _paste(self, owner: str, project: str, cells: Cells, text: str, mode: str) -> tuple[Any, ...]:
        return *self._bring(owner, project, cells, pasted(text, self._studio.scratch), mode), ""

    def _bring(
        self, owner: str, project: str, cells: Cells, new: Sequence[Demonstration], mode: str
    ) -> tuple[Any, ...]:
        if not filled(new):
            raise DemonstrationsError(wording.NOTHING_IN_IT)
        current = [] if mode == wording.REPLACE else from_cells(cells)
        return self._change(owner, project, added(current, new, self._studio.settings.limits))


def _unless_gone_on(act: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Do it, but show nothing of it on a page to which another project is on its way."""

    def run(owner: str, project: str, drawn: str, *values: Any) -> tuple[Any, ...]:
        shown = act(owner, project, *values)
        return shown if drawn in ("", project) else (gr.skip(),) * len(shown)

    return run


def _said_of(draft: Draft, most_characters: int) -> str:
    rows = draft.demonstrations
    said = "".join(
        f"<li>{escape(sentence)}</li>" for sentence in advice(rows, rules_of(draft), most_characters)
    )
    coach = f'<ul class="coach">{said}</ul>' if said else ""
    return f"<p>{wording.rows_saved(len(filled(rows)))}</p>{coach}"


def _row_of(selection: gr.SelectData) -> int:
    row: int = selection.index[0]
    return row


def _card(starter: Starter) -> gr.Button:
    text = f"{starter.title}\n{starter.sentence}"
    if starter.score:
        text += f"\n{wording.starters_score(starter.score.right, starter.score.of)}"
    # Not as a file: Gradio would take it away with the other files that it has handed out, after an hour.
    picture: Any = {"url": f"data:image/svg+xml;base64,{b64encode(starter.picture.read_bytes()).decode()}"}
    return gr.Button(text, icon=picture, elem_classes="card", elem_id=f"starter-{starter.key}")
