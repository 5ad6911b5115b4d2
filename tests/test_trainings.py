"""The queue gives the engine as many trainings as it has room for, and everyone has a turn."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from reft_studio.base_ref import BaseRef
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import Engine, EngineStatus, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.engine.pool import Engines
from reft_studio.errors import EngineError, StorageError
from reft_studio.moments import Moment
from reft_studio.settings import TIGHTER, Settings
from reft_studio.store import Store
from reft_studio.trainings import Trainings
from tests.full_disk import full_disk, only_where_disks_can_be_full


class Recorder:
    """An engine that does what it is told in its own time."""

    def __init__(self) -> None:
        self.submitted: list[TrainingJob] = []
        self.cancelled: list[str] = []
        self.finished: list[tuple[str, int]] = []
        self.readiness = Readiness.READY
        self.becomes = Readiness.READY
        self.started = 0
        self.error: OSError | None = None
        self.room: float = 1

    def start(self) -> None:
        self.started += 1
        self.readiness = self.becomes

    def close(self) -> None: ...

    def is_training(self) -> bool:
        return False

    def status(self) -> EngineStatus:
        return EngineStatus(self.readiness, message="There is no such model.")

    def capacity(self) -> float:
        return self.room

    def submit(self, job: TrainingJob) -> None:
        if self.error:
            raise self.error
        self.submitted.append(job)

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def finish(self, job_id: str, step: int) -> None:
        self.finished.append((job_id, step))

    @property
    def ids(self) -> list[str]:
        return [job.id for job in self.submitted]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


def engines_of(engine: Recorder, *, share_a_machine: bool = True) -> Engines:
    engines = Engines(lambda _: cast("Engine", engine), BaseRef(), share_a_machine=share_a_machine)
    engines.start()
    return engines


@pytest.fixture
def trainings(store: Store, engine: Recorder) -> Trainings:
    trainings = Trainings(store, Settings(max_waiting_trainings=3, max_rows=7, max_training_seconds=60))
    trainings.start(engines_of(engine))
    return trainings


@pytest.fixture
def click(store: Store, trainings: Trainings) -> Callable[[str, str], None]:
    def train(owner: str, job_id: str) -> None:
        job = TrainingJob(job_id, "A bot", (Demonstration("Hi", "Ho"),), store.bot_folder(job_id))
        trainings.add(owner, job)

    return train


def test_one_training_runs_and_the_others_know_how_many_come_before(click, trainings, engine) -> None:
    for owner in ("ann", "bob", "cleo"):
        click(owner, owner)
    assert engine.ids == ["ann"]
    assert [trainings.ahead_of(job_id) for job_id in ("ann", "bob", "cleo", "nobody")] == [None, 1, 2, None]
    trainings.record(JobUpdate("ann", JobState.RUNNING, 1, 2))
    assert engine.ids == ["ann"]
    trainings.record(JobUpdate("ann", JobState.DONE, 2, 2))
    assert engine.ids == ["ann", "bob"]
    assert trainings.ahead_of("cleo") == 1


def test_as_many_trainings_run_as_the_engine_has_room_for(click, trainings, engine) -> None:
    engine.room = 2
    for owner in ("ann", "bob", "cleo", "dora"):
        click(owner, owner)
    assert engine.ids == ["ann", "bob"]
    assert trainings.ahead_of("dora") == 3
    # There may be less room by then, as when a machine is lost, or more.
    engine.room = 1
    trainings.record(JobUpdate("ann", JobState.DONE))
    assert engine.ids == ["ann", "bob"]
    engine.room = 3
    trainings.record(JobUpdate("bob", JobState.DONE))
    assert engine.ids == ["ann", "bob", "cleo", "dora"]


def test_whoever_waits_is_next_when_another_machine_joins(store: Store, engine: Recorder) -> None:
    trainings = Trainings(store, Settings())
    trainings.start(engines_of(engine, share_a_machine=False))
    for owner in ("ann", "bob", "cleo"):
        rows = (Demonstration("Hi", "Ho"),)
        trainings.add(owner, TrainingJob(owner, "A bot", rows, store.bot_folder(owner)))
    assert engine.ids == ["ann"]
    engine.room = 2
    trainings.record(JobUpdate("ann", JobState.RUNNING, 1, 9))
    assert engine.ids == ["ann", "bob"]


@pytest.mark.parametrize("end", [state for state in JobState if state.ended])
def test_however_a_training_ends_the_next_one_begins(click, trainings, engine, end) -> None:
    click("ann", "one")
    click("bob", "two")
    trainings.record(JobUpdate("one", end))
    assert engine.ids == ["one", "two"]


def test_the_limits_of_this_server_go_with_a_training(click, engine) -> None:
    click("ann", "one")
    (job,) = engine.submitted
    assert (job.limits.rows, job.max_seconds) == (7, 60)


def test_only_its_owner_stops_a_training_wherever_it_stands(click, trainings, store, engine) -> None:
    click("ann", "runs")
    click("bob", "waits")
    for owner, job_id in [("bob", "runs"), ("ann", "waits"), ("cleo", "runs"), ("cleo", "gone")]:
        trainings.cancel(owner, job_id)
    assert engine.cancelled == []
    assert store.waiting() == ["waits"]
    trainings.cancel("bob", "waits")
    assert store.waiting() == []
    assert engine.cancelled == []
    trainings.cancel("ann", "runs")
    assert engine.cancelled == ["runs"]


def test_only_its_owner_ends_a_training_early_and_the_engine_hears_at_which_step(
    click, trainings, engine
) -> None:
    click("ann", "one")
    trainings.finish("ann", "one")
    trainings.record(JobUpdate("one", JobState.RUNNING, 3, 9))
    trainings.finish("bob", "one")
    assert engine.finished == []
    trainings.finish("ann", "one")
    assert engine.finished == [("one", 3)]


def test_keeping_another_moment_is_work_for_the_engine(click, trainings, store, engine) -> None:
    click("ann", "one")
    moments = (Moment(1, 12, 12), Moment(2, 12, 11))
    (store.moments_folder("one") / "1").mkdir(parents=True)
    trainings.record(JobUpdate("one", JobState.DONE, 2, 2, moments=moments, kept=2))
    trainings.keep("ann", "one", 1)
    assert [job.keep and job.keep.kept for job in engine.submitted] == [None, 1]


def test_a_full_queue_says_so_and_takes_nothing(click, store) -> None:
    for number in range(4):
        click(f"person {number}", f"job {number}")
    with pytest.raises(EngineError, match="try again in a few minutes"):
        click("one too many", "job 9")
    assert store.latest_job("one too many") is None


def test_an_engine_without_its_model_is_given_nothing_more(click, trainings, store, engine) -> None:
    click("ann", "one")
    click("bob", "two")
    engine.readiness = Readiness.FAILED
    trainings.record(JobUpdate("one", JobState.FAILED, message="There is no such model."))
    assert engine.ids == ["one"]
    assert store.waiting() == ["two"]


def test_a_click_with_an_engine_without_its_model_says_why_after_trying_once_more(click, engine) -> None:
    engine.readiness = engine.becomes = Readiness.FAILED
    with pytest.raises(EngineError, match="There is no such model"):
        click("ann", "one")
    assert engine.started == 2
    engine.becomes = Readiness.LOADING
    click("ann", "one")
    assert engine.ids == ["one"]


def test_an_engine_that_cannot_be_started_holds_nothing_up(click, store, engine) -> None:
    engine.error = OSError("out of processes")
    click("ann", "one")
    latest = store.latest_job("ann")
    assert latest
    assert latest.state is JobState.INTERRUPTED
    engine.error = None
    click("bob", "two")
    assert engine.ids == ["two"]


def test_nothing_more_begins_once_the_app_is_closing(click, trainings, store, engine) -> None:
    click("ann", "one")
    click("bob", "two")
    trainings.close()
    trainings.record(JobUpdate("one", JobState.DONE))
    assert engine.ids == ["one"]
    assert store.waiting() == ["two"]


@only_where_disks_can_be_full
def test_how_a_training_ended_is_noted_when_there_is_room_again(
    click, trainings, store, engine, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("reft_studio.trainings.SECONDS_FOR_ROOM", 0.05)
    click("ann", "one")
    click("bob", "two")
    with full_disk(tmp_path / "data"):
        with pytest.raises(StorageError):
            trainings.record(JobUpdate("one", JobState.DONE, 2, 2))
        time.sleep(0.2)
        assert store.bots("ann") == []
        assert engine.ids == ["one"]
    deadline = time.monotonic() + 30
    while engine.ids != ["one", "two"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [bot.id for bot in store.bots("ann")] == ["one"]


def test_who_has_used_up_the_room_on_the_disk_begins_no_training(click, trainings) -> None:
    trainings._settings = Settings(max_person_bytes=1)
    click("ann", "one")
    trainings.record(JobUpdate("one", JobState.DONE))
    with pytest.raises(StorageError, match="delete a bot"):
        click("ann", "two")
    click("bob", "three")


def test_a_restarted_app_goes_on_with_all_of_them(click, store) -> None:
    for owner in ("ann", "bob"):
        click(owner, owner)
    fresh, engine = Trainings(store, Settings()), Recorder()
    fresh.start(engines_of(engine))
    assert engine.ids == ["ann"]
    assert fresh.ahead_of("bob") == 1


def test_a_shared_app_allows_less_unless_it_is_told_otherwise(monkeypatch) -> None:
    assert all(getattr(Settings(shared=True), name) == most for name, most in TIGHTER.items())
    for name, most in TIGHTER.items():
        alone = getattr(Settings(), name)
        assert alone is None or alone > most
    assert Settings(shared=True, max_rows=12).limits.rows == 12
    monkeypatch.setenv("SPACE_ID", "me/studio")
    assert Settings().shared
