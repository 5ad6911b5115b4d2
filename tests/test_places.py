"""A search for the best place is a job as a training is: it waits, goes on after a crash, and is kept."""

import os
import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from reft_studio.base_ref import BaseRef
from reft_studio.demonstrations import Demonstration
from reft_studio.engine import places
from reft_studio.engine.inline import InlineEngine
from reft_studio.engine.interface import Engine, Job, JobState, JobUpdate, SearchJob, TrainingJob
from reft_studio.engine.pool import Engines
from reft_studio.engine.process import ProcessEngine
from reft_studio.settings import EMBEDDED_MODEL, Settings
from reft_studio.store import LOCAL, Store
from reft_studio.train.places import Grid, Measure, Place, PlaceMap, Tried
from reft_studio.trainings import Trainings
from tests.updates import SECONDS, Updates

pytestmark = pytest.mark.timeout(4 * SECONDS)

ROWS = tuple(
    Demonstration(f"Tell me about {what}.", reply)
    for what, reply in zip(
        ("dogs", "tea", "rain", "snow", "bread", "trains", "cats", "books"),
        ("🐶🦴", "🍵😊", "🌧️☂️", "❄️⛄", "🍞😋", "🚂💨", "🐱🐾", "📚🤓"),
        strict=True,
    )
)
FEW = Grid((0, 1, 5), ("l1",), (4,), usual=Place(1, "l1", 4))
FOUND = PlaceMap(
    FEW, Measure.RIGHT, 6, (Tried(Place(0, "l1", 4), 2, 2.5, 7.0, 24), Tried(FEW.usual, 6, 1.0, 40.0, 48))
)


def search(engine: Engine, name: str, **fields: Any) -> str:
    job_id = f"{name} in {type(engine).__name__}"
    engine.submit(SearchJob(job_id, ROWS, **({"recipe_changes": {"epochs": 3}} | fields)))
    return job_id


def tried(update: JobUpdate) -> dict[Place, Tried]:
    return {one.place: one for one in update.places.tried} if update.places else {}


def test_a_search_that_takes_too_long_ends_with_what_it_has_found(engine: Engine, updates: Updates) -> None:
    done = updates.end(search(engine, "short", max_seconds=0.0))
    assert (done.state, done.message) == (JobState.DONE, places.TIME_IS_UP)
    assert done.places
    # There are no rules.
    assert done.places.measure is Measure.LOSS
    assert done.places.grid == Grid.for_model(6, 256)
    assert 0 < done.step < done.total_steps


def test_a_search_can_be_stopped_and_keeps_what_it_has_found(engine: Engine, updates: Updates) -> None:
    job_id = search(engine, "stopped", rules=("only emoji",))
    updates.wait(job_id, lambda update: update.step >= 4)
    engine.cancel(job_id)
    stopped = updates.end(job_id)
    assert stopped.state is JobState.CANCELLED
    assert all(one.of == places.ASKED_FIRST for one in tried(stopped).values())


@pytest.mark.parametrize("engine", ["process"], indirect=True)
def test_after_a_crash_a_search_goes_on_with_what_it_knew(engine: ProcessEngine, updates: Updates) -> None:
    job_id = search(engine, "killed")
    before = updates.wait(job_id, lambda update: update.step >= 4)
    assert engine.pid
    os.kill(engine.pid, signal.SIGKILL)
    after = updates.wait(job_id, lambda update: update.step > before.step)
    assert tried(before).items() <= tried(after).items()
    steps = [update.step for update in updates.of(job_id)]
    assert steps == sorted(steps)
    engine.cancel(job_id)
    assert updates.end(job_id).state is JobState.CANCELLED


def test_a_whole_search_finds_a_place_by_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Grid, "for_model", lambda *_: FEW)
    monkeypatch.setattr(places, "search_questions", lambda: ["Tell me about cats.", "I like fish.", "Hello!"])
    # In the last block it is too late to answer to what was asked; emoji of some sort come there too.
    rules, updates = ("only emoji", "matches 🐠|🐟|😊|😄|👋"), Updates()
    with closing(InlineEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        done = updates.end(search(engine, "whole", rules=rules, recipe_changes={"epochs": 40}))
    assert done.state is JobState.DONE
    assert done.places
    assert {one.of for one in done.places.tried} == {2}, "One of the questions is in a row."
    assert done.places.finished[0].place.layer in (0, 1)
    assert done.step == done.total_steps >= 4


def test_what_a_search_has_found_survives_a_restart_and_is_handed_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    assert store.latest_search(LOCAL) is None
    store.add_job(LOCAL, SearchJob("one", ROWS, {"epochs": 3}, ("only emoji",)))
    claimed = store.claim("one")
    assert claimed == SearchJob("one", ROWS, {"epochs": 3}, ("only emoji",))
    store.record(JobUpdate("one", JobState.RUNNING, 3, 17, places=FOUND))
    store.record(JobUpdate("one", JobState.RUNNING, 3, 17))
    store = Store(tmp_path / "data")
    store.requeue()
    assert store.claim("one") == replace(claimed, known=FOUND)
    store.record(JobUpdate("one", JobState.DONE, 17, 17, places=FOUND))
    latest = store.latest_search(LOCAL)
    assert latest
    assert (latest.state, latest.places) == (JobState.DONE, FOUND)
    assert store.latest_search("somebody else") is None


def test_a_search_is_no_training_and_leaves_no_bot(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    training = TrainingJob("bot", "A bot", ROWS, store.bot_folder("bot"))
    assert store.add_job(LOCAL, training)
    assert store.add_job(LOCAL, SearchJob("one", ROWS))
    assert not store.add_job(LOCAL, SearchJob("two", ROWS)), "A double click makes one."
    assert store.waiting() == ["bot", "one"]
    store.record(JobUpdate("one", JobState.DONE, places=FOUND))
    latest = store.latest_job(LOCAL)
    assert latest
    assert latest.job_id == "bot"
    assert [run.id for run in store.runs(LOCAL)] == ["bot"]
    assert store.bots(LOCAL) == []
    # Only the newest is shown, and it does not push trainings out of their history.
    for number in range(30):
        store.add_job(LOCAL, SearchJob(str(number), ROWS))
        store.record(JobUpdate(str(number), JobState.FAILED, message="No."))
    assert [run.id for run in store.runs(LOCAL)] == ["bot"]


class Accepting:
    """An engine that takes everything and does nothing."""

    def __init__(self) -> None:
        self.taken: list[Job] = []

    def __getattr__(self, name: str) -> Any:
        return {"capacity": lambda: 1, "submit": self.taken.append}.get(name, lambda *_: None)

    def status(self) -> Any:
        from reft_studio.engine.interface import EngineStatus, Readiness

        return EngineStatus(Readiness.READY)


def test_searches_and_trainings_wait_in_one_queue_within_the_limits(tmp_path: Path) -> None:
    store, engine = Store(tmp_path / "data"), Accepting()
    trainings = Trainings(store, Settings(max_rank=5, max_training_seconds=60, max_rows=9))
    engines = Engines(lambda _: cast("Engine", engine), BaseRef())
    engines.start()
    trainings.start(engines)
    trainings.add(LOCAL, SearchJob("one", ROWS))
    trainings.add(LOCAL, TrainingJob("bot", "A bot", ROWS, store.bot_folder("bot")))
    (taken,) = engine.taken
    assert isinstance(taken, SearchJob)
    assert (taken.max_rank, taken.max_seconds, taken.limits.rows) == (5, 60, 9)
    assert trainings.ahead_of("bot") == 1
    trainings.cancel("somebody else", "one")
    assert store.latest_search(LOCAL).state is not JobState.CANCELLING
    trainings.record(JobUpdate("one", JobState.DONE, places=FOUND))
    assert engine.taken[-1].id == "bot"
