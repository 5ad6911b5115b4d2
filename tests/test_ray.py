"""A cluster of machines trains and chats; and what goes down with one of them goes on with another."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from ray.cluster_utils import Cluster

from reft_studio.engine.interface import BaseRef, JobState, Readiness, TrainingJob
from reft_studio.engine.machines import Place
from reft_studio.engine.ray import NOT_INSTALLED, RayEngine
from reft_studio.errors import EngineError
from reft_studio.fit import Fit, Weight, gigabytes
from reft_studio.settings import EMBEDDED_MODEL, Settings
from reft_studio.store import LOCAL, Store
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.weighing import weigh
from tests.ray_cluster import add_machine, lose_machine, works_on
from tests.test_engine import FOREVER, ROWS, ask, written_down, written_to
from tests.ui.running import end_in_order, started_app, wait_until
from tests.updates import SECONDS, Updates

GB = 1_000_000_000

pytestmark = pytest.mark.timeout(4 * SECONDS)


@pytest.fixture
def updates() -> Updates:
    return Updates()


def engine_at(updates: Updates, place: Place) -> RayEngine:
    return RayEngine(str(EMBEDDED_MODEL), on_update=updates, place=place)


def endless(folder: Path) -> TrainingJob:
    """A training that leaves whatever a training can leave."""
    return TrainingJob(
        folder.name,
        "A bot",
        ROWS,
        folder / "bot",
        dict(FOREVER),
        checkpoint_file=folder / "checkpoint",
        moments_folder=folder / "moments",
    )


def test_a_training_goes_on_on_another_machine_when_it_loses_its_own(
    cluster: Cluster, updates: Updates, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lost, kept = endless(tmp_path / "lost"), endless(tmp_path / "kept")
    # The first machine has too few processors for a training; each of these has enough for one.
    machines = [add_machine(cluster)]
    with closing(engine_at(updates, Place(cluster.address, 2, 0))) as engine:
        engine.start()
        machines.append(add_machine(cluster))
        updates.wait_for(lambda: engine.status().readiness is Readiness.READY and engine.capacity() == 2)
        plain = ask(engine)
        (first,) = [machine for machine in machines if works_on(machine)]

        # Both at the same time, each on a machine of its own.
        engine.submit(lost)
        engine.submit(kept)
        updates.running(kept.id)
        assert [len(works_on(machine)) for machine in machines] == [1, 1]
        assert not updates.of(lost.id)[-1].state.ended

        before = written_down(updates, lost)
        lose_machine(cluster, first)
        updates.wait_for(lambda: engine.capacity() == 1)
        # The other machine answers now, and has room for the lost one when it is done with its own.
        assert ask(engine) == plain
        engine.finish(kept.id, updates.of(kept.id)[-1].step)
        done = updates.end(kept.id)
        assert (done.state, done.message.startswith("You ended")) == (JobState.DONE, True)
        assert ask(engine, kept.bot_folder) != plain
        assert list((tmp_path / "kept" / "moments").glob("*/bot.json"))

        after = updates.wait(lost.id, lambda update: "went on from step" in update.message)
        assert after.step >= before
        told = [update for update in updates.of(lost.id) if not update.message][-1].losses
        assert after.losses[: len(told)] == told[: len(after.losses)]
    # What was still to be done when the app was closed is written down to its last step.
    assert {update.state for update in updates.of(lost.id)} == {JobState.RUNNING}
    assert Checkpoint.load(written_to(lost)).step >= updates.of(lost.id)[-1].step
    assert not written_to(kept).exists()
    lose_machine(cluster, *set(machines) - {first})
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith('{"time"')]
    assert {"process": "machine", "job": lost.id}.items() <= {
        key: line.get(key)
        for line in logged
        if line["event"] == "A training goes on from its checkpoint"
        for key in ("process", "job")
    }.items()


def test_who_asks_for_more_than_any_machine_has_is_told_before_a_copy_begins_and_until_there_is_one(
    cluster: Cluster, updates: Updates
) -> None:
    def is_said(words: str) -> bool:
        status = engine.status()
        return status.readiness is Readiness.FAILED and words in status.message

    with closing(engine_at(updates, Place(cluster.address, 2, 0))) as engine:
        engine.start()
        updates.wait_for(
            lambda: is_said("No machine of the Ray cluster has 2 processors and 0 graphics cards")
        )
        with pytest.raises(EngineError, match="No machine of the Ray cluster"):
            ask(engine)
        small = add_machine(cluster, memory=GB // 5)
        needed = gigabytes(weigh(BaseRef(str(EMBEDDED_MODEL))).fits[-1].needed)
        updates.wait_for(lambda: is_said(f"it needs about {needed} of memory, and 0.2 GB can be had"))
        assert (
            'The model "embedded" is too big for the machines of the Ray cluster' in engine.status().message
        )
        # Processors for four copies, memory for one.
        large = add_machine(cluster, num_cpus=8, memory=GB)
        updates.wait_for(lambda: works_on(large))
        assert engine.capacity() == 1
        assert not works_on(small)
        # Whether another model fits is told by the machine that gives the most, not by what is free there.
        updates.wait_for(lambda: engine.status().readiness is Readiness.READY)
        assert {fit.free for fit in engine.weigh(BaseRef(str(EMBEDDED_MODEL))).fits} == {GB}
    for machine in (small, large):
        lose_machine(cluster, machine)


def test_a_copy_needs_a_machine_with_memory_for_all_of_it() -> None:
    place = Place("auto", cpus=1, gpus=0, memory=5 * GB)
    assert [place.fits({"CPU": 8, "memory": size * GB}) for size in (4, 5, 9, 10)] == [0, 1, 1, 2]
    assert place.fits({"CPU": 1, "memory": 64 * GB}) == 1
    # Ray puts nothing that asks for memory on a machine that does not say how much it has.
    assert place.fits({"CPU": 8}) == 0


def test_memory_is_asked_for_in_the_best_precision_and_for_a_card_only_to_bring_weights_there() -> None:
    def memory(place: Place, *fits: Fit) -> list[int]:
        return [choice.memory for choice in place.with_memory_for(Weight(6, 256, fits))]

    whole, half = (Fit(weights=size * GB, working=3 * GB, overhead=GB, free=0) for size in (8, 4))
    assert memory(Place("auto", 1, 0), whole, half) == [12 * GB, 8 * GB]
    assert memory(Place("auto", 1, 1), whole, half) == [5 * GB]
    # A model whose size cannot be learned is taken to fit.
    assert memory(Place("auto", 1, 0)) == [0]


def test_an_app_that_is_asked_to_end_does_so_within_five_seconds_and_leaves_nothing_on_the_cluster(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    store = Store(tmp_path / "data")
    store.add_job(LOCAL, TrainingJob("long", "A bot", ROWS, store.bot_folder("long"), dict(FOREVER)))
    machine = add_machine(cluster)
    settings = {"engine": "ray", "ray_address": cluster.address, "ray_cpus": "2"}
    with started_app(tmp_path / "data", **settings) as (_, server):
        wait_until(lambda: (job := store.latest_job(LOCAL)) and job.step > 0)
        end_in_order(server, works_on(machine))
    assert not list(temporary.glob("reft-studio-*"))
    told = store.latest_job(LOCAL)
    store.requeue()
    assert store.waiting() == ["long"]
    assert told and Checkpoint.load(store.checkpoint_file("long")).step >= told.step
    lose_machine(cluster, machine)


def test_a_cluster_that_is_not_there_is_missed(updates: Updates) -> None:
    with closing(engine_at(updates, Place("127.0.0.1:9", 1, 0))) as engine:
        engine.start()
        updates.wait_for(lambda: engine.status().readiness is Readiness.FAILED)
        assert 'No Ray cluster can be joined at "127.0.0.1:9"' in engine.status().message


def test_the_cluster_is_named_in_the_terminal_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ("ray", "head:6379", 4, 0.5)
    said = ["--engine", "ray", "--ray-address", "head:6379", "--ray-cpus", "4", "--ray-gpus", "0.5"]
    for name, value in zip(("ENGINE", "RAY_ADDRESS", "RAY_CPUS", "RAY_GPUS"), said[1::2], strict=True):
        monkeypatch.setenv(f"REFT_STUDIO_{name}", value)
    in_environment = Settings()
    for name in ("ENGINE", "RAY_ADDRESS", "RAY_CPUS", "RAY_GPUS"):
        monkeypatch.delenv(f"REFT_STUDIO_{name}")
    assert Settings().engine == "process"
    for settings in (in_environment, Settings(_cli_parse_args=said)):
        found = (settings.engine, settings.ray_address, settings.ray_cpus, settings.ray_gpus)
        assert found == wanted


WITHOUT_RAY = "import runpy, sys; sys.modules['ray'] = None; runpy.run_path('app.py', run_name='__main__')"


def test_the_app_needs_no_ray_unless_it_is_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_RAY]
    with started_app(tmp_path / "data", command) as (address, _), urlopen(f"{address}/healthz") as health:
        assert health.status == 200
    asked = os.environ | {"REFT_STUDIO_DATA_FOLDER": str(tmp_path / "data")}
    told = subprocess.run([*command, "--engine", "ray"], env=asked, capture_output=True, encoding="utf-8")
    assert (told.returncode, told.stderr.strip()) == (1, NOT_INSTALLED)
