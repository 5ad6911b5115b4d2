"""Memory that nobody needs any more goes back to the system, where other engines and programs can have it."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import clear_frames

import torch

_M_ARENA_MAX = -8
_ELSEWHERE = (AttributeError, OSError, TypeError)
"""Without glibc. Other systems give back by themselves what is free."""


def keep_together() -> None:
    """For a process that does nothing but compute, before it does: what is free can then be given back."""
    # Nothing of the libraries is ever garbage, and there is much of it: none is looked for there.
    gc.freeze()
    # Else each thread has a heap of its own, whose end glibc keeps for it, 20 MB and more after a long chat.
    with suppress(*_ELSEWHERE):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@contextmanager
def given_back(*, with_cycles: bool = False) -> Iterator[None]:
    """After the block, what was made in it goes back, also where it failed.

    What refers to itself in a circle is found only `with_cycles`, and all else waits while it is looked for.
    """
    try:
        yield
    except Exception as error:
        _let_go(error)
        raise
    finally:
        if with_cycles:
            gc.collect()
        _trim()


def _let_go(error: BaseException | None) -> None:
    """An error keeps the variables of all functions that it came through: when memory is full, all of it."""
    while error:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _trim() -> None:
    """Hand over what allocators keep for the next time."""
    # Does nothing where there is no such card.
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    with suppress(*_ELSEWHERE):
        ctypes.CDLL(None).malloc_trim(0)
