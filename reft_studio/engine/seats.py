"""Several people's chats at the same time, on one copy of the weights.

Each chat has a seat: modules of its own over the same tensors, so that its bot's edits and LoRA are nobody
else's. Their forward passes take turns, so that everybody's reply grows, and whoever comes later waits for
no more than one pass of each of the others. The panes of one chat are one batch; the edits of its bots change
nothing in the row of the base pane, bit for bit.

Why not one batch for everybody, as in transformers' continuous batching? It gets through more, three to
four times as much with twelve people on the embedded model (`benchmarks/chat.py`), but the last bits of a
row depend on how many are beside it: in bfloat16 3 of 60 sampled replies came out otherwise, and then
neither does a seed give the same reply again nor the base pane what the untouched model says. Nor can
packed rows have a LoRA each. Here all that one reads depends on what one asked alone, for every
architecture that transformers can generate with.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Any

from reft_studio.base_model import BaseModel
from reft_studio.fit import Shape, free_memory

MOST_AT_ONCE = 16
"""Chats; further ones wait for the end of one."""
SECONDS_BETWEEN_LOOKS = 0.1
"""So often who waits looks whether they still want to."""
SHARE_OF_FREE_MEMORY = 0.5
"""How much of what is free when one begins the pasts of all chats may take."""
PANES, TOKENS = 3, 2048
"""The chat that memory is reckoned for."""


class Seats:
    """As many as there is memory for; made when they are needed."""

    def __init__(self, base: BaseModel) -> None:
        self._base = base
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()
        self._free: list[BaseModel] = []
        self._passes = Passes()

    @contextmanager
    def taken(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[BaseModel | None]:
        """Wait for a seat, in the order of coming, and have it within the block; None for who gives up."""
        if not self._wait(should_stop):
            yield None
            return
        try:
            try:
                seat = self._free.pop()
            except IndexError:
                seat = self._new()
            try:
                yield seat
            finally:
                self._free.append(seat)
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def _wait(self, should_stop: Callable[[], bool]) -> bool:
        me = object()
        with self._changed:
            self._waiting.append(me)
            try:
                while self._waiting[0] is not me or self._taken >= how_many(self._base):
                    if should_stop():
                        return False
                    self._changed.wait(SECONDS_BETWEEN_LOOKS)
                self._taken += 1
                return True
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def _new(self) -> BaseModel:
        def begin(*_: Any) -> None:
            self._passes.begin()

        def end(*_: Any) -> None:
            self._passes.end()

        seat = self._base.twin()
        seat.model.register_forward_pre_hook(begin)
        # Also after a pass that failed.
        seat.model.register_forward_hook(end, always_call=True)
        return seat


class Passes:
    """One at a time, in the order in which they were asked for. A plain lock may go to the same one again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()
        self._running = False

    def begin(self) -> None:
        """Wait until it is one's turn."""
        with self._lock:
            if not self._running:
                self._running = True
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def end(self) -> None:
        """Let the next one begin."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._running = False


def how_many(base: BaseModel) -> int:
    """So many chats may go on at once, by what is free now: trainings and other models take of it too."""
    past = Shape.of(base.model.config.get_text_config()).past(base.model.dtype)
    tokens = PANES * min(TOKENS, base.context_length)
    fitting = int(SHARE_OF_FREE_MEMORY * free_memory(base.device) / (past * tokens))
    return max(1, min(MOST_AT_ONCE, fitting))
