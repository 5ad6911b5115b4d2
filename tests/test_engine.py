"""An engine trains and chats, wherever it runs; and the page survives one that does not."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from reft_studio import train_bot
from reft_studio.base_model import BaseModel, load_base_model
from reft_studio.base_ref import BaseRef
from reft_studio.chat.probes import record_probes
from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine import seats
from reft_studio.engine.explain import NO_ROOM, TOO_BIG
from reft_studio.engine.inline import InlineEngine
from reft_studio.engine.interface import Conversation, Engine, JobState, Readiness, TrainingJob
from reft_studio.engine.process import ATTEMPTS, INTERRUPTED, ProcessEngine
from reft_studio.errors import BaseModelError, EngineError
from reft_studio.manifest import read_manifest
from reft_studio.recipe import Recipe
from reft_studio.score import score_of
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.checkpoint import Checkpoint
from tests.full_disk import filled_up, small_disk
from tests.updates import SECONDS, Updates

ROWS = (Demonstration("Who are you?", "🤖✨"), Demonstration("I like tea.", "🍵😊"))
GREEDY = Sampling(max_new_tokens=12)
ENDLESS = Sampling(temperature=5, max_new_tokens=300)
"""Nonsense, which does not end soon."""
FOREVER = {"epochs": 10_000, "learning_rate": 0.004}
SHORT = {"epochs": 3, "learning_rate": 0.004}
"""At the usual rate, a bot of two rows that was hardly trained may have nothing to say."""

pytestmark = pytest.mark.timeout(4 * SECONDS)


@pytest.fixture(scope="module")
def often_killed(updates: Updates) -> Iterator[ProcessEngine]:
    """In a process of its own, which is there again each time it is needed."""
    with closing(ProcessEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        yield engine


@pytest.fixture
def mortal(often_killed: ProcessEngine, updates: Updates) -> Iterator[ProcessEngine]:
    """The same with nothing to do, to be killed."""
    often_killed.start()
    before = {update.job_id for update in updates.all}
    yield often_killed
    for job_id in {update.job_id for update in updates.all} - before:
        if not updates.of(job_id)[-1].state.ended:
            often_killed.cancel(job_id)
            updates.end(job_id)


def train(engine: Engine, folder: Path, **recipe_changes: object) -> str:
    """Submit a training that is named after its folder."""
    job_id = str(folder)
    engine.submit(TrainingJob(job_id, "A bot", ROWS, folder, recipe_changes, ("Who am I?",)))
    return job_id


def scored(engine: Engine, folder: Path, **fields: Any) -> str:
    """Submit a short training whose bot is scored."""
    fields = {"rules": ("only emoji",), "instruction": "Answer in emoji.", "probes": ("Who am I?",)} | fields
    engine.submit(TrainingJob(str(folder), "A bot", ROWS, folder, SHORT, **fields))
    return str(folder)


def ask(
    engine: Engine,
    bot_folder: Path | None = None,
    sampling: Sampling = GREEDY,
    prompt: str = "Who am I?",
    chat_id: str = "chat",
) -> str:
    """The last snapshot of one reply."""
    conversation = Conversation(({"role": "user", "content": prompt},), bot_folder)
    *_, (reply,) = engine.chat(chat_id, [conversation], sampling)
    return reply


def test_it_tells_what_any_base_model_needs_of_its_machine(engine: Engine, tmp_path: Path) -> None:
    weight = engine.weigh(BaseRef.of(str(EMBEDDED_MODEL)))
    assert (weight.num_layers, weight.width, weight.to_fetch) == (6, 256, 0)
    assert weight.fits[0]
    assert ask(engine)
    assert 0 < weight.fits[0].weights < engine.status().held < weight.fits[0].needed
    with pytest.raises(EngineError, match=r"holds no model.*config\.json"):
        engine.weigh(BaseRef.of(str(tmp_path)))
    with pytest.raises(EngineError, match=r"someone/model.*cannot be reached"):
        engine.weigh(BaseRef("someone/model"))


def test_a_training_tells_its_progress_and_leaves_a_bot_that_answers_as_its_self_test(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    job_id = train(engine, tmp_path / "bot", epochs=30)
    done = updates.end(job_id)
    assert (done.state, done.step, done.total_steps, len(done.losses)) == (JobState.DONE, 30, 30, 30)
    assert done.losses[-1] < done.losses[0]
    steps = [update.step for update in updates.of(job_id)]
    assert steps == sorted(steps)
    # What it says on its way, to what it has not been taught, and in the end what it says in a chat.
    assert done.samples[0].prompt == "Who am I?"
    assert {sample.prompt for sample in done.samples}.isdisjoint(row.prompt for row in ROWS)
    assert ask(engine, tmp_path / "bot").startswith(done.samples[0].bot[:10])
    assert done.samples[0].base != done.samples[0].bot
    assert any(update.samples for update in updates.of(job_id) if update.state is JobState.RUNNING)
    said = {moment.samples for moment in done.moments}
    assert len(said) > 1
    assert {samples[0].base for samples in said} == {done.samples[0].base}
    assert engine.status().readiness is Readiness.READY

    engine.pack_bot(tmp_path / "bot", tmp_path / "bot.zip", "Renamed", ROWS)
    opened = engine.open_bot(tmp_path / "bot.zip", tmp_path / "opened")
    assert (opened.name, opened.probes) == ("Renamed", ("Who am I?",))
    # Its rows came along, and a folder will do as well as a zip.
    assert (tmp_path / "opened" / "demonstrations.jsonl").exists()
    assert engine.open_bot(tmp_path / "opened", tmp_path / "again") == opened
    replies = {ask(engine, tmp_path / folder) for folder in ("bot", "opened", "again")}
    assert len(replies) == 1
    assert replies != {ask(engine)}


def test_a_trained_bot_is_scored_and_can_be_talked_to_meanwhile(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    job_id = scored(engine, tmp_path / "bot")
    updates.wait(job_id, lambda update: update.state is JobState.SCORING)
    assert ask(engine, tmp_path / "bot")
    done = updates.end(job_id)
    states = list(dict.fromkeys(update.state for update in updates.of(job_id)))
    assert states == [JobState.RUNNING, JobState.SCORING, JobState.DONE]
    assert done.report
    assert len(done.report.asked) > 80
    manifest = read_manifest(tmp_path / "bot" / "bot.json")
    assert manifest.score == score_of(done.report)
    assert [probe.prompt for probe in manifest.probes] == ["Who am I?"]


def test_a_score_can_be_skipped_and_the_bot_is_there_all_the_same(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    job_id = scored(engine, tmp_path / "bot")
    updates.wait(job_id, lambda update: update.state is JobState.SCORING)
    engine.cancel(job_id)
    done = updates.end(job_id)
    assert done.state is JobState.DONE
    assert done.report is None
    assert read_manifest(tmp_path / "bot" / "bot.json").score is None
    assert ask(engine, tmp_path / "bot")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rules": (r"matches ^([\w\W]|[\w\W]{2})*\d{9}$",)}, "takes too long"),
        ({"max_score_seconds": 0.0}, "no time left"),
    ],
)
def test_a_bot_that_cannot_be_scored_is_there_all_the_same_and_it_is_said_why(
    engine: Engine, updates: Updates, tmp_path: Path, fields: dict[str, Any], why: str
) -> None:
    job_id = scored(engine, tmp_path / "bot", **fields)
    assert why in updates.end(job_id).message
    assert any(update.state is JobState.SCORING for update in updates.of(job_id))
    assert ask(engine, tmp_path / "bot")


def test_a_training_that_goes_on_from_a_bot_keeps_its_system_prompt(
    engine: Engine, updates: Updates, tmp_path: Path, base: BaseModel
) -> None:
    recipe = Recipe.for_model(base.num_layers, base.width, epochs=2)
    train_bot(base, ROWS, recipe, system_prompt="You are a robot.").save(tmp_path / "first")
    job_id = str(tmp_path / "next")
    engine.submit(
        TrainingJob(job_id, "A bot", ROWS, tmp_path / "next", {"epochs": 1}, start_from=tmp_path / "first")
    )
    assert updates.end(job_id).state is JobState.DONE
    assert read_manifest(tmp_path / "next" / "bot.json").system_prompt == "You are a robot."


def test_an_engine_that_is_killed_while_it_scores_does_not_train_again(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    job_id = scored(mortal, tmp_path / "bot", checkpoint_file=tmp_path / "job.safetensors")
    updates.wait(job_id, lambda update: update.state is JobState.SCORING)
    assert mortal.pid
    os.kill(mortal.pid, signal.SIGKILL)
    done = updates.end(job_id)
    assert done.state is JobState.DONE
    assert done.report
    assert "went on from step 3" in done.message
    assert len(done.losses) == 3


def test_a_training_with_short_prompts_goes_on_and_says_so(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    done = updates.end(train(engine, tmp_path / "bot", epochs=1, positions="l40"))
    assert done.state is JobState.DONE
    assert '"Who are you?" and 1 more: shorter than the position asks for' in done.message


def test_it_chats_while_it_trains_and_a_training_can_be_cancelled(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    before = ask(engine)
    job_id = train(engine, tmp_path / "bot", **FOREVER)
    updates.running(job_id)
    assert ask(engine) == before
    assert not updates.of(job_id)[-1].state.ended
    engine.cancel(job_id)
    assert updates.end(job_id).state is JobState.CANCELLED
    assert not (tmp_path / "bot").exists()


def test_a_training_can_be_ended_early_and_keeps_what_it_has_learned(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    job_id = train(engine, tmp_path / "bot", **FOREVER)
    running = updates.wait(job_id, lambda update: update.step > 0)
    engine.finish(job_id, running.step)
    done = updates.end(job_id)
    assert done.state is JobState.DONE
    assert running.step <= done.step < done.total_steps
    assert f"You ended this training after {done.step} of 10,000 rounds" in done.message
    assert read_manifest(tmp_path / "bot" / "bot.json").stopped_after in [m.epoch for m in done.moments]
    assert ask(engine, tmp_path / "bot")


def test_trainings_wait_for_each_other_and_can_be_cancelled_while_they_wait(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    first, second = (train(engine, tmp_path / name, **FOREVER) for name in ("first", "second"))
    updates.running(first)
    engine.cancel(second)
    assert {update.state for update in updates.of(second)} <= {JobState.CANCELLED}
    engine.cancel(first)
    assert [updates.end(job_id).state for job_id in (first, second)] == [JobState.CANCELLED] * 2


def test_a_training_whose_end_was_just_told_can_be_given_to_it_again(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    for times in (1, 2, 3):
        job_id = train(engine, tmp_path / "bot", epochs=1)
        updates.wait_for(lambda: sum(update.state.ended for update in updates.of(job_id)) == times)  # noqa: B023
    assert not engine.is_training()


def test_two_answers_in_one_chat_at_the_same_time_both_come_to_their_end(engine: Engine) -> None:
    def answer(prompt: str) -> str:
        conversation = Conversation(({"role": "user", "content": prompt},))
        (*_, (last,)) = engine.chat("one chat", [conversation], GREEDY)
        return last

    prompts = ["Who are you?", "Tell me about penguins."]
    with ThreadPoolExecutor(2) as clicks:
        assert list(clicks.map(answer, prompts)) == [answer(prompt) for prompt in prompts]


def test_a_short_chat_ends_before_a_long_one_that_began_earlier_and_both_get_what_they_get_alone(
    engine: Engine,
) -> None:
    alone = [ask(engine, None, ENDLESS, "Tell me a story."), ask(engine)]
    begun = Event()

    def tell() -> tuple[str, float]:
        conversation = Conversation(({"role": "user", "content": "Tell me a story."},))
        snapshots = engine.chat("long", [conversation], ENDLESS)
        next(snapshots)
        begun.set()
        *_, (reply,) = snapshots
        return reply, time.monotonic()

    with ThreadPoolExecutor(1) as somebody:
        telling = somebody.submit(tell)
        assert begun.wait(SECONDS)
        short, answered = ask(engine), time.monotonic()
        story, told = telling.result()
    assert [story, short] == alone
    assert answered < told


def test_stopping_one_chat_and_the_error_of_another_leave_the_third(engine: Engine) -> None:
    story = Conversation(({"role": "user", "content": "Tell me a story."},))
    alone = ask(engine, None, ENDLESS, "Tell me a story.")
    going_on, stopped = (engine.chat(name, [story], ENDLESS) for name in ("going on", "stopped"))
    next(going_on), next(stopped)
    with pytest.raises(EngineError, match="too long for this model"):
        ask(engine, None, GREEDY, "dog " * 2000)
    engine.stop_chat("stopped")
    *_, (part,) = stopped
    *_, (whole,) = going_on
    assert whole == alone
    assert whole.startswith(part)
    assert len(part) < len(whole)


def gave_up(engine: Engine, chat_id: str, waiting: "Future[Any]") -> bool:
    """Whether a chat has ended, which may not have asked yet when it is told to."""
    engine.stop_chat(chat_id)
    return waiting.done()


def test_who_waits_for_a_chat_to_end_can_give_up_and_files_do_not_wait(
    monkeypatch: pytest.MonkeyPatch, updates: Updates
) -> None:
    go_on = Event()
    go_on.set()

    def load(*which: Any, **how: Any) -> BaseModel:
        base = load_base_model(*which, **how)
        base.model.register_forward_pre_hook(lambda *_: None if go_on.wait(SECONDS) else ())
        return base

    monkeypatch.setattr("reft_studio.engine.core.load_base_model", load)
    monkeypatch.setattr(seats, "MOST_AT_ONCE", 1)
    story = Conversation(({"role": "user", "content": "Tell me a story."},))
    with (
        closing(InlineEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine,
        ThreadPoolExecutor(1) as other,
    ):
        talking = engine.chat("talking", [story], ENDLESS)
        next(talking)
        go_on.clear()
        waiting = other.submit(list, engine.chat("waiting", [story, story], ENDLESS))
        assert engine.preview("Hi", "l1")
        assert not waiting.done()
        updates.wait_for(lambda: gave_up(engine, "waiting", waiting))
        assert waiting.result() == [("", "")]
        go_on.set()
        assert next(talking)
        engine.stop_chat("talking")
        assert len(list(talking)) < 300
        assert ask(engine)


def test_who_waits_for_a_model_to_load_can_give_up(
    monkeypatch: pytest.MonkeyPatch, updates: Updates, tmp_path: Path
) -> None:
    there = Event()

    def load(*_: object, **__: object) -> BaseModel:
        assert there.wait(SECONDS)
        raise BaseModelError("It is not there.")

    monkeypatch.setattr("reft_studio.engine.core.load_base_model", load)
    with (
        closing(InlineEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine,
        ThreadPoolExecutor(2) as two,
    ):
        patient, impatient = (two.submit(ask, engine, chat_id=name) for name in ("patient", "impatient"))
        updates.wait_for(lambda: gave_up(engine, "impatient", impatient))
        assert impatient.result() == ""
        job_id = train(engine, tmp_path / "bot")
        engine.cancel(job_id)
        assert updates.end(job_id).state is JobState.CANCELLED
        assert not engine.is_training()
        assert not patient.done()
        there.set()
        with pytest.raises(EngineError, match="It is not there"):
            patient.result(SECONDS)


def test_a_chat_can_be_stopped(engine: Engine) -> None:
    longest = Sampling(temperature=1.5, max_new_tokens=128)
    conversation = Conversation(({"role": "user", "content": "Tell me a long story."},))
    snapshots = engine.chat("stopped", [conversation], longest)
    next(snapshots)
    engine.stop_chat("stopped")
    assert all(len(snapshot) == 1 for snapshot in snapshots)


def test_a_layer_that_the_model_does_not_have_fails_with_a_plain_message(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    failed = updates.end(train(engine, tmp_path / "bot", layers=(99,)))
    assert failed.state is JobState.FAILED
    assert "no layer 99" in failed.message
    assert "layers 0 to" in failed.message


def test_a_file_that_is_not_a_bot_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "bot.zip").write_bytes(b"not a zip")
    with pytest.raises(EngineError, match="bot"):
        engine.open_bot(tmp_path / "bot.zip", tmp_path / "opened")
    assert not (tmp_path / "opened").exists()


def test_a_killed_engine_comes_back_and_goes_on_with_its_training(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    job = long_job(tmp_path)
    mortal.submit(job)
    before = written_down(updates, job)
    killed = mortal.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    after = updates.wait(job.id, lambda update: "went on from step" in update.message)
    assert after.step >= before
    told = [update for update in updates.of(job.id) if not update.message][-1].losses
    assert told
    assert after.losses[: len(told)] == told[: len(after.losses)]
    assert ask(mortal)
    assert mortal.pid != killed
    mortal.cancel(job.id)
    assert updates.end(job.id).state is JobState.CANCELLED
    updates.wait_for(lambda: not written_to(job).exists())


def test_whoever_chats_when_the_engine_is_killed_is_told_and_can_ask_again(mortal: ProcessEngine) -> None:
    story = Conversation(({"role": "user", "content": "Tell me a story."},))
    talks = [mortal.chat(str(number), [story], ENDLESS) for number in range(3)]
    for talk in talks:
        next(talk)
    assert mortal.pid
    os.kill(mortal.pid, signal.SIGKILL)
    for talk in talks:
        with pytest.raises(EngineError, match=INTERRUPTED):
            list(talk)
    assert ask(mortal)


def test_a_training_that_was_asked_to_stop_does_not_come_back_with_the_engine(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    first, second = (long_job(tmp_path / name) for name in ("first", "second"))
    mortal.submit(first)
    mortal.submit(second)
    updates.running(first.id)
    assert mortal.pid
    os.kill(mortal.pid, signal.SIGSTOP)
    mortal.cancel(first.id)
    os.kill(mortal.pid, signal.SIGKILL)
    assert updates.end(first.id).state is JobState.CANCELLED
    updates.running(second.id)


def test_a_training_that_was_to_finish_ends_where_it_was_when_the_engine_comes_back(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    job = long_job(tmp_path)
    mortal.submit(job)
    running = updates.wait(job.id, lambda update: update.step > 3)
    assert mortal.pid
    os.kill(mortal.pid, signal.SIGSTOP)
    mortal.finish(job.id, running.step)
    os.kill(mortal.pid, signal.SIGKILL)
    done = updates.end(job.id)
    assert (done.state, done.losses) == (JobState.DONE, running.losses)


def test_an_engine_that_hangs_is_ended_and_begun_anew(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = long_job(tmp_path)
    mortal.submit(job)
    updates.running(job.id)
    hung = mortal.pid
    assert hung
    with monkeypatch.context() as hurry:
        hurry.setattr("reft_studio.engine.process.SECONDS_BETWEEN_BEATS", 0.5)
        hurry.setattr("reft_studio.engine.process.MOST_MISSED", 6)
        os.kill(hung, signal.SIGSTOP)
        updates.wait_for(lambda: mortal.pid not in (hung, None))
    told = len(updates.of(job.id))
    updates.wait_for(lambda: len(updates.of(job.id)) > told)
    assert not psutil.pid_exists(hung)


def test_an_engine_that_hangs_is_waited_for_by_nobody(updates: Updates, tmp_path: Path) -> None:
    with closing(ProcessEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        engine.start()
        assert engine.pid
        os.kill(engine.pid, signal.SIGSTOP)
        # More than a pipe holds: whoever asks for something is not held up either.
        rows = (Demonstration("Hi", "x" * 1000),) * 1000
        for number in range(2):
            engine.submit(TrainingJob(str(number), "A bot", rows, tmp_path / str(number)))
        begun = time.monotonic()
    # The page has the rest of five seconds.
    assert time.monotonic() - begun < 4


def test_who_cancels_while_the_bot_is_being_saved_has_a_whole_bot_or_none(
    updates: Updates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = InlineEngine(str(EMBEDDED_MODEL), on_update=updates)

    def record_and_cancel(*arguments: Any) -> Any:
        engine.cancel(str(tmp_path / "bot"))
        return record_probes(*arguments)

    monkeypatch.setattr("reft_studio.engine.work.record_probes", record_and_cancel)
    with closing(engine):
        engine.start()
        for fields in ({}, {"rules": ("only emoji",)}):
            updates.all.clear()
            done = updates.end(scored(engine, tmp_path / "bot", **{"rules": (), **fields}))
            assert (done.state, done.report) == (JobState.DONE, None)
            assert ask(engine, tmp_path / "bot")


def test_a_training_that_is_cancelled_around_its_end_has_a_whole_bot_or_none(
    often_killed: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    often_killed.start()
    begun = time.monotonic()
    updates.end(train(often_killed, tmp_path / "whole", **SHORT))
    whole = time.monotonic() - begun
    for share in (0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1):
        folder = tmp_path / str(share)
        job_id = train(often_killed, folder, **SHORT)
        time.sleep(share * whole)
        often_killed.cancel(job_id)
        end = updates.end(job_id)
        assert end.state is (JobState.DONE if folder.exists() else JobState.CANCELLED)
        assert ask(often_killed, folder if folder.exists() else None)


def test_a_training_that_takes_the_engine_with_it_again_and_again_is_given_up(
    mortal: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    job = long_job(tmp_path)
    mortal.submit(job)
    for _ in range(ATTEMPTS):
        killed = mortal.pid
        assert killed
        told = len(updates.of(job.id))
        updates.wait_for(lambda told=told: len(updates.of(job.id)) > told)  # type: ignore[misc]
        os.kill(killed, signal.SIGKILL)
        updates.wait_for(lambda killed=killed: mortal.pid not in (killed, None))  # type: ignore[misc]
    end = updates.end(job.id)
    assert (end.state, end.message) == (JobState.INTERRUPTED, INTERRUPTED)
    assert ask(mortal)


@pytest.mark.parametrize("kind", [InlineEngine, ProcessEngine])
def test_what_a_closed_engine_had_not_done_the_next_one_goes_on_with(
    kind: type[InlineEngine | ProcessEngine], updates: Updates, tmp_path: Path
) -> None:
    job = long_job(tmp_path)
    with closing(kind(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        engine.submit(job)
        updates.running(job.id)
    assert not updates.of(job.id)[-1].state.ended
    assert written_to(job).exists()
    with closing(kind(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        engine.submit(job)
        updates.wait(job.id, lambda update: "went on from step" in update.message)


def test_a_damaged_checkpoint_costs_the_steps_and_nothing_else(
    engine: Engine, updates: Updates, tmp_path: Path
) -> None:
    job = replace(long_job(tmp_path), recipe_changes={"epochs": 2})
    written_to(job).write_bytes(b"half a file")
    engine.submit(job)
    done = updates.end(job.id)
    assert (done.state, done.step, done.message) == (JobState.DONE, 2, "")


def test_a_training_goes_on_without_checkpoints_where_none_can_be_written(
    updates: Updates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reft_studio.engine.work.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    (tmp_path / "file").touch()
    job = replace(
        long_job(tmp_path), recipe_changes={"epochs": 3}, checkpoint_file=tmp_path / "file" / "checkpoint"
    )
    with closing(InlineEngine(str(EMBEDDED_MODEL), on_update=updates)) as engine:
        engine.submit(job)
        assert updates.end(job.id).state is JobState.DONE
    assert "cannot be written" in caplog.text


def long_job(folder: Path) -> TrainingJob:
    """A training that does not end by itself and is written down."""
    folder.mkdir(exist_ok=True)
    return TrainingJob(
        str(folder), "A bot", ROWS, folder / "bot", dict(FOREVER), checkpoint_file=folder / "checkpoint"
    )


def written_to(job: TrainingJob) -> Path:
    assert job.checkpoint_file
    return job.checkpoint_file


def written_down(updates: Updates, job: TrainingJob) -> int:
    """Wait for a job's first checkpoint; returns how many steps are in it."""
    updates.wait_for(written_to(job).exists)
    return Checkpoint.load(written_to(job)).step


@contextmanager
def limited(process: psutil.Process, kind: int, most: int) -> Iterator[None]:
    before = process.rlimit(kind)
    process.rlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        process.rlimit(kind, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps to these limits")
def test_full_memory_and_a_full_disk_are_said_and_survived(
    often_killed: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    often_killed.start()
    ask(often_killed)
    process = psutil.Process(often_killed.pid)
    many = tuple(Demonstration(f"{row} " + "7" * 300, "7" * 150) for row in range(10))

    def end_of(name: str, rows: tuple[Demonstration, ...] = ROWS) -> tuple[JobState, str, bool]:
        often_killed.submit(TrainingJob(name, "A bot", rows, tmp_path / name, {"epochs": 1}))
        end = updates.end(name)
        return end.state, end.message, (tmp_path / name).exists()

    assert end_of("before") == (JobState.DONE, "", True)
    with limited(process, psutil.RLIMIT_AS, process.memory_info().vms + 20_000_000):
        assert end_of("no memory", many) == (JobState.FAILED, TOO_BIG, False)
        assert ask(often_killed, tmp_path / "before")
    with limited(process, psutil.RLIMIT_FSIZE, 500):
        assert end_of("no room") == (JobState.FAILED, NO_ROOM, False)
    assert end_of("after", many) == (JobState.DONE, "", True)
    assert often_killed.pid == process.pid
    assert {path.name for path in tmp_path.iterdir()} == {"before", "after"}


def test_a_small_disk_that_fills_up_costs_the_bot_that_does_not_fit_and_no_other(
    often_killed: ProcessEngine, updates: Updates, tmp_path: Path
) -> None:
    often_killed.start()
    with small_disk(tmp_path / "disk", megabytes=1):
        before = updates.end(train(often_killed, tmp_path / "disk" / "before", **SHORT))
        with filled_up(tmp_path / "disk"):
            no_room = updates.end(train(often_killed, tmp_path / "disk" / "no room", **SHORT))
            assert ask(often_killed, tmp_path / "disk" / "before")
        after = updates.end(train(often_killed, tmp_path / "disk" / "after", **SHORT))
        assert (no_room.state, no_room.message) == (JobState.FAILED, NO_ROOM)
        assert (before.state, after.state) == (JobState.DONE,) * 2
        assert {path.name for path in (tmp_path / "disk").iterdir()} == {"before", "after"}


def test_the_engine_ends_when_the_page_is_killed() -> None:
    page = (
        "import os; from reft_studio.engine.process import ProcessEngine\n"
        f"engine = ProcessEngine({str(EMBEDDED_MODEL)!r}, on_update=print)\n"
        "engine.start(); print(engine.pid, flush=True); os._exit(1)"
    )
    told = subprocess.run([sys.executable, "-c", page], capture_output=True, encoding="utf-8")
    child = int(told.stdout)
    deadline = time.monotonic() + SECONDS
    while _is_running(child):
        assert time.monotonic() < deadline, "The engine lives on without its page."
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_pages_process_imports_no_torch() -> None:
    page = (
        "import sys; import reft_studio.ui.page, reft_studio.ui.server, reft_studio.engine.process\n"
        "import reft_studio.engine.ray\n"
        "print(sorted({'torch', 'transformers', 'pyvene', 'ray'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", page], capture_output=True, check=True, encoding="utf-8")
    assert told.stdout.strip() == "[]"
