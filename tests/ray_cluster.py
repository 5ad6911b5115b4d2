"""A Ray cluster of several machines, all of which are this one; nothing of it is left afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psutil
from ray.cluster_utils import Cluster

MACHINE = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
SOON = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 8,
    "enable_worker_prestart": False,
}
"""A lost machine is noticed sooner than by default, a slow one is not taken for lost, and no process waits
for work that never comes."""


@contextmanager
def ray_cluster() -> Iterator[Cluster]:
    """A cluster of one machine with one processor; whoever joins does so there."""
    # Unix sockets in there have short names only.
    home = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    environment = {
        "RAY_TMPDIR": home,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_worker_niceness": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    with patch.dict(os.environ, environment):
        cluster = Cluster(True, head_node_args={**MACHINE, "num_cpus": 1, "_system_config": SOON})
        try:
            yield cluster
        finally:
            everything = psutil.Process().children(recursive=True)
            cluster.shutdown()
            _, alive = psutil.wait_procs([p for p in everything if home in _arguments(p)], timeout=20)
            for process in alive:
                process.kill()
            shutil.rmtree(home, ignore_errors=True)
    assert not alive, f"The cluster left {alive}."


def add_machine(cluster: Cluster, **has: int) -> Any:
    """One more, with two processors unless it is said what it has."""
    return cluster.add_node(**MACHINE, **{"num_cpus": 2} | has)


def lose_machine(cluster: Cluster, machine: Any) -> None:
    """As when its plug is pulled."""
    cluster.remove_node(machine, allow_graceful=False)


def works_on(machine: Any) -> list[psutil.Process]:
    """The copies of the model on a machine."""
    raylet = psutil.Process(machine.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children(recursive=True) if "ray::Node" in _arguments(child)]


def _arguments(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
