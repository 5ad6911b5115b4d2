"""The machines of a Ray cluster and copies of the model on them, as actors. No other file imports ray."""

import logging
import os
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection
from typing import Any

from reft_studio.base_ref import BaseRef
from reft_studio.engine.node import Node
from reft_studio.engine.parcels import Parcel, Told
from reft_studio.errors import EngineError
from reft_studio.quantization import Quantization

NO_CLUSTER = (
    'No Ray cluster can be joined at "{address}": {reason} Start one with "ray start --head", or give the '
    "address of another; the token of one that asks for it belongs into ~/.ray/auth_token here too. It is "
    "tried again every few seconds."
)
NO_MACHINE = (
    "No machine of the Ray cluster has {asked}. Ask for less with REFT_STUDIO_RAY_CPUS and "
    "REFT_STUDIO_RAY_GPUS, or add a machine that has it."
)
_INSTALLATION = Path(__file__).resolve().parents[2]
_SHIPPED = ("reft_studio", "assets")
"""What of it all machines get, so that they run the same version."""


@dataclass(frozen=True)
class Place:
    """Which cluster, and what each copy of the model gets of a machine there."""

    address: str
    cpus: float
    gpus: float

    def fits(self, resources: dict[str, float]) -> int:
        """How many copies there is room for, in what there is by Ray's names."""
        asked = {"CPU": self.cpus, "GPU": self.gpus}
        return int(min(resources.get(name, 0) // amount for name, amount in asked.items() if amount))


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
        self._model = (BaseRef.of(base_model).name, quantization)
        self._place = place

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
        import ray

        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = sum(map(self._place.fits, machines))
        if not most:
            asked = f"{self._place.cpus:g} processors and {self._place.gpus:g} graphics cards"
            raise EngineError(NO_MACHINE.format(asked=asked))
        return max(1, min(most, held + self._place.fits(ray.available_resources())))

    def hire(self) -> Copy:
        """Have a copy of the model started on a machine with room, as far from the others as can be."""
        import ray

        # Whoever waits for what it tells is not in the way of what it is told.
        node = ray.remote(concurrency_groups={"telling": 1})(Node)
        placed = node.options(
            num_cpus=self._place.cpus, num_gpus=self._place.gpus, scheduling_strategy="SPREAD"
        )
        return Copy(placed.remote(*self._model))

    def leave(self) -> None:
        """Be no part of the cluster any more, which ends all copies."""
        import ray

        ray.shutdown()


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
