"""The first tab: a table of prompts and replies, from a starter, a file, a spreadsheet or the keyboard.

The store's draft is the truth: every change goes there first, and the table shows what came of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.errors import DemonstrationsError
from reft_studio.table_files import read_demonstrations
from reft_studio.ui import wording
from reft_studio.ui.coach import advice
from reft_studio.ui.events import IN_ORDER, alert, connect, file_offer, follow
from reft_studio.ui.score_panel import rules_of
from reft_studio.ui.starters import Starter, starters
from reft_studio.ui.studio import Studio
from reft_studio.ui.table import Cells, added, filled, from_cells, pasted, saved, to_cells

RowChange = Callable[[list[Demonstration], int], tuple[list[Demonstration], int | None]]
"""Of rows and the number of one: the rows then, and which is selected then."""


class DemonstrationsTab:
    """Lays the tab out and connects it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        gr.HTML(f"<h2>{wording.EXAMPLES_TITLE}</h2><p>{wording.EXAMPLES_INTRO}</p>")
        with gr.Row(elem_classes="cards"):
            cards = [(starter, _card(starter)) for starter in starters()]
        # Where several share the app, whose bots they were is lost too, so it is nothing to tell everybody.
        damaged = None if studio.settings.shared else studio.store.damaged
        self._banner = gr.HTML(alert(wording.damaged(damaged.name)) if damaged else "", elem_classes="banner")
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
            add = gr.Button(wording.ADD_ROW, size="sm", elem_id="add-row")
            changes = {
                gr.Button(label, size="sm", elem_id=elem_id): change
                for label, elem_id, change in (
                    (wording.DUPLICATE_ROW, "duplicate-row", _duplicate),
                    (wording.MOVE_UP, "move-up", _move_up),
                    (wording.MOVE_DOWN, "move-down", _move_down),
                    (wording.DELETE_ROW, "delete-row", _delete),
                )
            }
            self._undo = gr.Button(wording.UNDO, size="sm", elem_id="undo")
            self._redo = gr.Button(wording.REDO, size="sm", elem_id="redo")
        self.began: list[Any] = []
        """What gives another draft; its name may be another too."""
        selected = gr.State(None)
        beside = [self._count, self._undo, self._redo]
        self.shown = [self._table, *beside]

        self._on(self._table.input, self._keep, [self._table], beside)
        self._table.select(_row_of, None, [selected], show_progress="hidden", api_visibility="private")
        self._on(add.click, self._add_row, [self._table], self.shown)
        for button, change in changes.items():
            act = partial(self._change_row, change)
            self._on(button.click, act, [self._table, selected], [*self.shown, selected])
        for starter, card in cards:
            self._began(card, partial(self._start_from, starter))
        self._began(self._undo, self._take_back)
        self._began(self._redo, self._do_again)
        with gr.Accordion(wording.FILES_TITLE, open=False):
            self._build_files()
        self.to_training = gr.Button(wording.TO_TRAINING, variant="primary", elem_id="to-training")

    def _build_files(self) -> None:
        modes = [wording.APPEND, wording.REPLACE]
        mode = gr.Radio(modes, value=wording.APPEND, label=wording.FILE_MODE, elem_id="file-mode")
        with gr.Row():
            with gr.Column():
                kinds = [".csv", ".tsv", ".jsonl", ".xlsx"]
                upload = gr.File(label=wording.UPLOAD, file_types=kinds, height=170, elem_id="upload")
            with gr.Column():
                box = gr.Textbox(label=wording.PASTE, info=wording.PASTE_HELP, lines=3, elem_id="paste")
                paste = gr.Button(wording.PASTE_BUTTON, size="sm", elem_id="paste-button")
        with gr.Row(elem_classes="tools"):
            savers = {
                suffix: gr.Button(label, size="sm", elem_id=f"save-{suffix[1:]}")
                for suffix, label in (
                    (".csv", wording.SAVE_CSV),
                    (".xlsx", wording.SAVE_XLSX),
                    (".jsonl", wording.SAVE_JSONL),
                )
            }
        opened = self._on(upload.upload, self._open_file, [self._table, upload, mode], self.shown)
        follow(opened, lambda _owner: None, [], [upload])
        self._on(paste.click, self._paste, [self._table, box, mode], [*self.shown, box])
        for suffix, button in savers.items():
            file_offer(button, partial(self._save, suffix), [self._table], self._banner)

    def _on(self, trigger: Any, act: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        return connect(trigger, act, inputs, outputs, self._banner, **IN_ORDER)

    def _began(self, button: gr.Button, act: Any) -> None:
        self.began.append(self._on(button.click, act, [], self.shown))

    # What the buttons do

    def restore(self, owner: str) -> tuple[Any, ...]:
        """The table as the store has it."""
        store, draft = self._studio.store, self._studio.store.draft(owner)
        return (
            to_cells(draft.demonstrations),
            _said_of(draft),
            gr.Button(interactive=store.can_undo(owner)),
            gr.Button(interactive=store.can_redo(owner)),
        )

    def show_instead(self, owner: str, draft: Draft) -> tuple[Any, ...]:
        """Show and keep another table; the one before can be had back."""
        self._studio.store.save_draft(owner, draft)
        return self.restore(owner)

    def _change(self, owner: str, rows: Sequence[Demonstration]) -> tuple[Any, ...]:
        return self.show_instead(owner, replace(self._studio.store.draft(owner), demonstrations=tuple(rows)))

    def _keep(self, owner: str, cells: Cells) -> tuple[Any, ...]:
        return self._change(owner, from_cells(cells))[1:]

    def _add_row(self, owner: str, cells: Cells) -> tuple[Any, ...]:
        return self._change(owner, [*from_cells(cells), Demonstration("", "")])

    def _change_row(self, change: RowChange, owner: str, cells: Cells, row: int | None) -> tuple[Any, ...]:
        """Change the selected row; the one that it then is stays selected."""
        rows = from_cells(cells)
        if row is None or row >= len(rows):
            raise DemonstrationsError(wording.NO_ROW_SELECTED)
        rows, row = change(rows, row)
        return *self._change(owner, rows), row

    def _start_from(self, starter: Starter, owner: str) -> tuple[Any, ...]:
        return self.show_instead(owner, starter.draft())

    def _take_back(self, owner: str) -> tuple[Any, ...]:
        self._studio.store.undo(owner)
        return self.restore(owner)

    def _do_again(self, owner: str) -> tuple[Any, ...]:
        self._studio.store.redo(owner)
        return self.restore(owner)

    def _open_file(self, owner: str, cells: Cells, path: str, mode: str) -> tuple[Any, ...]:
        return self._bring(owner, cells, read_demonstrations(path), mode)

    def _paste(self, owner: str, cells: Cells, text: str, mode: str) -> tuple[Any, ...]:
        return *self._bring(owner, cells, pasted(text, self._studio.scratch), mode), ""

    def _save(self, suffix: str, _owner: str, cells: Cells) -> str:
        return saved(from_cells(cells), suffix, self._studio.scratch)

    def _bring(self, owner: str, cells: Cells, new: Sequence[Demonstration], mode: str) -> tuple[Any, ...]:
        current = [] if mode == wording.REPLACE else from_cells(cells)
        return self._change(owner, added(current, new, self._studio.settings.limits))


def _said_of(draft: Draft) -> str:
    rows = draft.demonstrations
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in advice(rows, rules_of(draft)))
    coach = f'<ul class="coach">{said}</ul>' if said else ""
    return f"<p>{wording.rows_saved(len(filled(rows)))}</p>{coach}"


def _duplicate(rows: list[Demonstration], row: int) -> tuple[list[Demonstration], int | None]:
    return [*rows[: row + 1], *rows[row:]], row + 1


def _move_up(rows: list[Demonstration], row: int) -> tuple[list[Demonstration], int | None]:
    above = max(row - 1, 0)
    rows.insert(above, rows.pop(row))
    return rows, above


def _move_down(rows: list[Demonstration], row: int) -> tuple[list[Demonstration], int | None]:
    below = min(row + 1, len(rows) - 1)
    rows.insert(below, rows.pop(row))
    return rows, below


def _delete(rows: list[Demonstration], row: int) -> tuple[list[Demonstration], int | None]:
    return [*rows[:row], *rows[row + 1 :]], None


def _row_of(selection: gr.SelectData) -> int:
    row: int = selection.index[0]
    return row


def _card(starter: Starter) -> gr.Button:
    text = f"{starter.icon} {starter.title}\n{starter.sentence}"
    return gr.Button(text, elem_classes="card", elem_id=f"starter-{starter.key}")
