"""Gradio's page, of whose streams nothing is lost, and which does not get slower as it is used."""

import logging
import sys
from html import escape
from traceback import format_tb
from typing import Any, Self

import gradio as gr

log = logging.getLogger(__name__)

NOT_TAKEN = "This was sent in a form that cannot be taken. Reload the page and try again."
"""Here, since a chat Space has this module and no other words of the page."""
SECONDS_BETWEEN_LOOKS = 0.01
_ACTIONS = {"replace", "append", "add", "delete"}


class Blocks(gr.Blocks):
    """Gradio's, mended in three places."""

    def queue(self, *how: Any, **more: Any) -> Self:
        """Gradio's, without statistics of all requests so far, up to ten thousand, after each of them.

        They are for a page of Gradio's own, which is switched off here. And it looks for something to do a
        hundred times a second instead of a thousand, which took a fourteenth of a processor day and night.
        """
        super().queue(*how, **more)
        self._queue.sleep_when_free = max(self._queue.sleep_when_free, SECONDS_BETWEEN_LOOKS)
        self._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
        self._queue.ANALYTICS_MAX_EVENTS = 1
        return self

    async def process_api(self, *how: Any, **more: Any) -> Any:
        """Gradio's, whose own errors quote what was sent: whoever sent it is told, and the log is not."""
        try:
            return await super().process_api(*how, **more)
        except gr.Error as error:
            if not error.print_exception:
                raise
            log.warning("What was sent to a handler is not taken: %s", type(error).__name__)
            raise gr.Error(escape(str(error.message)), print_exception=False) from None
        except Exception as error:  # noqa: BLE001  # whatever it is, its words stay out of the log
            where = "".join(format_tb(error.__traceback__))
            log.warning("What was sent to a handler is not taken: %s\n%s", type(error).__name__, where)
            raise gr.Error(NOT_TAKEN, print_exception=False) from None

    def handle_streaming_diffs(self, block_fn: Any, data: list[Any], *how: Any, **more: Any) -> list[Any]:
        """Values for one message of a stream, or how they differ from the last one's.

        Gradio tells a page only what differs from the value before, and the page changes that value in place,
        also where it has not come to drawing it yet. What a slow page has not drawn by then, it never draws:
        a button that was let go and is not mentioned again stays held. So what is new inside of a value is
        sent as a whole. Text that grows is sent as before.
        """
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
