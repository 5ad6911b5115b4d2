"""One row at a time, for screens that are too narrow for the table."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from reft_studio.demonstrations import Demonstration, check_characters
from reft_studio.ui import wording


class RowForm:
    """Lays it out; what its buttons do is the table's business."""

    def __init__(self) -> None:
        # Not a state: it has to travel with the text, or what was typed last could come into the next row.
        self.row = gr.Number(0, precision=0, visible="hidden", elem_id="form-row")
        """Which one is in it, counted from 0."""
        self.typed = gr.State(False)
        """Whether something was typed since the row came into the form."""
        with gr.Column(elem_id="row-form"):
            self._which = gr.HTML(elem_id="which-row")
            self._prompt = gr.Textbox(
                label=wording.PROMPT_COLUMN, lines=2, max_lines=10, elem_id="form-prompt"
            )
            self._reply = gr.Textbox(label=wording.REPLY_COLUMN, lines=2, max_lines=10, elem_id="form-reply")
            with gr.Row(elem_classes="tools"):
                self.previous = gr.Button(wording.PREVIOUS_ROW, size="sm", elem_id="form-previous")
                self.next = gr.Button(wording.NEXT_ROW, size="sm", elem_id="form-next")
                self.add = gr.Button(wording.ADD_ROW, size="sm", elem_id="form-add")
                self.delete = gr.Button(wording.DELETE_ROW, size="sm", elem_id="form-delete")
        self.cells = [self._prompt, self._reply]
        self.input = [self._prompt.input, self._reply.input]
        self.shown = [self.row, self._which, *self.cells, self.previous, self.next, self.typed]


def in_form(rows: Sequence[Demonstration], row: int) -> tuple[Any, ...]:
    """Values for `RowForm.shown`: the row with this number, or the nearest there is."""
    number = max(min(row, len(rows) - 1), 0)
    shown = rows[number] if rows else Demonstration("", "")
    which = wording.which_row(number + 1, max(len(rows), 1))
    return (
        number,
        f'<p class="quiet" role="status" data-row="{number}">{which}</p>',
        shown.prompt,
        shown.reply,
        gr.Button(interactive=number > 0),
        gr.Button(interactive=number + 1 < len(rows)),
        False,
    )


def written(rows: Sequence[Demonstration], row: int, prompt: str, reply: str) -> list[Demonstration]:
    """The rows with what is in the form, which may be the first row of an empty table.

    Raises DemonstrationsError for what could not be shown again.
    """
    check_characters(Demonstration(prompt, reply), row + 1)
    changed = list(rows)
    if 0 <= row < len(changed):
        changed[row] = Demonstration(prompt, reply)
    elif not changed and (prompt or reply):
        changed = [Demonstration(prompt, reply)]
    return changed
