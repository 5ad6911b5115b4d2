"""Gradio's page, of whose streams nothing is lost."""

from typing import Any

import gradio as gr

_ACTIONS = {"replace", "append", "add", "delete"}


class Blocks(gr.Blocks):
    """Sends what is new in a value as a whole.

    Gradio tells a page only what differs from the value before, and the page changes that value in place,
    also where it has not come to drawing it yet. What a slow page has not drawn by then, it never draws: a
    button that was let go and is not mentioned again stays held. Text that grows is sent as before.
    """

    def handle_streaming_diffs(self, block_fn: Any, data: list[Any], *how: Any, **more: Any) -> list[Any]:
        """Values for one message of a stream, or how they differ from the last one's."""
        values = [*data]
        sent = super().handle_streaming_diffs(block_fn, data, *how, **more)
        return [
            [["replace", [], value]] if _changes_inside(told) else told
            for value, told in zip(values, sent, strict=True)
        ]


def _changes_inside(told: Any) -> bool:
    """Whether these are differences, and one is in a part of the value."""
    are_differences = isinstance(told, list) and all(
        isinstance(one, list) and len(one) == 3 and one[0] in _ACTIONS and isinstance(one[1], list)
        for one in told
    )
    return are_differences and any(path for _, path, _ in told)
