"""A copy of the model on one machine of a cluster: what `ray.py` makes an actor of. Nothing of Ray here."""

import io
from contextlib import suppress
from functools import cached_property
from queue import Empty, SimpleQueue
from uuid import uuid4

from reft_studio.engine.interface import JobState, JobUpdate
from reft_studio.engine.messages import Answer, Ask, End, Event, Submit
from reft_studio.engine.parcels import Parcel, Told, Unpacked
from reft_studio.engine.process import load_core
from reft_studio.logs import configure_logs
from reft_studio.quantization import Quantization
from reft_studio.scratch import Scratch


class _Lines(io.StringIO):
    """Where the log of this process goes: to the app."""

    def __init__(self, told: "SimpleQueue[Told | None]") -> None:
        super().__init__()
        self._told = told

    def write(self, line: str) -> int:
        self._told.put(Told(None, {}, line))
        return len(line)


class Node:
    """A `Core` whose commands come with their files, and which is asked for what it has to tell."""

    def __init__(self, base_model: str, quantization: Quantization | None) -> None:
        self._told: SimpleQueue[Told | None] = SimpleQueue()
        self._unpacked: dict[str, Unpacked] = {}
        configure_logs("machine", _Lines(self._told))
        self._core = load_core(base_model, quantization, self._send)

    @cached_property
    def _scratch(self) -> Scratch:
        # Not made before there is anything to put there: a copy that is ended on its way leaves nothing.
        return Scratch()

    def handle(self, parcel: Parcel) -> None:
        """Begin what is asked for; returns at once."""
        match parcel.command:
            case Submit(job):
                self._begin(parcel, job.id)
            case Ask(id):
                self._begin(parcel, id)
            case command:
                self._core.handle(command)

    def take(self) -> list[Told | None]:
        """Wait until there is something to tell, and return all of it; None is the last."""
        told = [self._told.get()]
        with suppress(Empty):
            while True:
                told.append(self._told.get_nowait())
        return told

    def close(self) -> None:
        """Stop what runs, and tell how far it has come."""
        self._core.close()
        for unpacked in list(self._unpacked.values()):
            self._told.put(Told(None, unpacked.changed()))
        self._scratch.close()
        # Whoever hears of this ends the process.
        self._told.put(None)

    def _begin(self, parcel: Parcel, id: str) -> None:  # noqa: A002
        from reft_studio.engine.explain import explain

        try:
            self._unpacked[id] = Unpacked(parcel, self._scratch.folder / uuid4().hex)
        except OSError as error:
            said, trains = explain(error), isinstance(parcel.command, Submit)
            self._send(JobUpdate(id, JobState.FAILED, message=said) if trains else End(id, said))
            return
        self._core.handle(self._unpacked[id].command)

    def _send(self, event: Event) -> None:
        # Called from the thread that writes the files of which the event tells, so none is half written.
        match event:
            case JobUpdate(id, state):
                self._tell(event, id, ended=state.ended)
            case Answer(id) | End(id):
                self._tell(event, id, ended=isinstance(event, End))
            case _:
                self._told.put(Told(event, {}))

    def _tell(self, event: Event, id: str, *, ended: bool) -> None:  # noqa: A002
        unpacked = self._unpacked.get(id)
        self._told.put(Told(event, unpacked.changed() if unpacked else {}))
        if unpacked and ended:
            del self._unpacked[id]
            unpacked.remove()
