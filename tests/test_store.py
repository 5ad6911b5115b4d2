"""What must survive a reload and a restart does, and trainings go only from state to state as they should."""

from pathlib import Path

import pytest

from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.store import Draft, SavedBot, Store

ROWS = (Demonstration("Hi", "👩🏽‍🚀"), Demonstration("", ""), Demonstration(" =1+1\n", "<b>שלום</b>"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def job(store: Store, job_id: str = "one") -> TrainingJob:
    return TrainingJob(job_id, "A bot", ROWS, store.bot_folder(job_id), {"layers": (1,)}, ("And you?",))


def state(store: Store) -> JobState:
    latest = store.latest_job()
    assert latest
    return latest.state


def test_an_empty_store_has_an_empty_table_and_nothing_else(store: Store) -> None:
    assert store.draft() == Draft()
    assert store.latest_job() is None
    assert store.bots() == []
    assert store.bot("one") is None
    assert store.trained_on("one") == ()


def test_the_table_comes_back_exactly_after_a_restart(store: Store, tmp_path: Path) -> None:
    draft = Draft("A bot", ROWS, ("And you?",))
    store.save_draft(Draft("Another"))
    store.save_draft(draft)
    assert Store(tmp_path / "data").draft() == draft


def test_a_finished_training_leaves_a_bot_with_its_rows(store: Store) -> None:
    store.add_job(job(store))
    store.record(JobUpdate("one", JobState.RUNNING, 1, 2, (3.5,), 0.5))
    assert store.latest_job() == JobUpdate("one", JobState.RUNNING, 1, 2, (3.5,), 0.5)
    assert store.bots() == []
    store.record(JobUpdate("one", JobState.DONE, 2, 2, (3.5, 1.25)))
    assert store.bots() == [SavedBot("one", "A bot", store.bot_folder("one"), ("And you?",))]
    assert store.trained_on("one") == ROWS


@pytest.mark.parametrize("end", [state for state in JobState if state.ended])
def test_what_has_ended_stays_as_it_ended(store: Store, end: JobState) -> None:
    store.add_job(job(store))
    store.record(JobUpdate("one", end))
    store.record(JobUpdate("one", JobState.RUNNING, 1, 2))
    store.record(JobUpdate("one", JobState.DONE))
    store.cancelling("one")
    store.interrupt_jobs("Gone.")
    assert store.latest_job() == JobUpdate("one", end)
    assert len(store.bots()) == (end is JobState.DONE)


def test_a_training_that_is_asked_to_stop_does_not_seem_to_run_on(store: Store) -> None:
    store.add_job(job(store))
    store.cancelling("one")
    store.record(JobUpdate("one", JobState.RUNNING, 1, 2))
    assert state(store) is JobState.CANCELLING
    store.record(JobUpdate("one", JobState.CANCELLED, 1, 2))
    assert state(store) is JobState.CANCELLED


def test_a_training_that_nobody_works_on_is_interrupted_with_a_message(store: Store, tmp_path: Path) -> None:
    store.add_job(job(store))
    Store(tmp_path / "data").interrupt_jobs("The app was closed.")
    assert store.latest_job() == JobUpdate("one", JobState.INTERRUPTED, message="The app was closed.")


def test_the_latest_training_is_the_one_started_last(store: Store) -> None:
    for job_id in ("b", "a"):
        store.add_job(job(store, job_id))
    latest = store.latest_job()
    assert latest
    assert latest.job_id == "a"


def test_opened_bots_are_listed_newest_first(store: Store) -> None:
    bots = [SavedBot(name, name.upper(), store.bot_folder(name), ("Hi",)) for name in ("b", "a")]
    for bot in bots:
        store.add_bot(bot)
    assert store.bots() == bots[::-1]
    assert store.bot("b") == bots[0]
    assert store.trained_on("b") == ()
