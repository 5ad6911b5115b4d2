"""What to tell a person about a task of the engine that did not go well."""

import errno
import logging
import re
from concurrent.futures import Future
from typing import Any

from safetensors import SafetensorError

from reft_studio.engine.messages import OUR_MISTAKE
from reft_studio.errors import StudioError

log = logging.getLogger(__name__)

TOO_BIG = (
    "This is too big for this machine: its memory is full. Try fewer or shorter rows, a shorter message or a "
    "smaller base model, or close other programs; then do it again."
)
NO_ROOM = (
    "The disk is full, so nothing could be saved. Make room on it and try again; your rows and the bots that "
    "you have are as they were."
)
NOT_BEGUN = (
    "The base model could not be started on a machine of the cluster: {reason} It is tried again every few "
    "seconds."
)
LOST = "The machine that worked on this was lost. Another one takes its place: please try again."
GOES_ON = (
    "The machine that worked on this was lost. Another one goes on from where it was written down last, as "
    "soon as it has room."
)
GIVEN_UP = (
    "This training lost its machine again and again without getting any further, perhaps because the memory "
    "there is too small. Try fewer or shorter rows, or a smaller base model."
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain_end(done: Future[Any]) -> str:
    """A sentence on how a task ended: nothing if all went well."""
    error = None if done.cancelled() else done.exception()
    return explain(error) if error else ""


def explain(error: BaseException) -> str:
    """A sentence on what went wrong. What is our mistake goes to the log."""
    if isinstance(error, StudioError):
        return str(error)
    log.error("A task of the engine crashed", exc_info=error)
    if _no_memory(error):
        return TOO_BIG
    return NO_ROOM if _no_room(error) else OUR_MISTAKE


def _no_memory(error: BaseException) -> bool:
    # On a processor torch has no exception of its own for it. On a graphics card it has, which is known here
    # by its name: whoever has not loaded torch does so for nothing less than a model.
    said = isinstance(error, RuntimeError) and "allocate memory" in str(error)
    return said or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _no_room(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    # safetensors tells the number in its text only.
    told = re.search(r"os error (\d+)", str(error)) if isinstance(error, SafetensorError) else None
    return told is not None and int(told[1]) in _FULL
