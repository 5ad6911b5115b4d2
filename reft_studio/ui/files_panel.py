"""Rows from a file or a spreadsheet, and the rows as files."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from reft_studio.ui import wording
from reft_studio.ui.events import file_offer
from reft_studio.ui.table import Cells, from_cells, saved


class FilesPanel:
    """Lays it out; what comes in is the table's business."""

    def __init__(self) -> None:
        with gr.Accordion(wording.FILES_TITLE, open=False):
            self.mode = gr.Radio(
                [wording.APPEND, wording.REPLACE],
                value=wording.APPEND,
                label=wording.FILE_MODE,
                elem_id="file-mode",
            )
            with gr.Row():
                with gr.Column():
                    kinds = [".csv", ".tsv", ".jsonl", ".xlsx"]
                    self.upload = gr.File(
                        label=wording.UPLOAD, file_types=kinds, height=170, elem_id="upload"
                    )
                with gr.Column():
                    self.box = gr.Textbox(
                        label=wording.PASTE, info=wording.PASTE_HELP, lines=3, elem_id="paste"
                    )
                    self.paste = gr.Button(wording.PASTE_BUTTON, size="sm", elem_id="paste-button")
            with gr.Row(elem_classes="tools"):
                self._savers = {
                    suffix: gr.Button(label, size="sm", elem_id=f"save-{suffix[1:]}")
                    for suffix, label in (
                        (".csv", wording.SAVE_CSV),
                        (".tsv", wording.SAVE_TSV),
                        (".xlsx", wording.SAVE_XLSX),
                        (".jsonl", wording.SAVE_JSONL),
                    )
                }

    def offer(self, table: gr.Dataframe, scratch: Path, banner: gr.HTML) -> None:
        """Let the buttons save what is in the table."""
        for suffix, button in self._savers.items():
            file_offer(button, partial(_save, suffix, scratch), [table], banner)


def _save(suffix: str, scratch: Path, _owner: str, cells: Cells) -> Any:
    return saved(from_cells(cells), suffix, scratch)
