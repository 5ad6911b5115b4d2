"""Where a graphics card is lent for one call at a time, trainings go on piece by piece and chats answer."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine import lent, work
from reft_studio.engine.interface import Conversation, JobState, JobUpdate, Readiness, TrainingJob
from reft_studio.engine.lent import LentEngine
from reft_studio.errors import BotError, EngineError
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.checkpoint import Checkpoint
from tests.lender import GPU

ROWS = (Demonstration("Who are you?", "🤖✨"), Demonstration("I like tea.", "🍵😊"))


@pytest.fixture(scope="module")
def updates() -> list[JobUpdate]:
    return []


@pytest.fixture(scope="module")
def engine(updates: list[JobUpdate]) -> Iterator[LentEngine]:
    with closing(LentEngine(str(EMBEDDED_MODEL), updates.append, lend=lend_card)) as engine:
        engine.start()
        assert engine.status().readiness is Readiness.READY
        yield engine


def lend_card(work: Any, seconds: int) -> Any:
    return GPU(duration=seconds)(work)


def submit(engine: LentEngine, folder: Path, epochs: int = 30, **fields: Any) -> str:
    job_id = str(folder)
    file = folder.with_suffix(".safetensors")
    engine.submit(
        TrainingJob(job_id, "A bot", ROWS, folder, {"epochs": epochs}, checkpoint_file=file, **fields)
    )
    return job_id


def drive(engine: LentEngine, job_id: str) -> None:
    for _ in engine.drive(job_id):
        pass


def ask(engine: LentEngine, folder: Path | None = None) -> list[tuple[str, ...]]:
    conversation = Conversation(({"role": "user", "content": "Who are you?"},), folder)
    return list(engine.chat("chat", [conversation], Sampling(max_new_tokens=12)))


def test_nothing_happens_until_it_is_asked_for_and_then_all_of_it(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path
) -> None:
    job_id = submit(engine, tmp_path / "bot", rules=("only emoji",))
    assert not updates
    drive(engine, job_id)
    states = list(dict.fromkeys(update.state for update in updates))
    assert states == [JobState.RUNNING, JobState.SCORING, JobState.DONE]
    assert updates[-1].report
    snapshots = ask(engine, tmp_path / "bot")
    assert len(snapshots) > 1
    assert snapshots[-1] != ask(engine)[-1]
    drive(engine, job_id)
    assert updates[-1].state is JobState.DONE


def test_a_training_that_is_taken_up_again_and_again_loses_no_step(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = submit(engine, tmp_path / "whole", epochs=60)
    drive(engine, whole)
    losses = updates[-1].losses
    monkeypatch.setattr(lent, "SECONDS_OF_STEPS", 0.2)
    pieces = submit(engine, tmp_path / "pieces", epochs=60)
    steps = []
    for _ in range(100):
        drive(engine, pieces)
        if updates[-1].state is JobState.DONE:
            break
        steps.append(Checkpoint.load(tmp_path / "pieces.safetensors").step)
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert (updates[-1].job_id, updates[-1].losses) == (pieces, losses)


def test_a_training_can_be_cancelled_between_two_pieces_and_in_one(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path
) -> None:
    waiting = submit(engine, tmp_path / "waiting")
    engine.cancel(waiting)
    assert (updates[-1].job_id, updates[-1].state) == (waiting, JobState.CANCELLED)
    running = submit(engine, tmp_path / "running", epochs=10_000)
    for number, _ in enumerate(engine.drive(running)):
        if number == 1:
            engine.cancel(running)
    assert (updates[-1].job_id, updates[-1].state) == (running, JobState.CANCELLED)
    assert not (tmp_path / "running").exists()


def test_a_training_can_be_ended_early_in_a_piece_and_between_two(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path
) -> None:
    for name, inside in (("in a piece", True), ("between two", False)):
        job_id = submit(engine, tmp_path / name, epochs=10_000)
        pieces = engine.drive(job_id)
        while updates[-1].job_id != job_id or not updates[-1].step:
            next(pieces)
        step = updates[-1].step
        if inside:
            engine.finish(job_id, step)
            assert next(pieces, None) is None
        else:
            pieces.close()  # type: ignore[attr-defined]  # it is a generator
            engine.finish(job_id, step)
        drive(engine, job_id)
        assert (updates[-1].job_id, updates[-1].state) == (job_id, JobState.DONE)
        assert step <= updates[-1].step < 10_000
        assert (tmp_path / name / "bot.json").exists()


def test_a_score_can_be_skipped(engine: LentEngine, updates: list[JobUpdate], tmp_path: Path) -> None:
    job_id = submit(engine, tmp_path / "bot", epochs=2, rules=("only emoji",))
    for _ in engine.drive(job_id):
        if updates[-1].state is JobState.SCORING:
            engine.cancel(job_id)
    # The store knows that the bot was there before.
    assert (updates[-1].job_id, updates[-1].state) == (job_id, JobState.CANCELLED)
    assert ask(engine, tmp_path / "bot")


def test_what_goes_wrong_in_a_fork_is_said(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path
) -> None:
    engine.submit(TrainingJob("wrong", "A bot", ROWS, tmp_path / "wrong", {"layers": [99]}))
    drive(engine, "wrong")
    assert updates[-1].state is JobState.FAILED
    assert "no layer 99" in updates[-1].message
    with pytest.raises(EngineError, match="not a bot"):
        ask(engine, tmp_path / "nothing")
    with pytest.raises(BotError):
        engine.open_bot(tmp_path / "nothing.zip", tmp_path / "opened")


def test_where_no_card_is_lent_it_is_said_why_and_a_training_goes_on_later(
    updates: list[JobUpdate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, refusing = [], [True]

    def lend(work: Any, seconds: int) -> Any:
        lent = lend_card(work, seconds)

        def run(*arguments: Any) -> Iterator[Any]:
            asked.append(arguments)
            if refusing[0]:
                raise RuntimeError("You have used up <a href='https://example.com'>your quota</a> for today")
            yield from lent(*arguments)

        return run

    with closing(LentEngine(str(EMBEDDED_MODEL), updates.append, lend=lend)) as engine:
        engine.start()
        job_id = submit(engine, tmp_path / "bot")
        drive(engine, job_id)
        assert updates[-1].state is JobState.RUNNING
        assert "You have used up your quota for today. Nothing is lost" in updates[-1].message
        # Not every look at the page is a request.
        drive(engine, job_id)
        assert len(asked) == 1
        with pytest.raises(EngineError, match="used up your quota"):
            ask(engine)
        refusing[0] = False
        monkeypatch.setattr(lent.time, "monotonic", lambda later=time.monotonic: later() + 60)
        drive(engine, job_id)
        assert (updates[-1].state, updates[-1].message) == (JobState.DONE, "")


def test_a_closed_page_leaves_a_training_where_it_was_written_down(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SECONDS_BETWEEN_CHECKPOINTS", 0.2)
    job_id = submit(engine, tmp_path / "bot", epochs=10_000)
    pieces = engine.drive(job_id)
    for _ in pieces:
        if (tmp_path / "bot.safetensors").exists():
            break
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    assert updates[-1].state is JobState.RUNNING
    step = Checkpoint.load(tmp_path / "bot.safetensors").step
    next(iter(engine.drive(job_id)))
    assert updates[-1].step >= step
    engine.cancel(job_id)


def test_all_pieces_together_may_take_as_long_as_a_training_may(
    engine: LentEngine, updates: list[JobUpdate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "SECONDS_OF_STEPS", 0.5)
    job_id = submit(engine, tmp_path / "bot", epochs=10_000, max_seconds=2.0)
    pieces = 0
    while pieces < 20 and not (pieces and updates[-1].state.ended):
        drive(engine, job_id)
        pieces += 1
    assert 1 < pieces < 20
    assert updates[-1].state is JobState.DONE
    assert updates[-1].message == work.TIME_IS_UP


def test_a_base_model_that_cannot_be_loaded_is_said(updates: list[JobUpdate], tmp_path: Path) -> None:
    engine = LentEngine(str(tmp_path / "nothing"), updates.append, lend=lend_card)
    engine.start()
    assert engine.status().readiness is Readiness.FAILED
    with pytest.raises(EngineError, match=r"\w"):
        ask(engine)
