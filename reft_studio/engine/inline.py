"""An engine in this very process, for notebooks and tests."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from reft_studio.engine.client import EngineClient
from reft_studio.engine.interface import JobUpdate
from reft_studio.engine.messages import Command, Event
from reft_studio.quantization import Quantization

if TYPE_CHECKING:
    from reft_studio.engine.core import Core


class InlineEngine(EngineClient):
    """Holds the model in this process, so it imports torch when started."""

    def __init__(
        self,
        base_model: str,
        on_update: Callable[[JobUpdate], None],
        quantization: Quantization | None = None,
    ) -> None:
        super().__init__(on_update)
        self._base_model = base_model
        self._quantization = quantization
        self._core: Core | None = None
        self._receiving = Lock()

    def start(self) -> None:
        from reft_studio.engine.core import Core

        self._core = Core(self._base_model, self._receive_one_at_a_time, self._quantization)

    def close(self) -> None:
        if self._core:
            self._core.close()
            self._core = None
        self.lost("The engine was closed.")

    def _send(self, command: Command) -> None:
        if self._core is None:
            self.start()
        assert self._core
        self._core.handle(command)

    def _receive_one_at_a_time(self, event: Event) -> None:
        with self._receiving:
            self.receive(event)
