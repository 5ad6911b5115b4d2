"""The box for a message, also for one that was sent before and is to be changed."""

from typing import Any

import gradio as gr

from reft_studio.ui import wording


class Composer:
    """Lays it out; `values` says what is in it."""

    def __init__(self) -> None:
        self.earlier = gr.State(None)
        """Which message of the conversation is being changed, counted from 0; None for a new one."""
        with gr.Row(visible=False, elem_id="changing") as self._note:
            self._said = gr.HTML(elem_id="changing-said")
            self.never_mind = gr.Button(
                wording.NEVER_MIND, size="sm", min_width=90, scale=0, elem_id="change-not"
            )
        with gr.Row(elem_classes="composer"):
            self.message = gr.Textbox(
                placeholder=wording.MESSAGE_PLACEHOLDER,
                label=wording.MESSAGE,
                show_label=False,
                max_lines=8,
                elem_id="message",
            )
            self.send = gr.Button(wording.SEND, variant="primary", min_width=88, scale=0, elem_id="send")
            self.stop = gr.Button(wording.STOP, visible=False, min_width=88, scale=0, elem_id="stop")
            self.clear = gr.Button(wording.CLEAR, min_width=88, scale=0, elem_id="clear")
        self.changing = [self.earlier, self._note, self._said, self.message]
        self.busy = [self.send, self.stop]


def changing(prompt: str, earlier: int, of: int) -> tuple[Any, ...]:
    """Values for `Composer.changing`: an earlier message, and what becomes of those after it."""
    said = f'<p role="status">{wording.changing(of - earlier - 1)}</p>'
    return earlier, gr.Row(visible=True), said, prompt


def new_message(box: str | None = None) -> tuple[Any, ...]:
    """Values for `Composer.changing`: what is written next is a new one; the box keeps what is in it."""
    return None, gr.Row(visible=False), "", gr.skip() if box is None else box


def busy_or_not(busy: bool) -> tuple[Any, ...]:
    """Values for `Composer.busy`."""
    return gr.Button(visible=not busy), gr.Button(visible=busy)
