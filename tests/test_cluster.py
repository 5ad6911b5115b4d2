"""Work is spread over copies of the model, whatever becomes of them."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import pytest

from reft_studio.demonstrations import Demonstration
from reft_studio.engine.cluster import Cluster
from reft_studio.engine.explain import GIVEN_UP, GOES_ON, LOST, OUR_MISTAKE
from reft_studio.engine.interface import EngineStatus, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.engine.messages import (
    Answer,
    Ask,
    Cancel,
    Command,
    End,
    Event,
    Finish,
    Preview,
    StopAnswering,
    Submit,
)
from reft_studio.engine.parcels import Files, Parcel, Told
from reft_studio.engine.process import ATTEMPTS
from reft_studio.errors import EngineError

SECONDS = 60.0
READY = EngineStatus(Readiness.READY, num_layers=6)


class Copy:
    """Does nothing of what it is told, and tells what the test has it tell."""

    def __init__(self) -> None:
        self.handled: list[Command] = []
        self.killed = False
        self._news: deque[Told | Exception | None] = deque()
        self._lock = RLock()
        self._awaited: Future[list[Told | None]] | None = None

    def handle(self, parcel: Parcel) -> None:
        self.handled.append(parcel.command)

    def take(self) -> "Future[list[Told | None]]":
        self._awaited = Future()
        future = self._awaited
        self._deliver()
        return future

    def close(self) -> None:
        self._tell(None)

    def kill(self) -> None:
        self.killed = True

    def tell(self, event: Event, files: Files | None = None) -> None:
        self._tell(Told(event, files or {}))

    def die(self) -> None:
        self._tell(RuntimeError("It is gone."))

    def _tell(self, news: Told | Exception | None) -> None:
        self._news.append(news)
        self._deliver()

    def _deliver(self) -> None:
        with self._lock:
            awaited = self._awaited
            if awaited and not awaited.done() and self._news:
                news = self._news.popleft()
                if isinstance(news, Exception):
                    awaited.set_exception(news)
                else:
                    awaited.set_result([news])


class Machines:
    """Has room for as many copies as the test says."""

    def __init__(self, space: int) -> None:
        self.space = space
        self.copies: list[Copy] = []

    def join(self) -> None:
        if not self.space:
            raise EngineError("There is no cluster.")

    def room(self, held: int) -> int:  # noqa: ARG002
        return self.space

    def hire(self) -> Copy:
        self.copies.append(Copy())
        return self.copies[-1]

    def leave(self) -> None:
        pass


class Spread:
    """A cluster under test, and what it tells."""

    def __init__(self, space: int) -> None:
        self.machines = Machines(space)
        self.told: list[Event] = []
        self.cluster = Cluster(self.machines, self.told.append)  # type: ignore[arg-type]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"This did not happen; what did is {self.told[-3:]}."
            time.sleep(0.005)

    def copy(self, number: int = 0) -> Copy:
        """One of the copies, which has come to its machine."""
        self.until(lambda: len(self.machines.copies) > number)
        copy = self.machines.copies[number]
        copy.tell(READY)
        return copy

    def handled(self, copy: Copy, command: Command) -> None:
        self.until(lambda: command in copy.handled)

    def tells(self, event: Event) -> None:
        self.until(lambda: event in self.told)


@contextmanager
def spread(space: int) -> Iterator[Spread]:
    spread = Spread(space)
    yield spread
    spread.cluster.close()


def job(name: str, folder: Path) -> TrainingJob:
    return TrainingJob(
        name,
        "A bot",
        (Demonstration("Hi", "Ho"),),
        folder / name / "bot",
        checkpoint_file=folder / name / "kept",
    )


def test_trainings_are_spread_over_as_many_copies_as_there_is_room_for(tmp_path: Path) -> None:
    with spread(space=2) as it:
        jobs = [job(name, tmp_path) for name in ("one", "two", "three")]
        for each in jobs:
            it.cluster.handle(Submit(each))
        first, second = it.copy(0), it.copy(1)
        it.handled(first, Submit(jobs[0]))
        it.handled(second, Submit(jobs[1]))
        it.tells(EngineStatus(Readiness.READY, num_layers=6, room=2))
        assert len(it.machines.copies) == 2
        second.tell(JobUpdate("two", JobState.DONE))
        it.handled(second, Submit(jobs[2]))
    assert first.killed and second.killed


def test_a_training_that_waits_can_be_stopped_and_one_that_runs_is_told(tmp_path: Path) -> None:
    with spread(space=1) as it:
        runs, waits = job("runs", tmp_path), job("waits", tmp_path)
        it.cluster.handle(Submit(runs))
        it.cluster.handle(Submit(waits))
        copy = it.copy()
        it.cluster.handle(Cancel("waits"))
        it.tells(JobUpdate("waits", JobState.CANCELLED))
        it.cluster.handle(Cancel("runs"))
        it.handled(copy, Cancel("runs"))
        # Should its machine be lost before it has stopped, that is the end of it too.
        copy.die()
        it.tells(JobUpdate("runs", JobState.CANCELLED))
        assert all(command != Submit(waits) for command in copy.handled)


def test_a_training_that_loses_its_machine_again_and_again_is_given_up_unless_it_gets_further(
    tmp_path: Path,
) -> None:
    with spread(space=1) as it:
        training = job("one", tmp_path)
        it.cluster.handle(Submit(training))
        for number in range(ATTEMPTS - 1):
            copy = it.copy(number)
            it.handled(copy, Submit(training))
            copy.die()
        copy = it.copy(ATTEMPTS - 1)
        it.handled(copy, Submit(training))
        assert training.checkpoint_file
        copy.tell(JobUpdate("one", JobState.RUNNING, 5, 9), {training.checkpoint_file: b"step 5"})
        it.tells(JobUpdate("one", JobState.RUNNING, 5, 9))
        assert training.checkpoint_file.read_bytes() == b"step 5"
        for number in range(ATTEMPTS - 1, 2 * ATTEMPTS - 1):
            copy.die()
            if number < 2 * ATTEMPTS - 2:
                copy = it.copy(number + 1)
                it.handled(copy, Submit(training))
        it.tells(JobUpdate("one", JobState.INTERRUPTED, message=GIVEN_UP))


def test_a_training_that_was_to_end_where_it_was_ends_there_on_another_machine(tmp_path: Path) -> None:
    with spread(space=1) as it:
        it.cluster.handle(Submit(job("one", tmp_path)))
        copy = it.copy()
        copy.tell(JobUpdate("one", JobState.RUNNING, 7, 9))
        it.tells(JobUpdate("one", JobState.RUNNING, 7, 9))
        it.cluster.handle(Finish("one"))
        it.handled(copy, Finish("one"))
        copy.die()
        # Whoever looks sees why nothing gets on; and the lost one, should it be there after all, is ended.
        it.tells(JobUpdate("one", JobState.RUNNING, 7, 9, message=GOES_ON))
        assert copy.killed
        other = it.copy(1)
        it.until(lambda: other.handled)
        (command,) = other.handled
        assert isinstance(command, Submit) and isinstance(command.job, TrainingJob)
        assert command.job.last_step == 7


def test_who_waits_for_an_answer_hears_of_a_loss_and_is_answered_by_another(tmp_path: Path) -> None:
    with spread(space=2) as it:
        for name in ("one", "two"):
            it.cluster.handle(Submit(job(name, tmp_path)))
        first, second = it.copy(0), it.copy(1)
        it.until(lambda: first.handled and second.handled)
        question = Preview("Hi", "l1")
        it.cluster.handle(Ask("a", question))
        it.handled(first, Ask("a", question))
        first.tell(Answer("a", ()))
        it.tells(Answer("a", ()))
        first.die()
        it.tells(End("a", LOST))
        it.cluster.handle(Ask("b", question))
        it.handled(second, Ask("b", question))
        it.cluster.handle(StopAnswering("b"))
        it.handled(second, StopAnswering("b"))


def test_who_asks_is_answered_by_the_copy_that_has_the_least_to_do(tmp_path: Path) -> None:
    with spread(space=2) as it:
        for name in ("one", "two"):
            it.cluster.handle(Submit(job(name, tmp_path)))
        first, second = it.copy(0), it.copy(1)
        it.until(lambda: first.handled and second.handled)
        second.tell(JobUpdate("two", JobState.DONE))
        it.tells(JobUpdate("two", JobState.DONE))
        for name, copy in (("a", second), ("b", first), ("c", second)):
            it.cluster.handle(Ask(name, Preview("Hi", "l1")))
            it.handled(copy, Ask(name, Preview("Hi", "l1")))


def test_without_a_cluster_nobody_waits_and_trainings_begin_when_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reft_studio.engine.cluster.SECONDS_TO_TRY_AGAIN", 0.05)
    with spread(space=0) as it:
        training = job("one", tmp_path)
        it.cluster.handle(Submit(training))
        it.cluster.handle(Ask("a", Preview("Hi", "l1")))
        it.tells(EngineStatus(Readiness.FAILED, message="There is no cluster."))
        it.tells(End("a", "There is no cluster."))
        it.machines.space = 1
        it.handled(it.copy(), Submit(training))


def test_when_there_is_no_machine_any_more_for_a_copy_on_its_way_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reft_studio.engine.cluster.SECONDS_BETWEEN_LOOKS", 0.05)
    with spread(space=1) as it:
        it.until(lambda: it.machines.copies)
        it.cluster.handle(Ask("a", Preview("Hi", "l1")))
        it.until(lambda: it.machines.copies[0].handled)
        it.machines.space = 0
        it.tells(End("a", "There is no cluster."))
        it.tells(EngineStatus(Readiness.FAILED, message="There is no cluster."))
        assert it.machines.copies[0].killed


def test_a_bot_that_cannot_be_written_is_tried_again_until_its_training_ends(tmp_path: Path) -> None:
    with spread(space=1) as it:
        for name, end in (("late", JobState.DONE), ("never", JobState.FAILED)):
            training = job(name, tmp_path)
            it.cluster.handle(Submit(training))
            copy = it.copy()
            (tmp_path / name).write_bytes(b"in the way")
            copy.tell(JobUpdate(name, JobState.SCORING), {training.bot_folder: {"bot.json": b"{}"}})
            it.tells(JobUpdate(name, JobState.SCORING))
            if end is JobState.DONE:
                (tmp_path / name).unlink()
            copy.tell(JobUpdate(name, JobState.DONE))
            it.tells(JobUpdate(name, end, message="" if end is JobState.DONE else OUR_MISTAKE))
            assert training.bot_folder.exists() is (end is JobState.DONE)


def test_a_copy_without_work_is_let_go_but_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reft_studio.engine.cluster.SECONDS_KEPT", 0.0)
    monkeypatch.setattr("reft_studio.engine.cluster.SECONDS_BETWEEN_LOOKS", 0.05)
    with spread(space=2) as it:
        for name in ("one", "two"):
            it.cluster.handle(Submit(job(name, tmp_path)))
        first, second = it.copy(0), it.copy(1)
        it.until(lambda: first.handled and second.handled)
        first.tell(JobUpdate("one", JobState.DONE))
        second.tell(JobUpdate("two", JobState.DONE))
        it.until(lambda: second.killed)
        assert not first.killed
