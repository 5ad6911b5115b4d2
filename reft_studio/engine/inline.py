"""An engine in this very process, for notebooks and tests."""

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from reft_studio.engine.client import EngineClient
from reft_studio.engine.messages import Command, Event

if TYPE_CHECKING:
    from reft_studio.engine.core import Core


@dataclass(eq=False, repr=False)
class InlineEngine(EngineClient):
    """Holds the model in this process, so it imports torch when started."""

    _core: "Core | None" = field(init=False, default=None)
    _receiving: Lock = field(init=False, default_factory=Lock)
    _starting: Lock = field(init=False, default_factory=Lock)

    def start(self) -> None:
        from reft_studio.engine.core import Core

        self._core = Core(self.base_model, self._receive_one_at_a_time, self.quantization)

    def close(self) -> None:
        if self._core:
            self._core.close()
            self._core = None
        self.lost("The engine was closed.")

    def _send(self, command: Command) -> None:
        with self._starting:
            if self._core is None:
                self.start()
        assert self._core
        self._core.handle(command)

    def _receive_one_at_a_time(self, event: Event) -> None:
        with self._receiving:
            self.receive(event)
