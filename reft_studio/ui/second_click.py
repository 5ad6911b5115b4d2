"""What cannot be had back is done at a second click, after a question."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from reft_studio.ui.events import IN_ORDER, connect


class SecondClick:
    """Two buttons that come in place of the one that was pressed; who makes it connects `really`."""

    def __init__(self, ask: gr.Button, really: str, keep: str) -> None:
        self._ask, elem_id = ask, ask.elem_id
        self.asked = gr.State("")
        """The id of what the question is about."""
        self._said = gr.HTML(elem_id=f"{elem_id}-said", elem_classes="question")
        with gr.Row(visible=False, elem_classes="actions") as self._choice:
            self.really = gr.Button(really, variant="stop", elem_id=f"{elem_id}-really")
            self._keep = gr.Button(keep, elem_id=f"{elem_id}-keep")
        self.shown = [self.asked, self._said, self._ask, self._choice]

    def connect(
        self, question: Callable[..., tuple[str, str]], inputs: Sequence[Any], banner: gr.HTML
    ) -> None:
        """`question` gives the id of what would be lost, and what to ask."""

        def put(owner: str, *values: Any) -> tuple[Any, ...]:
            asked, words = question(owner, *values)
            said = f'<p role="alert">{escape(words)}</p>'
            return asked, said, gr.Button(visible=False), gr.Row(visible=True)

        # Else what is still being restored would take back what was asked since then.
        connect(self._ask.click, put, inputs, self.shown, banner, **IN_ORDER)
        connect(self._keep.click, lambda _owner: nothing_asked(), [], self.shown, banner, **IN_ORDER)


def nothing_asked(said: str = "", *, can_ask: bool = True) -> tuple[Any, ...]:
    """Values for `SecondClick.shown`: perhaps what was done, and whether there is something to ask about."""
    told = f'<p role="status">{escape(said)}</p>' if said else ""
    return "", told, gr.Button(visible=True, interactive=can_ask), gr.Row(visible=False)


def still_asked(asked: str, about: str, *, can_ask: bool = True) -> tuple[Any, ...]:
    """Values for `SecondClick.shown` on a page that is restored: a question about the same thing stays.

    What is as it was is not sent, since Gradio may draw what it is sent at nearly the same time in any order.
    """
    if asked and asked == about:
        return (gr.skip(),) * 4
    if asked:
        return nothing_asked(can_ask=can_ask)
    return "", "", gr.Button(interactive=can_ask), gr.skip()
