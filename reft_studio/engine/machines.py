"""The machines of a Ray cluster and copies of the model on them, as actors. No other file imports ray."""

import logging
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from socket import create_connection
from typing import Any

from reft_studio.base_ref import BaseRef
from reft_studio.engine.node import Node
from reft_studio.engine.parcels import Parcel, Told
from reft_studio.errors import EngineError
from reft_studio.fit import Weight, gigabytes
from reft_studio.quantization import Quantization

log = logging.getLogger(__name__)

NO_CLUSTER = (
    'No Ray cluster can be joined at "{address}": {reason} Start one with "ray start --head", or give the '
    "address of another; the token of one that asks for it belongs into ~/.ray/auth_token here too. It is "
    "tried again every few seconds."
)
NO_MACHINE = (
    "No machine of the Ray cluster has {asked}. Ask for less with REFT_STUDIO_RAY_CPUS and "
    "REFT_STUDIO_RAY_GPUS, or add a machine that has it."
)
TOO_BIG = (
    'The model "{id}" is too big for the machines of the Ray cluster: it needs about {needed} of memory, and '
    "{most} can be had on one of them. Choose a smaller one, or add a machine that gives more; how much it "
    'gives is what "ray start --memory" says.'
)
SECONDS_TO_WEIGH = 60.0
_INSTALLATION = Path(__file__).resolve().parents[2]
_SHIPPED = ("reft_studio", "assets")
"""What of it all machines get, so that they run the same version."""


@dataclass(frozen=True)
class Place:
    """Which cluster, and what each copy of the model gets of a machine there."""

    address: str
    cpus: float
    gpus: float
    memory: int = 0
    """Bytes, beside those of the graphics cards; 0 if it is not known what a copy needs."""

    def fits(self, machine: Mapping[str, float]) -> int:
        """How many copies a machine has room for, by what it has in Ray's names."""
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return int(min(machine.get(name, 0) // amount for name, amount in asked.items() if amount))

    def with_memory_for(self, weight: Weight) -> "list[Place]":
        """The same for a model, in each precision that it could be loaded in, the best one first.

        What is going to be on a graphics card, in half precision, comes there by way of the memory.
        """
        if self.gpus:
            needed = [fit.weights + fit.overhead for fit in weight.fits[-1:]]
        else:
            needed = [fit.needed for fit in weight.fits]
        return [replace(self, memory=memory) for memory in needed] or [self]


@dataclass(eq=False, frozen=True)
class Copy:
    """A `Node` on some machine, or on its way there."""

    actor: Any

    def handle(self, parcel: Parcel) -> None:
        """Have it begin with a command."""
        self.actor.handle.remote(parcel)

    def take(self) -> "Future[list[Told | None]]":
        """What it tells next; an exception if it is lost."""
        told: Future[list[Told | None]]
        told = self.actor.take.options(concurrency_group="telling").remote().future()
        return told

    def close(self) -> None:
        """Have it stop, and tell how far it has come."""
        self.actor.close.remote()

    def kill(self) -> None:
        """End it, wherever it is."""
        import ray

        ray.kill(self.actor)


class Machines:
    """A cluster as one base model sees it."""

    def __init__(self, base_model: str, quantization: Quantization | None, place: Place) -> None:
        # Where the embedded one lies differs from machine to machine.
        self._model = BaseRef(BaseRef.of(base_model).name, quantization)
        self._asked = self._place = place
        self._choices: list[Place] = []

    def join(self) -> None:
        """Become part of the cluster, once; raises EngineError."""
        ray = _ray()
        if ray.is_initialized():
            return
        left_out = [f"/{path.name}" for path in _INSTALLATION.iterdir() if path.name not in _SHIPPED]
        shipped = {"working_dir": str(_INSTALLATION), "excludes": [*left_out, "/assets/screenshots"]}
        try:
            _check_that_someone_is_there(self._place.address)
            # What a machine logs comes with what it tells.
            ray.init(self._place.address, runtime_env=shipped, configure_logging=False, log_to_driver=False)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            ray.shutdown()
            reason = str(error).strip().split("\n")[0].rstrip(".") + "."
            raise EngineError(NO_CLUSTER.format(address=self._place.address, reason=reason)) from error

    def room(self, held: int) -> int:
        """How many copies there is room for, beside what others use but with those that are held.

        Raises EngineError if there is no machine that could hold one.
        """
        from ray._private.state import available_resources_per_node

        machines = self._alive()
        if not held or not any(map(self._place.fits, machines.values())):
            self._place = self._choose(machines)
        # No copy is spread over several of them.
        most = sum(map(self._place.fits, machines.values()))
        free = sum(map(self._place.fits, available_resources_per_node().values()))
        return max(1, min(most, held + free))

    @staticmethod
    def _alive() -> dict[str, Mapping[str, float]]:
        """What each machine has, in Ray's names."""
        import ray

        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def _choose(self, machines: Mapping[str, Mapping[str, float]]) -> Place:
        """The best place that there is a machine for; raises EngineError if there is none."""
        able = {name: machine for name, machine in machines.items() if self._asked.fits(machine)}
        if not able:
            asked = f"{self._asked.cpus:g} processors and {self._asked.gpus:g} graphics cards"
            raise EngineError(NO_MACHINE.format(asked=asked))
        self._choices = self._choices or self._weighed(next(iter(able)))
        for place in self._choices:
            if any(map(place.fits, able.values())):
                return place
        needed, most = self._choices[-1].memory, _most_memory(able.values())
        raise EngineError(TOO_BIG.format(id=self._model.id, needed=gigabytes(needed), most=gigabytes(most)))

    def _weighed(self, machine: str) -> list[Place]:
        """The place with memory for the model, as reckoned on a machine: this process has no torch.

        Without it where nothing can be learned of the model: its copy will find out and tell why.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(machine, soft=True)
        weighing = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(_weigh)
        try:
            weight = ray.get(weighing.remote(self._model), timeout=SECONDS_TO_WEIGH)
        except ray.exceptions.RayError as error:
            log.warning("What the base model needs is not known: %s", error)
            return [self._asked]
        return self._asked.with_memory_for(weight)

    def weighed_here(self, weight: Weight) -> Weight:
        """What was weighed on one of the machines, as it is for the one that gives the most memory.

        Of graphics cards it is not known here how much memory they have.
        """
        if self._asked.gpus:
            return weight
        most = _most_memory([machine for machine in self._alive().values() if self._asked.fits(machine)])
        return replace(weight, fits=tuple(replace(fit, free=most) for fit in weight.fits))

    def hire(self) -> Copy:
        """Have a copy of the model started on a machine with room, as far from the others as can be."""
        import ray

        # Whoever waits for what it tells is not in the way of what it is told.
        node = ray.remote(concurrency_groups={"telling": 1})(Node)
        placed = node.options(
            num_cpus=self._place.cpus,
            num_gpus=self._place.gpus,
            memory=self._place.memory,
            scheduling_strategy="SPREAD",
        )
        return Copy(placed.remote(self._model.name, self._model.quantization))

    def leave(self) -> None:
        """Be no part of the cluster any more, which ends all copies."""
        import ray

        ray.shutdown()


def _most_memory(machines: Iterable[Mapping[str, float]]) -> int:
    """Bytes that the one with the most of it gives to all that work there."""
    return max((int(machine.get("memory", 0)) for machine in machines), default=0)


def _weigh(base: BaseRef) -> Weight:
    """What a model needs; for a process that may load torch."""
    from reft_studio.weighing import weigh

    return weigh(base)


def _ray() -> Any:
    """The library, told to be quiet and to show its token, if there is one, to whichever cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    has_token = (Path.home() / ".ray" / "auth_token").exists()
    if has_token or any(name in os.environ for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    # It goes into our log, in our form.
    its_log = logging.getLogger("ray")
    its_log.handlers.clear()
    its_log.propagate = True
    its_log.setLevel(logging.ERROR)
    return ray


def _check_that_someone_is_there(address: str) -> None:
    """Raises OSError if not; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        with create_connection((host, int(port)), timeout=5):
            pass
