"""An engine on a Ray cluster, for those who outgrow one machine: several trainings on several machines.

The page holds a process of its own here too, since a program that is joined to a cluster ends with it. In
that process is what spreads the work (`cluster.py`), on the machines are copies of the model (`node.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

from reft_studio.engine.machines import Machines, Place
from reft_studio.engine.messages import Send
from reft_studio.engine.process import Half, ProcessEngine
from reft_studio.errors import EngineError

NOT_INSTALLED = (
    'To work on a Ray cluster the package "ray" is needed, and it is not installed here. Install it with '
    'pip install "ray>=2.60,<3", or start the app without asking for it.'
)


@dataclass(eq=False, repr=False)
class RayEngine(ProcessEngine):
    """A `ProcessEngine` whose process has the work done on machines of a cluster."""

    place: Place = field(kw_only=True)

    def start(self) -> None:
        if find_spec("ray") is None:
            raise EngineError(NOT_INSTALLED)
        super().start()

    def _half(self) -> Callable[[Send], Half]:
        return partial(_spread, Machines(self.base_model, self.quantization, self.place))


def _spread(machines: Machines, send: Send) -> Half:
    from reft_studio.engine.cluster import Cluster

    return Cluster(machines, send)
