"""Several base models: as many as memory holds, and no one loses what is at work."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from reft_studio.base_ref import BaseRef, check_offered
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import Engine, EngineStatus, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.engine.pool import Engines
from reft_studio.errors import BaseModelError, EngineError, NoRoomYetError
from reft_studio.fit import Fit, Weight
from reft_studio.manifest import BaseRecord, base_of
from reft_studio.quantization import Quantization
from reft_studio.settings import EMBEDDED_MODEL, Settings
from reft_studio.store import Store
from reft_studio.trainings import Trainings

SIZES = {"embedded": 1, "small": 4, "small@abc": 4, "medium": 6, "big": 9, "huge": 90}
MEMORY = 10


class Machine:
    """Memory that engines share, and all engines that were ever made on it."""

    def __init__(self) -> None:
        self.engines: list[Memorable] = []
        self.failing: set[str] = set()
        self.halves = False
        """Whether models are loaded in half the precision where the whole one does not fit."""

    def make(self, base: BaseRef) -> Engine:
        self.engines.append(Memorable(self, base))
        return cast("Engine", self.engines[-1])

    @property
    def free(self) -> int:
        return MEMORY - sum(engine.held for engine in self.engines)

    @property
    def loaded(self) -> list[str]:
        return sorted(engine.base.name for engine in self.engines if engine.held)


class Memorable:
    """An engine that takes memory and works only in that it is said to."""

    def __init__(self, machine: Machine, base: BaseRef) -> None:
        self.machine, self.base, self.held = machine, base, 0
        self.readiness = Readiness.STOPPED
        self.revision: str | None = None
        self.jobs: list[str] = []
        self.cancelled: list[str] = []

    def start(self) -> None:
        failed = self.base.name in self.machine.failing
        self.readiness = Readiness.FAILED if failed else Readiness.READY
        size = 0 if failed else SIZES[self.base.name]
        self.held = size if size <= self.machine.free else size // 2
        assert self.machine.free >= 0

    def close(self) -> None:
        self.held = 0

    def status(self) -> EngineStatus:
        said = "It cannot be loaded."
        return EngineStatus(self.readiness, revision=self.revision, message=said, held=self.held)

    def capacity(self) -> float:
        return 1

    def is_training(self) -> bool:
        return bool(self.jobs)

    def submit(self, job: TrainingJob) -> None:
        assert self.held
        self.jobs.append(job.id)

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def weigh(self, base: BaseRef) -> Weight:
        if base.name not in SIZES:
            raise BaseModelError("There is no such model.")
        size, free = SIZES[base.name], self.machine.free
        sizes = (size, size // 2) if self.machine.halves else (size,)
        return Weight(4, 8, tuple(Fit(needed, 0, 0, free) for needed in sizes))


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def engines(machine: Machine) -> Engines:
    engines = Engines(machine.make, BaseRef())
    engines.start()
    return engines


def need(engines: Engines, *names: str) -> None:
    for name in names:
        with engines.use(BaseRef(name)):
            pass


def test_models_that_fit_together_are_kept_and_not_loaded_twice(machine: Machine, engines: Engines) -> None:
    need(engines, "small", "embedded", "small", "small")
    assert machine.loaded == ["embedded", "small"]
    assert len(machine.engines) == 2


def test_a_model_takes_the_place_of_those_used_longest_ago_and_of_no_more_than_need_be(
    machine: Machine, engines: Engines
) -> None:
    need(engines, "small", "embedded", "medium")
    assert machine.loaded == ["embedded", "medium"]
    need(engines, "small")
    assert machine.loaded == ["medium", "small"]
    need(engines, "big", "embedded")
    assert machine.loaded == ["big", "embedded"]


def test_the_same_model_in_fewer_bits_has_an_engine_of_its_own(engines: Engines) -> None:
    with engines.use(BaseRef("small")) as whole, engines.use(BaseRef("small", Quantization.NF4)) as fewer:
        assert whole is not fewer


def test_a_model_at_a_revision_is_the_newest_one_as_long_as_that_is_the_same(
    machine: Machine, engines: Engines
) -> None:
    need(engines, "small")
    newest = machine.engines[-1]
    newest.revision = "abc"
    need(engines, "small@abc")
    assert engines.status(BaseRef("small@abc")) == newest.status()
    assert machine.loaded == ["embedded", "small"]
    newest.revision = "def"
    need(engines, "small@abc")
    assert machine.loaded == ["embedded", "small", "small@abc"]
    # What is on its way may be the same, so there is no second one beside it.
    newest.readiness = Readiness.LOADING
    need(engines, "small@0ld")
    assert machine.loaded == ["embedded", "small", "small@abc"]


def test_whoever_uses_a_model_or_trains_on_it_keeps_it(machine: Machine, engines: Engines) -> None:
    need(engines, "small")
    with engines.use(BaseRef("small")) as engine:
        with pytest.raises(NoRoomYetError, match=r'"big" has to wait'):
            need(engines, "big")
        cast("Memorable", engine).jobs.append("one")
    with pytest.raises(NoRoomYetError):
        need(engines, "big")
    assert machine.loaded == ["embedded", "small"]
    cast("Memorable", engine).jobs.clear()
    need(engines, "big")
    assert machine.loaded == ["big", "embedded"]


@pytest.mark.parametrize(("name", "said"), [("huge", "too big"), ("gone", "no such model")])
def test_what_cannot_be_had_leaves_everything_as_it_was(
    machine: Machine, engines: Engines, name: str, said: str
) -> None:
    need(engines, "small")
    with pytest.raises(BaseModelError, match=said):
        need(engines, name)
    assert machine.loaded == ["embedded", "small"]
    assert len(machine.engines) == 2


def test_half_the_precision_is_for_what_does_not_fit_otherwise(machine: Machine, engines: Engines) -> None:
    machine.halves = True
    SIZES["double"] = 16
    need(engines, "small", "double")
    assert machine.loaded == ["double", "embedded"]
    del SIZES["double"]


def test_a_model_that_failed_is_tried_anew_when_it_is_asked_for_again(
    machine: Machine, engines: Engines
) -> None:
    machine.failing.add("small")
    need(engines, "small")
    assert BaseRef("small") not in engines.bases
    machine.failing.clear()
    need(engines, "small")
    assert machine.loaded == ["embedded", "small"]


def test_two_who_ask_at_once_get_the_same_engine(machine: Machine, engines: Engines) -> None:
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        need(engines, "small")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(machine.engines) == 2


def test_a_closed_app_has_no_engines_and_starts_none(machine: Machine, engines: Engines) -> None:
    need(engines, "small")
    engines.close()
    assert machine.loaded == []
    with pytest.raises(EngineError):
        need(engines, "small")


# Trainings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def trainings(store: Store, engines: Engines) -> Trainings:
    trainings = Trainings(store, Settings())
    trainings.start(engines)
    return trainings


@pytest.fixture
def click(store: Store, trainings: Trainings) -> Callable[[str, str], None]:
    """One training for each person, on a base model."""

    def train(owner: str, base: str) -> None:
        rows, folder = (Demonstration("Hi", "Ho"),), store.bot_folder(owner)
        trainings.add(owner, TrainingJob(owner, "A bot", rows, folder, base=BaseRef(base)))

    return train


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "This did not happen in time."
        time.sleep(0.01)


def end(trainings: Trainings, engine: Memorable, state: JobState = JobState.DONE) -> None:
    trainings.record(JobUpdate(engine.jobs.pop(), state))


def test_a_training_is_brought_to_the_engine_of_its_base_model(
    click: Callable[[str, str], None], trainings: Trainings, machine: Machine, store: Store
) -> None:
    click("ann", "small")
    wait_until(lambda: machine.engines[-1].jobs == ["ann"])
    click("bob", "embedded")
    # On one machine one trains at a time, whichever models they are for.
    assert machine.engines[0].jobs == []
    assert trainings.ahead_of("bob") == 1
    end(trainings, machine.engines[1])
    assert machine.engines[0].jobs == ["bob"]
    assert [bot.base.name for bot in store.bots("ann")] == ["small"]


@pytest.mark.parametrize(("share", "more"), [(True, 1), (False, 0)])
def test_what_others_hold_is_room_for_a_model_on_their_own_machine_only(
    machine: Machine, share: bool, more: int
) -> None:
    engines = Engines(machine.make, BaseRef(), share_a_machine=share)
    engines.start()
    (default,) = machine.engines
    weight, room = engines.weigh(BaseRef("small"))
    assert room == weight.fits[0].free + more * default.held


def test_engines_on_machines_of_their_own_train_at_the_same_time(store: Store, machine: Machine) -> None:
    engines = Engines(machine.make, BaseRef(), share_a_machine=False)
    trainings = Trainings(store, Settings())
    trainings.start(engines)
    for owner, base in (("ann", "small"), ("bob", "embedded"), ("cleo", "small")):
        rows, folder = (Demonstration("Hi", "Ho"),), store.bot_folder(owner)
        trainings.add(owner, TrainingJob(owner, "A bot", rows, folder, base=BaseRef(base)))
    wait_until(lambda: sorted(job for engine in machine.engines for job in engine.jobs) == ["ann", "bob"])
    assert store.waiting() == ["cleo"]


@pytest.mark.parametrize(("base", "said"), [("gone", "no such model"), ("huge", "too big")])
def test_a_training_whose_base_model_cannot_be_had_says_why_and_holds_nothing_up(
    click: Callable[[str, str], None], store: Store, machine: Machine, base: str, said: str
) -> None:
    click("ann", base)
    click("bob", "embedded")
    wait_until(lambda: machine.engines[0].jobs == ["bob"])
    latest = store.latest_job("ann")
    assert latest
    assert latest.state is JobState.FAILED
    assert said in latest.message


def test_a_base_model_that_fails_keeps_only_its_own_trainings_waiting(
    click: Callable[[str, str], None], trainings: Trainings, store: Store, machine: Machine
) -> None:
    click("ann", "small")
    wait_until(lambda: machine.engines[-1].jobs == ["ann"])
    click("bob", "small")
    click("cleo", "embedded")
    machine.engines[-1].readiness = Readiness.FAILED
    end(trainings, machine.engines[-1], JobState.FAILED)
    assert machine.engines[0].jobs == ["cleo"]
    assert store.waiting() == ["bob"]


def test_a_training_waits_for_room_and_others_do_not_wait_for_it(
    click: Callable[[str, str], None],
    machine: Machine,
    engines: Engines,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reft_studio.trainings.SECONDS_UNTIL_ROOM", 0.05)
    need(engines, "small")
    with engines.use(BaseRef("small")):
        click("ann", "big")
        wait_until(lambda: store.waiting() == ["ann"])
        time.sleep(0.2)
        assert "big" not in machine.loaded
    wait_until(lambda: machine.engines[-1].jobs == ["ann"])
    assert machine.loaded == ["big", "embedded"]


def test_a_training_that_is_stopped_while_its_engine_starts_is_stopped(
    click: Callable[[str, str], None], trainings: Trainings, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    start = Memorable.start

    def slowly(engine: Memorable) -> None:
        may_go_on.wait(20)
        start(engine)

    monkeypatch.setattr(Memorable, "start", slowly)
    click("ann", "small")
    trainings.cancel("ann", "ann")
    may_go_on.set()
    wait_until(lambda: machine.engines[-1].cancelled == ["ann"])


def test_a_model_that_nobody_waits_for_any_more_is_not_fetched_to_the_end(
    click: Callable[[str, str], None], engines: Engines, trainings: Trainings, machine: Machine
) -> None:
    click("ann", "small")
    wait_until(lambda: machine.engines[-1].jobs == ["ann"])
    machine.engines[-1].readiness = Readiness.LOADING
    with engines.use(BaseRef("small")):
        end(trainings, machine.engines[-1], JobState.CANCELLED)
        engines.give_up(BaseRef("small"))
        assert machine.loaded == ["embedded", "small"]
    engines.give_up(BaseRef("small"))
    assert machine.loaded == ["embedded"]


def test_whoever_stops_a_training_whose_model_is_on_its_way_stops_that_too(
    click: Callable[[str, str], None], trainings: Trainings, machine: Machine
) -> None:
    click("ann", "small")
    wait_until(lambda: machine.engines[-1].jobs == ["ann"])
    machine.engines[-1].readiness = Readiness.LOADING
    end(trainings, machine.engines[-1], JobState.CANCELLED)
    wait_until(lambda: machine.loaded == ["embedded"])
    # The app's own model is everybody's, and one that is there may be wanted again.
    machine.engines[0].readiness = Readiness.LOADING
    for base in ("embedded", "medium"):
        click(base, base)
        wait_until(lambda: any(engine.jobs for engine in machine.engines))
        end(trainings, next(engine for engine in machine.engines if engine.jobs), JobState.CANCELLED)
    assert machine.loaded == ["embedded", "medium"]


# Names


def test_a_folder_is_the_same_model_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert BaseRef.of(str(EMBEDDED_MODEL)) == BaseRef.of(" embedded ") == BaseRef.of("") == BaseRef()
    twice = [BaseRef.of(str(tmp_path / "model")), BaseRef.of(f"{tmp_path}/model/../model/")]
    assert twice[0] == twice[1]
    assert twice[0].id == "model"
    assert BaseRef.of("me/model").id == "me/model"


def record(**changes: Any) -> BaseRecord:
    """Of a bot for a model of the Hub, at its revision "r1"."""
    sizes = {"digest": "0" * 64, "template_digest": "0" * 64, "dtype": "float32", "num_layers": 2, "width": 8}
    return BaseRecord.model_validate({"id": "me/model", "revision": "r1", **sizes, **changes})


def test_a_bot_means_the_revision_that_it_was_made_for_unless_that_model_is_here() -> None:
    pinned, newest, other = BaseRef("me/model@r1"), BaseRef("me/model"), BaseRef("me/model@r2")
    assert {base.id for base in (pinned, newest, other)} == {"me/model"}
    assert [base.revision for base in (pinned, newest, other)] == ["r1", None, "r2"]
    assert base_of(record(), []) == base_of(record(), [other, BaseRef()]) == pinned
    assert base_of(record(), [other, newest]) == newest
    assert base_of(record(), [newest, pinned]) == pinned
    assert base_of(record(revision=None), []) == newest
    assert base_of(record(id="embedded", revision=None), [newest, BaseRef()]) == BaseRef()


def test_a_shared_app_offers_what_is_on_its_list_and_no_folder(tmp_path: Path) -> None:
    shared = Settings(shared=True)
    check_offered(BaseRef(), shared)
    listed = Settings(shared=True, allowed_base_models="me/one, me/two", base_model=str(tmp_path))
    for base in (BaseRef("me/one"), BaseRef("me/two"), BaseRef.of(str(tmp_path))):
        check_offered(base, listed)
    for base in (BaseRef("me/three"), BaseRef(str(tmp_path.parent)), BaseRef("me/one", Quantization.NF4)):
        for settings in (shared, listed):
            with pytest.raises(BaseModelError, match="not among them"):
                check_offered(base, settings)
        check_offered(base, Settings())


def test_what_is_older_than_the_choice_was_made_with_the_model_of_the_settings(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    rows = (Demonstration("Hi", "Ho"),)
    store.add_job("ann", TrainingJob("one", "A bot", rows, store.bot_folder("one")))
    with store._database.connect() as connection:
        connection.execute("UPDATE jobs SET base = NULL")
    base = BaseRef("me/model", Quantization.INT8)
    for again in (Store(tmp_path / "data", base), Store(tmp_path / "data", BaseRef("me/other"))):
        assert again.base_of("one") == base
