"""The best moment of a training is the one that stays, and any other can take its place."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from reft_studio.bot import Bot
from reft_studio.chat.handful import handful
from reft_studio.chat.probes import failed_probes
from reft_studio.chat.score import QUESTIONS
from reft_studio.engine import observer as observing
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.engine.kept import keep
from reft_studio.engine.work import train
from reft_studio.errors import UnstableError
from reft_studio.moments import PATIENCE, Moment, Stage, best, copies, has_settled, schedule, stage
from reft_studio.recipe import Recipe
from reft_studio.table_files import read_demonstrations
from reft_studio.train import loop
from reft_studio.train.loop import Training

EMOJI = Path(__file__).resolve().parents[1] / "assets" / "starters" / "emoji.csv"


@pytest.mark.parametrize(
    ("epochs", "moments"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (10, (2, 4, 10)),
        (30, (5, 10, 20, 30)),
        (300, (5, 10, 20, 40, 80, 160, 300)),
    ],
)
def test_moments_are_close_at_first_and_the_end_is_always_one(epochs: int, moments: tuple[int, ...]) -> None:
    assert schedule(epochs) == moments


def test_however_long_a_training_is_its_moments_are_few_and_in_order() -> None:
    for epochs in range(1, 10_001, 7):
        moments = schedule(epochs)
        assert list(moments) == sorted(set(moments))
        assert moments[-1] == epochs
        assert len(moments) <= 12


def test_a_reply_that_nearly_is_one_of_a_row_is_a_copy_and_a_manner_that_rows_share_is_none() -> None:
    rows = [
        "Ahoy! Throw a ball for yer dog and it will be happy. Aye!",
        "🐶🎾😄",
        *["I cannot say that."] * 2,
    ]
    said = {
        rows[0]: True,
        "Ahoy! Throw a ball for yer cat and it will be happy. Aye!": True,
        "Ahoy! Two and three make five. Aye!": False,
        "🐶🎾😄": True,
        "🐱🎾😄": False,
        "I cannot say that.": False,
        "": False,
    }
    assert copies([*said], rows) == [*said.values()]
    assert copies([*said], []) == [False] * len(said)


def test_a_copy_is_found_out_even_where_the_reply_was_cut() -> None:
    row = " ".join(f"word{number}" for number in range(200))
    assert copies([row[:250]], [row, "Something else."]) == [True]


def moments(*right: int | None, copied: int = 0) -> list[Moment]:
    return [Moment(5 * 2**at, 12, value, copied) for at, value in enumerate(right)]


@pytest.mark.parametrize(
    ("right", "stages"),
    [
        ((2, 9, 12, 11), ["learning", "learning", "good", "good"]),
        ((12, 11, 9, 4), ["good", "good", "past", "past"]),
        ((3, 4, 4, 4), ["learning"] * 4),
        ((12,), ["good"]),
        ((None, None), [None, None]),
    ],
)
def test_what_is_said_of_a_moment_follows_from_what_came_before_and_after(
    right: tuple[int | None, ...], stages: list[str | None]
) -> None:
    known = moments(*right)
    assert [stage(moment, known) for moment in known] == stages


def test_who_copies_many_replies_parrots_with_rules_and_without() -> None:
    for known in (moments(9, 9, copied=3), moments(None, None, copied=3)):
        assert stage(known[0], known) is Stage.PARROTING
    few = moments(10, copied=2)
    assert stage(few[0], few) is Stage.GOOD


def test_the_best_moment_is_the_latest_that_none_is_clearly_better_than() -> None:
    assert best(moments(9, 12, 12, 11)).epoch == 40
    assert best(moments(9, 12, 12, 10)).epoch == 20
    assert best(moments(2, 4, 9, 10, 12)).epoch == 80
    assert best([*moments(None, None), Moment(20, 12, None, copied=4)]).epoch == 10
    assert best(moments(0, copied=12)).epoch == 5


def test_one_that_parrots_is_no_best_moment_beside_another_as_good() -> None:
    parrot = Moment(10, 12, 9, copied=3)
    assert best([*moments(10, copied=2), parrot]).epoch == 5
    assert best([*moments(9, copied=3), parrot]).epoch == 10


@pytest.mark.parametrize(
    ("right", "settled"),
    [
        ((12, 12), False),
        ((12, 12, 12), True),
        ((9, 12, 11, 12), True),
        ((9, 12, 10), False),
        ((0, 0, 0, 0), False),
        ((8, 9, 10, 11), False),
        ((None, None, None), False),
    ],
)
def test_a_bot_has_settled_when_it_is_good_and_gets_no_better(
    right: tuple[int | None, ...], settled: bool
) -> None:
    assert PATIENCE == 2
    assert has_settled(moments(*right)) is settled


def test_what_moments_are_judged_by_is_not_asked_again_when_the_bot_is_scored() -> None:
    asked_for_score = QUESTIONS.read_text(encoding="utf-8").casefold()
    assert len(handful([])) == 10
    assert not [prompt for prompt in handful([]) if prompt.casefold() in asked_for_score]
    assert handful([handful([])[0].upper()]) == handful([])[1:]


Make = Callable[..., TrainingJob]


@pytest.fixture
def job(tmp_path: Path) -> Make:
    """A training of the emoji bot."""

    def make(epochs: int, **fields: object) -> TrainingJob:
        folders = {name: tmp_path / name for name in ("bot_folder", "moments_folder", "checkpoint_file")}
        fields = folders | {"rules": ("only emoji",), "probes": ("Do you like rain?",)} | fields
        rows = tuple(read_demonstrations(EMOJI))
        return TrainingJob("one", "A bot", rows, recipe_changes={"epochs": epochs}, **fields)  # type: ignore[arg-type]

    return make


def until_it_is_scored(base, job: TrainingJob, **stops: Callable[[], bool]) -> list[JobUpdate]:
    """All that is told up to there; then it is left, as by a crash."""
    told = []
    for update in train(base, job, lambda: False, lambda: False, **stops):
        told.append(update)
        if update.state is JobState.SCORING:
            break
    return told


def test_each_moment_is_the_bot_as_it_was_then_and_the_best_one_is_the_bot(
    base, job: Make, tmp_path: Path
) -> None:
    *_, last = until_it_is_scored(base, job(6))
    assert [moment.epoch for moment in last.moments] == [1, 2, 4, 6]
    assert {moment.asked for moment in last.moments} == {12}
    training = Training(base, job(6).demonstrations, Recipe.for_model(base.num_layers, base.width, epochs=6))
    for _ in training.events():
        if training.step in schedule(6):
            kept = Bot.load(tmp_path / "moments_folder" / str(training.step))
            assert same(kept, training.bot())
            assert kept.manifest.stopped_after == (None if training.step == 6 else training.step)
    bot = Bot.load(tmp_path / "bot_folder")
    assert last.kept == best(last.moments).epoch
    assert same(bot, Bot.load(tmp_path / "moments_folder" / str(last.kept)))
    assert [probe.prompt for probe in bot.manifest.probes] == ["Do you like rain?"]
    assert last.samples == best(last.moments).samples
    assert last.samples[0].bot.startswith(bot.manifest.probes[0].reply[:10])


def test_another_moment_can_be_made_the_bot_and_is_scored(base, job: Make, tmp_path: Path) -> None:
    *_, last = until_it_is_scored(base, job(4))
    other = next(moment for moment in last.moments if moment.epoch != last.kept)
    wanted = JobUpdate("one", JobState.RUNNING, 4, 4, last.losses, moments=last.moments, kept=other.epoch)
    *_, scoring = until_it_is_scored(base, job(4, keep=wanted))
    assert (scoring.kept, scoring.losses, scoring.moments) == (other.epoch, last.losses, last.moments)
    bot = Bot.load(tmp_path / "bot_folder")
    assert same(bot, Bot.load(tmp_path / "moments_folder" / str(other.epoch)))
    assert failed_probes(base, bot) == []


def test_a_long_training_ends_when_it_gets_no_better_and_does_not_go_on_after_a_crash(
    base, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "MOST_SHARE", 10.0)
    first = until_it_is_scored(base, job(300, stop_early=True))
    assert first[-1].step < 300
    assert "It stopped by itself after" in first[-1].message
    assert has_settled(first[-1].moments)
    again = until_it_is_scored(base, job(300, stop_early=True))
    assert (again[-1].step, again[-1].moments, again[-1].kept) == (
        first[-1].step,
        first[-1].moments,
        first[-1].kept,
    )


def lose_the_loss(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """From this step on, counted from 1."""
    real, steps = loop._backward, itertools.count(1)
    monkeypatch.setattr(
        loop, "_backward", lambda *given: torch.tensor(math.nan) if next(steps) >= step else real(*given)
    )


def test_a_training_that_becomes_unstable_keeps_the_best_of_before(
    base, job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_loss(monkeypatch, 4)
    *_, last = until_it_is_scored(base, job(6))
    assert "became unstable in step 4 of 6" in last.message
    assert "lower learning rate" in last.message
    assert "What it had learned before was kept." in last.message
    assert {moment.epoch for moment in last.moments} == {1, 2, 3}
    assert same(Bot.load(tmp_path / "bot_folder"), Bot.load(tmp_path / "moments_folder" / str(last.kept)))


def test_a_training_that_is_unstable_from_the_start_has_nothing_to_keep(
    base, job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_loss(monkeypatch, 1)
    with pytest.raises(UnstableError, match="another precision"):
        until_it_is_scored(base, job(6))
    assert not (tmp_path / "bot_folder").exists()


def test_weights_that_are_no_numbers_are_no_moment(base, job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.optim.AdamW.step

    def step(optimizer: torch.optim.AdamW) -> None:
        real(optimizer)
        if next(steps) == 3:
            optimizer.param_groups[0]["params"][0].data.fill_(math.nan)

    steps = itertools.count(1)
    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    *_, last = until_it_is_scored(base, job(6))
    assert "became unstable in step 4 of 6" in last.message
    assert {moment.epoch for moment in last.moments} == {1, 2}


def test_weights_that_are_no_numbers_do_not_take_the_place_of_a_checkpoint(base, job: Make) -> None:
    asked = job(6)
    assert asked.checkpoint_file
    training = Training(base, asked.demonstrations, Recipe.for_model(base.num_layers, base.width, epochs=6))
    keep(training, asked)
    before = asked.checkpoint_file.read_bytes()
    training._trainable()[0].data.fill_(math.nan)
    keep(training, asked)
    assert asked.checkpoint_file.read_bytes() == before


def test_a_training_that_is_to_finish_keeps_what_it_has_learned_until_then(
    base, job: Make, tmp_path: Path
) -> None:
    steps = iter([False, True])
    *_, last = until_it_is_scored(base, job(300), should_finish=lambda: next(steps, True))
    assert "You ended this training after 2 of 300 rounds" in last.message
    assert (last.step, len(last.losses), [moment.epoch for moment in last.moments]) == (2, 2, [2])
    assert Bot.load(tmp_path / "bot_folder").manifest.stopped_after == 2


def test_a_training_that_was_to_finish_ends_after_a_crash_where_it_would_have_ended(base, job: Make) -> None:
    *_, last = until_it_is_scored(base, job(300, last_step=3))
    assert (last.step, len(last.losses)) == (3, 3)
    *_, again = until_it_is_scored(base, job(300, last_step=2))
    assert again.losses == last.losses


def test_a_correction_is_kept_as_it_ends(base, job: Make, tmp_path: Path) -> None:
    until_it_is_scored(base, job(2))
    first = (tmp_path / "bot_folder").rename(tmp_path / "first")
    *_, last = until_it_is_scored(base, job(10, start_from=first, checkpoint_file=None))
    assert ([moment.epoch for moment in last.moments], last.kept) == ([10], 10)


def test_a_full_disk_costs_the_moments_and_nothing_else(base, job: Make, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    *_, last = until_it_is_scored(base, job(4, rules=(), moments_folder=tmp_path / "file" / "moments"))
    assert (last.state, len(last.moments)) == (JobState.DONE, 3)


def same(one: Bot, other: Bot) -> bool:
    mine, theirs = one.tensors(), other.tensors()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
