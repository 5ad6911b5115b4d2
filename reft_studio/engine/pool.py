"""One engine for each base model that is in use: all that memory holds, else those that were used last.

Memory comes back when an engine is closed: its process ends.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Lock

from reft_studio.base_ref import BaseRef
from reft_studio.engine.interface import Engine, EngineStatus, Readiness
from reft_studio.errors import BaseModelError, EngineError, NoRoomYetError
from reft_studio.fit import Fit, Weight, gigabytes

CLOSED = "The app was closed before this was done."
NO_ROOM_YET = (
    'The model "{id}" has to wait: another one is at work and memory is not enough for both. Try again when '
    "that is done."
)

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Place:
    """An engine, and whether anybody needs it."""

    engine: Engine
    reckoned: int = 0
    """Bytes that it is going to take once its model is loaded."""
    users: int = 0
    used: int = 0
    """When it was used last: the higher, the later."""

    @property
    def readiness(self) -> Readiness:
        return self.engine.status().readiness

    @property
    def is_idle(self) -> bool:
        return not self.users and not self.engine.is_training()


class Engines:
    """Makes engines with `make` and closes them. Every method may be called from any thread."""

    def __init__(
        self, make: Callable[[BaseRef], Engine], default: BaseRef, *, share_a_machine: bool = True
    ) -> None:
        """`default` is the base model to begin with.

        Engines that do not `share_a_machine` find memory by themselves and train independently of each other.
        """
        self._make, self.default = make, default
        self.share_a_machine = share_a_machine
        self._places: dict[BaseRef, _Place] = {}
        self._lock = Lock()
        # Held for as long as one is started, so that no memory is given to two.
        self._starting = Lock()
        self._moments = count()
        self._closed = False

    def start(self) -> None:
        """Begin to load the default base model; returns at once."""
        with self.use(self.default):
            pass

    @contextmanager
    def use(self, base: BaseRef) -> Iterator[Engine]:
        """The engine of a base model, which is not closed as long as the block lasts.

        It is started if need be, and its answers wait for its model. Raises StudioError if the model is not
        to be had or too big, NoRoomYetError if it may be had later; all others are as they were then.
        """
        place = self._take(base) or self._start(base)
        try:
            yield place.engine
        finally:
            with self._lock:
                place.users -= 1

    def status(self, base: BaseRef) -> EngineStatus | None:
        """How a base model is doing; None if it has no engine."""
        place = self._place_of(base)
        return place.engine.status() if place else None

    def running(self, base: BaseRef) -> Engine | None:
        """The engine of a base model if there is one, for what need not start any."""
        place = self._place_of(base)
        return place.engine if place else None

    def give_up(self, base: BaseRef) -> None:
        """End the engine of a base model that is still on its way, if nobody waits for it any more.

        Not of the default one, which is everybody's. What was fetched of it half is gone.
        """
        with self._lock:
            place = self._places.get(base)
            if not place or base == self.default or place.readiness is not Readiness.LOADING:
                return
            if not place.is_idle:
                return
            del self._places[base]
        log.info("The engine of %s is closed: nobody waits for its model any more", base.id)
        place.engine.close()

    @property
    def bases(self) -> list[BaseRef]:
        """All that have an engine which did not fail."""
        return [base for base, place in self._all().items() if place.readiness is not Readiness.FAILED]

    def stop_chat(self, chat_id: str) -> None:
        """End a running chat early, whichever engine it is with."""
        for place in self._all().values():
            place.engine.stop_chat(chat_id)

    def weigh(self, base: BaseRef) -> tuple[Weight, int]:
        """What a base model needs, and how much memory there would be for it if it took the place of others.

        Those that train now count like any other; where each has a machine of its own, none has to make room.
        Raises StudioError for one that is not to be had.
        """
        places = self._all()
        # The one that is ready answers at once, one that has failed still can.
        ask = sorted(places.values(), key=lambda place: place.readiness is not Readiness.READY)
        if not ask:
            raise EngineError(CLOSED)
        weight = ask[0].engine.weigh(base)
        others = [place for other, place in places.items() if other != base and self.share_a_machine]
        held = sum(place.engine.status().held for place in others)
        free = max((fit.free for fit in weight.fits), default=0)
        return weight, free + held

    def close(self) -> None:
        """End all engines."""
        with self._lock:
            self._closed = True
            places = list(self._places.values())
            self._places.clear()
        with ThreadPoolExecutor(max(1, len(places))) as closing:
            for place in places:
                closing.submit(place.engine.close)

    def _all(self) -> dict[BaseRef, _Place]:
        with self._lock:
            return dict(self._places)

    def _place_of(self, base: BaseRef) -> _Place | None:
        """The one for a base model. One at a revision has the newest one's, if that is or may be the same."""
        if (place := self._places.get(base)) or not base.revision:
            return place
        newest = self._places.get(BaseRef(base.id, base.quantization))
        loading = newest and newest.readiness is Readiness.LOADING
        return newest if newest and (loading or newest.engine.status().revision == base.revision) else None

    def _take(self, base: BaseRef) -> _Place | None:
        """The place of an engine that is there, for one more user; one whose model failed is tried anew."""
        with self._lock:
            if self._closed:
                raise EngineError(CLOSED)
            place = self._place_of(base)
            if place and place.readiness is Readiness.FAILED and place.is_idle:
                del self._places[base]
            elif place:
                place.users += 1
                place.used = next(self._moments)
                return place
        if place:
            place.engine.close()
        return None

    def _start(self, base: BaseRef) -> _Place:
        with self._starting:
            # Somebody else may have started it in the meantime.
            if place := self._take(base):
                return place
            reckoned = self._make_room(base) if self.share_a_machine and self._all() else 0
            place = _Place(self._make(base), reckoned, users=1, used=next(self._moments))
            with self._lock:
                if self._closed:
                    raise EngineError(CLOSED)
                self._places[base] = place
            try:
                place.engine.start()
            except OSError:
                with self._lock:
                    self._places.pop(base, None)
                raise
            return place

    def _make_room(self, base: BaseRef) -> int:
        """Close as few idle engines as it takes, those first that were used longest ago.

        None is closed unless that is enough. Returns the bytes that are needed.
        """
        weight, _ = self.weigh(base)
        promised = sum(p.reckoned for p in self._all().values() if p.readiness is Readiness.LOADING)
        idle = sorted((p for p in self._all().values() if p.is_idle), key=lambda place: place.used)
        for fit in weight.fits:
            if (leaving := _enough(idle, fit.needed - (fit.free - promised))) is not None:
                self._end(leaving)
                return fit.needed
        if weight.fits:
            raise self._no_room(base, weight.fits[-1])
        return 0

    def _no_room(self, base: BaseRef, fit: Fit) -> EngineError | BaseModelError:
        busy = [place for place in self._all().values() if not place.is_idle]
        all_of_it = fit.free + sum(place.engine.status().held for place in self._all().values())
        if busy and fit.needed <= all_of_it:
            return NoRoomYetError(NO_ROOM_YET.format(id=base.id))
        return BaseModelError(
            f'The model "{base.id}" is too big for this machine: it needs about {gigabytes(fit.needed)} of '
            f"memory, and {gigabytes(all_of_it)} can be had. Choose a smaller one, or close other programs."
        )

    def _end(self, leaving: list[_Place]) -> None:
        for place in leaving:
            with self._lock:
                # Whoever has begun to use it since then keeps it; the new one will have less memory.
                base = next((base for base, other in self._places.items() if other is place), None)
                if base is None or not place.is_idle:
                    continue
                del self._places[base]
            log.info("The engine of %s is closed: its memory is needed", base.id)
            place.engine.close()


def _enough(idle: Sequence[_Place], missing: int) -> list[_Place] | None:
    """Those of the idle ones, the first ones first, that hold the missing bytes; None if all of them do not.

    Whatever can stay beside the others stays.
    """
    leaving: list[_Place] = []
    for place in idle:
        if missing > 0:
            leaving.append(place)
            missing -= place.engine.status().held
    if missing > 0:
        return None
    for place in list(leaving):
        if missing + (held := place.engine.status().held) <= 0:
            leaving.remove(place)
            missing += held
    return leaving
