"""What must survive a reload and a restart does, and trainings go only from state to state as they should."""

import hashlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from reft_studio import database
from reft_studio.base_ref import BaseRef
from reft_studio.conversations import MOST_TURNS
from reft_studio.database import MIGRATIONS
from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.engine.interface import JobState, JobUpdate, TrainingJob
from reft_studio.errors import BotError, StorageError
from reft_studio.manifest import BaseRecord, Manifest, Probe, Suite, read_manifest, write_manifest
from reft_studio.moments import Moment, Sample
from reft_studio.quantization import Quantization
from reft_studio.recipe import Recipe
from reft_studio.score import Asked, Reply, Report, Side
from reft_studio.store import LOCAL, MOST_RUNS, STARTS, SavedBot, Store
from reft_studio.table_files import write_demonstrations
from reft_studio.train.places import Grid, Measure, Place, PlaceMap
from reft_studio.turns import Turn
from tests.drafts import draft_of, save_draft
from tests.full_disk import DISKS, only_where_disks_can_be_full

ROWS = (Demonstration("Hi", "👩🏽‍🚀"), Demonstration("", ""), Demonstration(" =1+1\n", "<b>שלום</b>"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def job(store: Store, job_id: str = "one") -> TrainingJob:
    return TrainingJob(job_id, "A bot", ROWS, store.bot_folder(job_id), {"layers": (1,)}, ("And you?",))


def state(store: Store) -> JobState:
    latest = store.latest_job(LOCAL)
    assert latest
    return latest.state


def test_an_empty_store_has_an_empty_table_and_nothing_else(store: Store) -> None:
    assert draft_of(store) == Draft()
    assert store.latest_job(LOCAL) is None
    assert store.bots(LOCAL) == []
    assert store.bot(LOCAL, "one") is None
    assert store.trained_on(LOCAL, "one") == ()


def test_a_conversation_is_kept_for_its_owner_and_its_bot_until_it_is_forgotten(
    store: Store, tmp_path: Path
) -> None:
    turns = (Turn("Hi 👩🏽‍🚀", "Hello.", None, "👋", True), Turn("<b>", "", "x", "שלום", True))
    store.add_bot("ann", SavedBot("one", "A bot", store.bot_folder("one")))
    store.conversations.save("ann", "one", turns)
    store = Store(tmp_path / "data")
    assert store.conversations.turns("ann", "one") == turns
    assert store.conversations.turns("ann", "two") == store.conversations.turns("bob", "one") == ()
    store.conversations.save("ann", "one", [Turn(str(number)) for number in range(MOST_TURNS + 2)])
    assert [turn.prompt for turn in store.conversations.turns("ann", "one")][:: MOST_TURNS - 1] == [
        "2",
        str(MOST_TURNS + 1),
    ]
    store.conversations.save("ann", "one", ())
    assert store.conversations.turns("ann", "one") == ()


def a_finished_bot(store: Store, owner: str, bot_id: str = "one") -> SavedBot:
    store.add_job(owner, job(store, bot_id))
    store.claim(bot_id)
    store.record(JobUpdate(bot_id, JobState.DONE, 2, 2, (3.5, 1.25)))
    folder = store.bot_folder(bot_id)
    folder.mkdir(parents=True)
    (folder / "bot.json").write_bytes(b"x" * 1000)
    bot = store.bot(owner, bot_id)
    assert bot
    return bot


def test_a_deleted_bot_takes_everything_of_it_along_and_nothing_else(store: Store, tmp_path: Path) -> None:
    draft = Draft("A bot", ROWS)
    save_draft(store, draft, "ann")
    for bot_id in ("one", "two", "three"):
        store.conversations.save(
            "ann", a_finished_bot(store, "ann", bot_id).id, [Turn(f"A secret with {bot_id}")]
        )
    for nothing_of_theirs in (("bob", "two"), ("ann", "gone")):
        store.delete_bot(*nothing_of_theirs)
    assert len(store.bots("ann")) == 3
    store.delete_bot("ann", "two")
    store.delete_bot("ann", "two")
    store.conversations.save("ann", "two", [Turn("An answer that came later")])
    store = Store(tmp_path / "data")
    assert [bot.id for bot in store.bots("ann")] == ["three", "one"]
    assert [(run.number, run.id) for run in store.runs("ann")] == [(3, "three"), (1, "one")]
    assert store.conversations.turns("ann", "two") == store.trained_on("ann", "two") == ()
    assert sorted(path.name for path in store.bot_folder("two").parent.iterdir()) == ["one", "three"]
    assert draft_of(store, "ann") == draft
    assert store.conversations.turns("ann", "one")
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("studio.sqlite3*"))
    assert b"A secret with one" in kept
    assert b"A secret with two" not in kept


def test_who_deletes_bots_does_not_get_ahead_of_others_in_the_queue(store: Store) -> None:
    for owner in ("ann", "bob"):
        a_finished_bot(store, owner, owner)
    a_finished_bot(store, "ann", "another")
    for bot_id in ("ann", "another"):
        store.delete_bot("ann", bot_id)
    for owner in ("ann", "bob"):
        store.add_job(owner, job(store, f"next of {owner}"))
    assert store.waiting() == ["next of bob", "next of ann"]
    assert [run.id for run in store.runs("ann")] == ["next of ann"]


@pytest.mark.parametrize("how", ["is being scored", "is being corrected"])
def test_a_bot_that_a_training_needs_is_not_deleted(store: Store, how: str) -> None:
    if how == "is being scored":
        store.add_job("ann", job(store))
        store.claim("one")
        store.record(JobUpdate("one", JobState.SCORING))
        store.bot_folder("one").mkdir(parents=True)
    else:
        bot = a_finished_bot(store, "ann")
        store.add_job("ann", replace(job(store, "two"), start_from=bot.folder))
    with pytest.raises(BotError, match="still running"):
        store.delete_bot("ann", "one")
    assert store.bot("ann", "one")
    assert [path.name for path in store.bot_folder("one").parent.iterdir()] == ["one"]


@pytest.mark.parametrize("until", ["it was forgotten", "its folder was gone"])
def test_a_deletion_in_which_the_app_was_killed_is_finished_or_never_was(store: Store, until: str) -> None:
    bot = a_finished_bot(store, "ann")
    bot.folder.rename(bot.folder.with_name(".one.deleted"))
    (bot.folder.with_name(".scratch-123")).mkdir()
    if until == "its folder was gone":
        store._forget_bot(bot)
    store.requeue()
    left = [path.name for path in bot.folder.parent.iterdir()]
    assert left == ([] if until == "its folder was gone" else ["one"])
    assert len(store.bots("ann")) == len(left)


def test_everyone_has_so_much_room_and_is_told_what_to_do_when_it_is_used_up(store: Store) -> None:
    bot = a_finished_bot(store, "ann")
    store.conversations.save("ann", bot.id, [Turn("y" * 2000)])
    store.check_room("ann", 10_000)
    store.check_room("bob", 1)
    with pytest.raises(StorageError, match=r"0\.0 MB .* delete a bot"):
        store.check_room("ann", 3000)
    store.delete_bot("ann", bot.id)
    store.check_room("ann", 3000)


def test_data_that_were_moved_have_their_bots_and_go_on_with_their_trainings(
    store: Store, tmp_path: Path
) -> None:
    a_finished_bot(store, LOCAL)
    store.add_job(LOCAL, replace(job(store, "two"), start_from=store.bot_folder("one")))
    moved = (tmp_path / "data").rename(tmp_path / "another computer")
    store = Store(moved)
    (bot,) = store.bots(LOCAL)
    assert bot.folder == moved / "bots" / "one"
    assert bot.folder.is_dir()
    with pytest.raises(BotError, match="still running"):
        store.delete_bot(LOCAL, "one")
    claimed = store.claim("two")
    assert claimed
    assert (claimed.start_from, claimed.bot_folder) == (bot.folder, moved / "bots" / "two")


def test_trainings_that_led_to_nothing_and_that_nobody_sees_any_more_are_not_kept(store: Store) -> None:
    a_finished_bot(store, LOCAL)
    for number in range(MOST_RUNS + 5):
        store.add_job(LOCAL, job(store, f"failed {number}"))
        store.record(JobUpdate(f"failed {number}", JobState.FAILED))
    runs = store.runs(LOCAL)
    assert [run.number for run in runs] == [MOST_RUNS + 6 - back for back in range(MOST_RUNS)]
    assert all(run.demonstrations for run in runs)
    assert store.trained_on(LOCAL, "failed 0") == ()
    assert store.trained_on(LOCAL, "one") == ROWS


def test_a_bot_from_elsewhere_has_the_rows_that_came_with_it_for_its_owner(store: Store) -> None:
    folder = store.bot_folder("two")
    folder.mkdir(parents=True)
    store.add_bot("ann", SavedBot("two", "A bot", folder))
    assert store.trained_on("ann", "two") == ()
    write_demonstrations(ROWS, folder / "demonstrations.jsonl")
    assert store.trained_on("ann", "two") == ROWS
    assert store.trained_on("bob", "two") == ()


def test_a_finished_training_leaves_a_bot_with_its_rows(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    running = JobUpdate("one", JobState.RUNNING, 1, 2, (3.5,), 0.5, samples=(Sample("Hi", "Hello.", "👋"),))
    store.record(running)
    assert store.latest_job(LOCAL) == running
    assert store.bots(LOCAL) == []
    store.record(JobUpdate("one", JobState.DONE, 2, 2, (3.5, 1.25)))
    assert store.bots(LOCAL) == [SavedBot("one", "A bot", store.bot_folder("one"), ("And you?",))]
    assert store.trained_on(LOCAL, "one") == ROWS


def test_a_bot_keeps_to_the_revision_of_its_base_model_that_it_was_trained_on(store: Store) -> None:
    theirs = read_manifest(Path(__file__).parents[1] / "spaces" / "emoji" / "bot.json")
    for bot_id, base in (("one", "me/model"), ("two", "me/model@v1")):
        store.add_job(bot_id, replace(job(store, bot_id), base=BaseRef(base)))
        store.bot_folder(bot_id).mkdir(parents=True)
        made_on = theirs.base.model_copy(update={"id": "me/model", "revision": "abc"})
        write_manifest(theirs.model_copy(update={"base": made_on}), store.bot_folder(bot_id))
        store.record(JobUpdate(bot_id, JobState.DONE))
    assert [bot.base.name for owner in ("one", "two") for bot in store.bots(owner)] == [
        "me/model@abc",
        "me/model@v1",
    ]


@pytest.mark.parametrize("end", [state for state in JobState if state.ended])
def test_what_has_ended_stays_as_it_ended(store: Store, end: JobState) -> None:
    store.add_job(LOCAL, job(store))
    store.record(JobUpdate("one", end))
    store.record(JobUpdate("one", JobState.RUNNING, 1, 2))
    store.record(JobUpdate("one", JobState.DONE))
    assert not store.cancel(LOCAL, "one")
    store.requeue()
    assert store.waiting() == []
    assert store.latest_job(LOCAL) == JobUpdate("one", end)
    assert len(store.bots(LOCAL)) == (end is JobState.DONE)


def test_a_training_that_is_asked_to_stop_does_not_seem_to_run_on(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    store.claim("one")
    assert store.cancel(LOCAL, "one")
    store.record(JobUpdate("one", JobState.RUNNING, 1, 2))
    assert state(store) is JobState.CANCELLING
    store.record(JobUpdate("one", JobState.CANCELLED, 1, 2))
    assert state(store) is JobState.CANCELLED


def test_only_a_training_that_has_learned_something_is_ended_early_and_only_by_its_owner(
    store: Store,
) -> None:
    store.add_job(LOCAL, job(store))
    assert store.finish(LOCAL, "one") is None
    store.claim("one")
    store.record(JobUpdate("one", JobState.RUNNING, 0, 9))
    assert store.finish(LOCAL, "one") is None
    store.record(JobUpdate("one", JobState.RUNNING, 4, 9))
    assert store.finish("ann", "one") is None
    assert store.finish(LOCAL, "one") == 4
    store.record(JobUpdate("one", JobState.RUNNING, 5, 9))
    assert state(store) is JobState.FINISHING
    # It is found again after a restart, and where it was to end.
    store.requeue()
    again = store.claim("one")
    assert again
    assert again.last_step == 4
    store.record(JobUpdate("one", JobState.DONE, 5, 9))
    assert store.finish(LOCAL, "one") is None


def test_a_training_that_is_ending_early_can_still_be_cancelled(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    store.claim("one")
    store.record(JobUpdate("one", JobState.RUNNING, 4, 9))
    store.finish(LOCAL, "one")
    assert store.cancel(LOCAL, "one")
    assert state(store) is JobState.CANCELLING


def with_moments(
    store: Store, job_id: str = "one", owner: str = LOCAL, report: Report | None = None
) -> JobUpdate:
    """A training that is done and whose bot was kept at three moments, the last of which is the bot."""
    moments = tuple(
        Moment(epoch, 12, epoch, 0, (Sample("Hi", "Hello.", "👋" * epoch),)) for epoch in (1, 2, 3)
    )
    store.add_job(owner, job(store, job_id))
    store.claim(job_id)
    for moment in moments:
        (store.moments_folder(job_id) / str(moment.epoch)).mkdir(parents=True)
    done = JobUpdate(job_id, JobState.DONE, 3, 3, (3.0, 2.0, 1.0), moments=moments, kept=3)
    store.record(replace(done, report=report))
    return done


def test_another_moment_is_kept_by_a_turn_in_the_queue_and_the_bot_stays_the_same_one(store: Store) -> None:
    done = with_moments(store)
    assert store.latest_job(LOCAL) == done
    assert store.moment_folders(LOCAL, "one")[2] == store.moments_folder("one") / "2"
    store.keep(LOCAL, "one", 2)
    assert store.waiting() == ["one"]
    again = store.claim("one")
    assert again
    assert again.keep
    assert (again.keep.kept, again.keep.losses, again.keep.moments) == (2, done.losses, done.moments)
    assert again.keep.samples == done.moments[1].samples
    store.record(replace(again.keep, state=JobState.SCORING))
    store.record(replace(again.keep, state=JobState.DONE))
    latest = store.latest_job(LOCAL)
    assert latest
    assert latest.kept == 2
    assert [bot.id for bot in store.bots(LOCAL)] == ["one"]


def test_a_moment_is_not_kept_that_is_not_there_or_anothers_or_too_early(
    store: Store,
) -> None:
    with_moments(store)
    for owner, epoch in ((LOCAL, 4), ("ann", 2)):
        with pytest.raises(BotError, match="another moment"):
            store.keep(owner, "one", epoch)
    store.add_job(LOCAL, job(store, "two"))
    store.keep(LOCAL, "one", 2)
    assert store.waiting() == ["two"]
    assert store.moment_folders("ann", "one") == {}


@pytest.mark.parametrize("scored", [True, False])
def test_the_moment_that_is_the_bot_is_kept_once_more_where_it_has_no_score(
    store: Store, scored: bool
) -> None:
    report = Report(("only emoji",), "", (Asked(Suite.UNSEEN, ("Hi",), {Side.BOT: Reply("🐱", True)}),))
    with_moments(store, report=report if scored else None)
    store.keep(LOCAL, "one", 3)
    assert store.waiting() == ([] if scored else ["one"])


def test_whoever_changes_his_mind_before_another_moment_is_kept_has_his_bot_as_it_was(store: Store) -> None:
    done = with_moments(store)
    store.keep(LOCAL, "one", 2)
    store.cancel(LOCAL, "one")
    assert store.latest_job(LOCAL) == done


def test_moments_go_with_their_bot_and_count_as_its_room(store: Store) -> None:
    with_moments(store)
    (store.moments_folder("one") / "1" / "bot.json").write_bytes(b"7" * 5000)
    with pytest.raises(StorageError):
        store.check_room(LOCAL, 5000)
    store.delete_bot(LOCAL, "one")
    assert not store.moments_folder("one").exists()
    assert store.moment_folders(LOCAL, "one") == {}
    store.check_room(LOCAL, 5000)


def test_moments_stay_as_long_as_there_is_their_bot_or_it_may_come(store: Store) -> None:
    with_moments(store)
    for job_id, owner in (("waits", "ann"), ("cancelled", "bob")):
        store.add_job(owner, job(store, job_id))
        store.moments_folder(job_id).mkdir()
    store.cancel("bob", "cancelled")
    store.requeue()
    assert [store.moments_folder(one).exists() for one in ("one", "waits", "cancelled")] == [
        True,
        True,
        False,
    ]


def test_whatever_lies_about_where_trainings_are_kept_does_not_keep_the_app_from_starting(
    store: Store,
) -> None:
    with_moments(store)
    checkpoints = store.checkpoint_file("one").parent
    (checkpoints / "one.parcel").mkdir(parents=True)
    (checkpoints / "left.safetensors").write_bytes(b"x")
    moments = store.moments_folder("one")
    (moments.parent / ".DS_Store").write_bytes(b"x")
    # As a kill leaves it in the middle of keeping a moment.
    (moments / ".5-scratch").mkdir()
    store.requeue()
    assert not any(checkpoints.iterdir())
    assert [*moments.parent.iterdir()] == [moments]
    assert sorted(path.name for path in moments.iterdir()) == ["1", "2", "3"]


def test_a_bot_whose_other_moment_was_not_made_its_own_is_done_as_before(store: Store) -> None:
    with_moments(store)
    store.keep(LOCAL, "one", 1)
    store.claim("one")
    store.cancel(LOCAL, "one")
    # Its engine had no room yet.
    store.put_back("one")
    assert state(store) is JobState.DONE
    assert store.keep(LOCAL, "one", 1)


def test_a_training_that_only_waits_is_cancelled_at_once(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    assert not store.cancel(LOCAL, "one")
    assert state(store) is JobState.CANCELLED
    assert store.waiting() == []


def test_nobody_has_two_trainings_at_a_time(store: Store) -> None:
    assert store.add_job("ann", job(store, "one"))
    assert not store.add_job("ann", job(store, "two"))
    assert store.add_job("bob", job(store, "three"))
    store.record(JobUpdate("one", JobState.DONE))
    assert store.add_job("ann", job(store, "four"))


def test_of_two_that_click_at_the_same_time_one_is_queued(store: Store) -> None:
    with ThreadPoolExecutor(8) as clicks:
        added = list(clicks.map(lambda n: store.add_job("ann", job(store, f"click {n}")), range(24)))
    assert sum(added) == 1


def test_a_training_is_claimed_once_however_many_try(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    with ThreadPoolExecutor(8) as servers:
        claimed = list(servers.map(lambda _: store.claim("one"), range(24)))
    assert [one.id for one in claimed if one] == ["one"]


def test_whoever_waited_longest_for_a_training_is_next(store: Store) -> None:
    # Ann trains one after the other; the others come later and less often.
    order = []
    for turn in range(3):
        for owner in ("ann", "bob", "cleo")[: turn + 1]:
            store.add_job(owner, job(store, f"{owner} {turn}"))
        (next_one, *_) = store.waiting()
        order.append(next_one)
        store.claim(next_one)
        store.record(JobUpdate(next_one, JobState.DONE))
    assert order == ["ann 0", "bob 1", "cleo 2"]
    assert store.waiting() == ["ann 1", "bob 2"]


def test_a_starting_app_goes_on_with_what_was_not_done_in_its_order(store: Store, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        store.add_job(name, job(store, name))
        store.claim(name)
    store.record(JobUpdate("two", JobState.RUNNING, 5, 10, (1.0,)))
    store.cancel("three", "three")
    again = Store(tmp_path / "data")
    again.requeue()
    assert again.waiting() == ["one", "two"]
    assert again.claim("two") == replace(
        job(store, "two"),
        recipe_changes={"layers": [1]},
        checkpoint_file=store.checkpoint_file("two"),
        moments_folder=store.moments_folder("two"),
    )
    cancelled = again.latest_job("three")
    assert cancelled
    assert cancelled.state is JobState.CANCELLED


def test_a_training_that_gets_no_further_is_given_up_and_one_that_does_is_not(store: Store) -> None:
    for name in ("stuck", "slow"):
        store.add_job(name, job(store, name))
        store.claim(name)
    store.record(JobUpdate("stuck", JobState.RUNNING, 50, 100))
    for step in range(1, 3 * STARTS):
        store.requeue()
        assert len(store.waiting()) == (2 if step <= STARTS else 1)
        for name in store.waiting():
            store.claim(name)
        # Its checkpoint is of step 40, and it never gets beyond 50.
        for again in (40, 45, 50):
            store.record(JobUpdate("stuck", JobState.RUNNING, again, 100))
        store.record(JobUpdate("slow", JobState.RUNNING, step, 100))
    store.record(JobUpdate("slow", JobState.DONE, 100, 100))
    store.requeue()
    assert store.waiting() == []
    assert [bot.id for bot in store.bots("slow")] == ["slow"]


@pytest.mark.parametrize("begun", [False, True])
def test_closing_the_app_or_waiting_is_no_fault_of_a_training(store: Store, begun: bool) -> None:
    store.add_job(LOCAL, job(store))
    for _ in range(3 * STARTS):
        store.requeue()
        assert store.waiting() == ["one"]
        if begun:
            store.claim("one")
            store.closed()


def test_checkpoints_that_nobody_needs_are_deleted_when_the_app_starts(store: Store) -> None:
    store.add_job(LOCAL, job(store))
    needed, left = store.checkpoint_file("one"), store.checkpoint_file("gone")
    needed.parent.mkdir()
    for path in (needed, left):
        path.touch()
    store.requeue()
    assert needed.exists()
    assert not left.exists()


def test_what_one_person_has_nobody_else_sees_or_stops(store: Store) -> None:
    draft = Draft("Ann's bot", ROWS)
    save_draft(store, draft, "ann")
    save_draft(store, Draft("Bob's bot"), "bob")
    store.add_job("ann", job(store, "done"))
    store.record(JobUpdate("done", JobState.DONE))
    store.add_job("ann", job(store, "running"))
    store.claim("running")
    store.add_bot("ann", SavedBot("opened", "A bot", store.bot_folder("opened")))
    assert draft_of(store, "ann") == draft
    assert not store.cancel("bob", "running")
    assert store.latest_job("bob") is None
    assert store.bots("bob") == []
    for bot_id in ("done", "opened"):
        assert store.bot("ann", bot_id)
        assert store.bot("bob", bot_id) is None
    assert store.trained_on("ann", "done") == ROWS
    assert store.trained_on("bob", "done") == ()
    ours = store.latest_job("ann")
    assert ours
    assert ours.state is JobState.QUEUED


def test_all_that_one_has_can_become_anothers_and_what_runs_goes_on(store: Store, tmp_path: Path) -> None:
    theirs = Draft("Theirs", (Demonstration("a", "b"),))
    save_draft(store, theirs, "user")
    store.save_settings("user", {"epochs": "1"})
    mine = Draft("Mine", (Demonstration("c", "d"),))
    save_draft(store, mine, "browser")
    store.save_settings("browser", {"epochs": "2"})
    store.skip_tour("browser")
    store.add_bot("browser", SavedBot("opened", "Opened", tmp_path))
    store.conversations.save("browser", "opened", (Turn("Hi"),))
    store.add_job("browser", job(store))
    assert store.claim("one")
    store.move_all("browser", "user")
    # It tells of its end as if nothing had happened.
    store.record(JobUpdate("one", JobState.SCORING))
    store.record(JobUpdate("one", JobState.DONE))
    assert [bot.name for bot in store.bots("user")] == ["A bot", "Opened"]
    assert store.latest_job("user")
    assert store.conversations.turns("user", "opened") == (Turn("Hi"),)
    assert store.has_skipped_tour("user")
    assert store.settings("user") == {"epochs": "2"}
    assert {project.name for project in store.projects.all("user")} == {"Mine", "Theirs"}
    # What was worked on last is what is seen, and its edits came along.
    assert draft_of(store, "user") == mine
    store.projects.undo("user", store.projects.opened_last("user"))
    with closing(sqlite3.connect(tmp_path / "data" / "studio.sqlite3")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        owned = [t for t in tables if "owner" in [c[1] for c in database.execute(f"PRAGMA table_info({t})")]]
        assert len(owned) == 6
        for table in owned:
            assert not database.execute(f"SELECT 1 FROM {table} WHERE owner = 'browser'").fetchall()


def test_a_table_in_which_nobody_wrote_stays_where_it_is(store: Store) -> None:
    save_draft(store, Draft("Theirs"), "user")
    assert draft_of(store, "browser") == Draft()
    store.move_all("browser", "user")
    assert [project.name for project in store.projects.all("user")] == ["Theirs"]
    assert [project.name for project in store.projects.all("browser")] == [""]


def test_a_bot_is_there_from_its_score_on_and_the_score_comes_with_the_end(store: Store) -> None:
    report = Report(("only emoji",), "", (Asked(Suite.UNSEEN, ("Hi",), {Side.BOT: Reply("👩🏽‍🚀", True)}),))
    store.add_job(LOCAL, job(store))
    store.claim("one")
    store.record(JobUpdate("one", JobState.SCORING))
    assert [bot.id for bot in store.bots(LOCAL)] == ["one"]
    assert store.report(LOCAL, "one") is None
    store.record(JobUpdate("one", JobState.DONE, report=report))
    assert [bot.id for bot in store.bots(LOCAL)] == ["one"]
    assert store.report(LOCAL, "one") == report
    assert store.report("bob", "one") is None


@pytest.mark.parametrize("end", [JobState.FAILED, JobState.INTERRUPTED, JobState.CANCELLED])
def test_however_a_score_ends_its_training_is_done(store: Store, end: JobState) -> None:
    store.add_job(LOCAL, job(store))
    store.claim("one")
    store.record(JobUpdate("one", JobState.SCORING, 2, 2, (3.5, 1.25), message="It was interrupted."))
    store.record(JobUpdate("one", end, message="" if end is JobState.CANCELLED else "It broke."))
    done = store.latest_job(LOCAL)
    assert done
    assert (done.state, done.losses) == (JobState.DONE, (3.5, 1.25))
    remark = "" if end is JobState.CANCELLED else " The bot is ready, but it could not be scored: It broke."
    assert done.message == f"It was interrupted.{remark}"


def test_a_score_that_an_app_never_gets_through_leaves_a_bot(store: Store) -> None:
    for owner, stops in (("ann", False), ("bob", True), ("cyd", True)):
        store.add_job(owner, job(store, owner))
        store.claim(owner)
        store.record(JobUpdate(owner, JobState.SCORING, 2, 2))
        if stops:
            store.cancel(owner, owner)
        if owner == "cyd":
            store.record(JobUpdate(owner, JobState.CANCELLED, 2, 2))
    for _ in range(STARTS + 1):
        store.requeue()
        store.claim("ann")
    ends = {owner: store.latest_job(owner) for owner in ("ann", "bob", "cyd")}
    assert [end and end.state for end in ends.values()] == [JobState.DONE] * 3
    assert ends["ann"]
    assert "could not be scored" in ends["ann"].message
    store.add_job("dee", job(store, "dee"))
    store.claim("dee")
    store.record(JobUpdate("dee", JobState.SCORING, 2, 2))
    store.requeue()
    store.cancel("dee", "dee")
    end = store.latest_job("dee")
    assert end
    assert end.state is JobState.DONE


def test_earlier_trainings_are_found_with_all_that_went_in_and_came_out(store: Store) -> None:
    store.add_job("bob", job(store, "bobs"))
    store.add_job(LOCAL, job(store))
    store.record(JobUpdate("one", JobState.RUNNING, 2, 2, (3.5, 1.25)))
    report = Report(("only emoji",), "", (Asked(Suite.UNSEEN, ("Hi",), {Side.BOT: Reply("👩🏽‍🚀", True)}),))
    store.record(JobUpdate("one", JobState.DONE, 2, 2, (3.5, 1.25), report=report))
    store.add_job(LOCAL, replace(job(store, "two"), start_from=store.bot_folder("one")))
    two, one = store.runs(LOCAL)
    assert [run.number for run in (one, two)] == [1, 2]
    assert (one.demonstrations, one.recipe_changes, one.last_loss) == (ROWS, {"layers": [1]}, 1.25)
    assert one.score
    assert one.score.counts[0].bot == 1
    assert (one.is_correction, two.is_correction, two.score) == (False, True, None)


def test_rules_and_instruction_of_a_table_and_of_a_training_come_back(store: Store) -> None:
    draft = Draft("A bot", ROWS, rules=("only emoji", 'contains "🐈"'), instruction="Be brief.")
    save_draft(store, draft)
    assert draft_of(store) == draft
    save_draft(store, replace(draft, rules=()))
    assert draft_of(store).rules == ()
    store.add_job(LOCAL, replace(job(store), rules=draft.rules or (), instruction=draft.instruction))
    claimed = store.claim("one")
    assert claimed
    assert (claimed.rules, claimed.instruction) == (draft.rules, draft.instruction)


@only_where_disks_can_be_full
@pytest.mark.parametrize("kind", DISKS)
def test_on_a_full_disk_everything_can_be_read_and_what_cannot_be_kept_is_said(
    kind: str, tmp_path: Path
) -> None:
    can_be_full, full = DISKS[kind]
    with can_be_full(tmp_path / "disk"):
        keep_on_a_full_disk(tmp_path / "disk", full)


def keep_on_a_full_disk(folder: Path, full: Callable[[Path], AbstractContextManager[None]]) -> None:
    first, second = Draft("A bot", ROWS), Draft("A bot", (*ROWS, Demonstration("One", "more")))
    store = Store(folder)
    save_draft(store, first)
    with full(folder):
        for act in (
            lambda: save_draft(store, second),
            lambda: store.add_job(LOCAL, job(store)),
            lambda: store.skip_tour(LOCAL),
        ):
            with pytest.raises(StorageError, match="disk is full"):
                act()
        assert draft_of(store) == first
        assert store.latest_job(LOCAL) is None
        assert draft_of(Store(folder)) == first
    save_draft(store, second)
    assert draft_of(Store(folder)) == second
    store.projects.undo(LOCAL, store.projects.opened_last(LOCAL))
    assert draft_of(store) == first


def test_no_order_and_no_end_of_time_comes_from_the_clock_on_the_wall() -> None:
    package = Path(__file__).parents[1] / "reft_studio"
    wall_clock = re.compile(r"time\.time\(|\bfrom time import .*\btime\b|\.(utc)?now\(|st_[mc]time|\.today\(")
    users = {path.name for path in package.rglob("*.py") if wall_clock.search(path.read_text("utf-8"))}
    # When a bot was made; the name of a damaged database, and the order in which its bots are found again;
    # whether a file is still the one that was sent to another machine; until when a sign-in at the Hub holds;
    # how long ago, by the disk's own clock, a file was offered.
    assert users == {"bot.py", "database.py", "store.py", "parcels.py", "owners.py", "scratch.py"}


CLAIM_ALL = """
import sys
import time
from pathlib import Path
from reft_studio.store import Store

store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
while waiting := store.waiting():
    if job := store.claim(waiting[0]):
        print(job.id)
        # Or the first might be through before a busy machine lets the second begin.
        time.sleep(0.02)
"""


def test_two_servers_that_race_for_trainings_never_get_the_same_one(store: Store, tmp_path: Path) -> None:
    ids = {f"job {number}" for number in range(60)}
    for job_id in ids:
        store.add_job(job_id, job(store, job_id))
    command = [sys.executable, "-c", CLAIM_ALL, str(tmp_path / "data")]
    servers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        for _ in range(2)
    ]
    for server in servers:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin
        server.stdin.write("go\n")
        server.stdin.flush()
    told = [server.communicate()[0].splitlines() for server in servers]
    assert sorted(told[0] + told[1]) == sorted(ids)
    assert all(told)


CANCEL_IN: dict[str, tuple[Callable[[Store], object], JobState]] = {
    "queued": (lambda store: store.waiting(), JobState.CANCELLED),
    "given to the engine": (lambda store: store.claim("one"), JobState.CANCELLED),
    "running": (
        lambda store: store.claim("one") and store.record(JobUpdate("one", JobState.RUNNING, 1, 2)),
        JobState.CANCELLED,
    ),
    "ending early": (
        lambda store: (
            store.claim("one")
            and (store.record(JobUpdate("one", JobState.RUNNING, 1, 2)), store.finish(LOCAL, "one"))
        ),
        JobState.CANCELLED,
    ),
    "queued again by a restart": (
        lambda store: store.claim("one") and store.requeue(),
        JobState.CANCELLED,
    ),
    "being cancelled": (
        lambda store: store.claim("one") and store.cancel(LOCAL, "one"),
        JobState.CANCELLED,
    ),
    "being scored": (
        lambda store: store.claim("one") and store.record(JobUpdate("one", JobState.SCORING, 2, 2)),
        JobState.DONE,
    ),
    "to be scored after a restart": (
        lambda store: (
            store.claim("one") and (store.record(JobUpdate("one", JobState.SCORING, 2, 2)), store.requeue())
        ),
        JobState.DONE,
    ),
    "done": (
        lambda store: store.claim("one") and store.record(JobUpdate("one", JobState.DONE, 2, 2)),
        JobState.DONE,
    ),
}


@pytest.mark.parametrize("when", CANCEL_IN)
def test_what_was_cancelled_stays_so_through_a_restart(store: Store, tmp_path: Path, when: str) -> None:
    get_there, end = CANCEL_IN[when]
    store.add_job(LOCAL, job(store))
    get_there(store)
    store.cancel(LOCAL, "one")
    for _ in range(2):
        # As by a kill: the engine has said nothing more.
        store = Store(tmp_path / "data")
        store.requeue()
        assert (state(store), store.waiting()) == (end, [])
    assert len(store.bots(LOCAL)) == (end is JobState.DONE)
    assert store.add_job(LOCAL, job(store, "two"))


def test_what_one_has_chosen_for_trainings_is_kept_apart_from_what_others_have(store: Store) -> None:
    assert store.settings(LOCAL) == {}
    store.save_settings(LOCAL, {"rank": 2, "base": "me/model"})
    store.save_settings("ann", {"rank": 3})
    store.save_settings(LOCAL, {"rank": 4})
    assert (store.settings(LOCAL), store.settings("ann")) == ({"rank": 4}, {"rank": 3})


WRITTEN = {
    1: """
        INSERT INTO drafts VALUES (1, 'A bot', '[["Hi", "Ho"]]', '["And you?"]');
        INSERT INTO jobs (id, name, demonstrations, recipe_changes, probes, bot_folder, state, losses)
            VALUES ('first', 'First', '[["Hi", "Ho"]]', '{"rank": 2}', '[]', 'bots/first', 'done', '[2.5]'),
            ('one', 'A bot', '[["Hi", "Ho"]]', '{}', '[]', 'bots/one', 'running', '[]');
        INSERT INTO bots (id, name, folder, probes) VALUES ('first', 'First', 'bots/first', '["And you?"]');
    """,
    2: "UPDATE jobs SET attempts = 1, furthest = 7 WHERE id = 'one';",
    3: """
        UPDATE jobs SET claimed = number;
        INSERT INTO drafts (owner, name, demonstrations, probes) VALUES ('ann', 'Hers', '[]', '[]');
        INSERT INTO bots (id, name, folder, probes, owner) VALUES ('hers', 'Hers', 'bots/hers', '[]', 'ann');
    """,
    4: """
        UPDATE drafts SET rules = '["only emoji"]', instruction = 'Be brief.' WHERE owner = 'local';
        UPDATE bots SET report = '{"rules": ["only emoji"], "instruction": "", "asked": [
            {"suite": "unseen", "prompts": ["Hi"], "replies": {"bot": {"text": "x", "right": true}}}]}'
            WHERE id = 'first';
    """,
    5: """
        UPDATE bots SET instruction = 'Be brief.' WHERE id = 'first';
        INSERT INTO jobs (id, name, demonstrations, recipe_changes, probes, bot_folder, state, start_from)
            VALUES ('next', 'Next', '[["Hi", "Ho"]]', '{}', '[]', 'bots/next', 'failed', 'bots/first');
    """,
    6: """
        INSERT INTO edits (owner, edit) VALUES ('local', '{"start": 0, "removed": [],
            "added": [{"prompt": "Hi", "reply": "Ho"}], "before": {"name": "", "demonstrations": [],
            "probes": [], "rules": null, "instruction": ""}, "after": {"name": "A bot", "demonstrations": [],
            "probes": [], "rules": null, "instruction": ""}}');
    """,
    7: """INSERT INTO conversations VALUES ('local', 'first', '[{"prompt": "Hi", "base": "",
        "instructed": null, "bot": "Ho", "finished": false}]');""",
    8: """UPDATE jobs SET samples = '[{"prompt": "Hi", "base": "a", "bot": "b"}]' WHERE id = 'first';""",
    9: "INSERT INTO skipped_tours VALUES ('local');",
    10: "UPDATE jobs SET forgotten = 1 WHERE id = 'next';",
    11: """UPDATE jobs SET stop_early = 1, kept = 5, moments = '[{"epoch": 5, "asked": 12, "right": 9,
        "copied": 1, "samples": [{"prompt": "Hi", "base": "a", "bot": "b"}], "of": 80}]'
        WHERE id = 'first';""",
    12: """INSERT INTO jobs
        (id, name, demonstrations, recipe_changes, probes, bot_folder, state, kind, places)
        VALUES ('search', '', '[["Hi", "Ho"]]', '{}', '[]', '', 'done', 'search', '{"grid": {"layers": [1],
        "positions": ["l1"], "ranks": [4], "usual": {"layer": 1, "positions": "l1", "rank": 4}}, "measure":
        "right", "total_steps": 80}');""",
    13: """
        UPDATE jobs SET base = 'me/model', quantization = 'nf4' WHERE id = 'first';
        UPDATE bots SET base = 'me/model', quantization = 'nf4' WHERE id = 'first';
    """,
    14: """
        INSERT INTO settings VALUES ('local', '{"rank": 2}');
        INSERT INTO edits (owner, edit) VALUES ('ann', '{"start": 0, "removed": [{"prompt": "Oh", "reply":
        ""}], "added": [], "before": {"name": "Hers", "demonstrations": [], "probes": [], "rules": null,
        "instruction": ""}, "after": {"name": "Hers", "demonstrations": [], "probes": [], "rules": null,
        "instruction": ""}}'), ('nobody', '{}');
    """,
}
"""What a version could write that the one before could not, in its own words."""
SAMPLES = (Sample("Hi", "a", "b"),)
PLACES = PlaceMap(Grid((1,), ("l1",), (4,), Place(1, "l1", 4)), Measure.RIGHT, 80)
DIGEST = {
    1: "4c3215874510",
    2: "dfc5fc42f2cc",
    3: "d3dada956848",
    4: "049578e95efc",
    5: "c89e60037c2a",
    6: "36389e243a09",
    7: "708c6b9a29c2",
    8: "093f830ce578",
    9: "15def4f83449",
    10: "37864298b79a",
    11: "9b5c7157c48a",
    12: "df9b840b5214",
    13: "d9a491da992a",
    14: "000d1cba8ba0",
    15: "5bda40cacbbd",
}


def database_of(version: int, folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "studio.sqlite3")) as old, old:
        for number, change in enumerate(MIGRATIONS[:version], start=1):
            old.executescript(change + WRITTEN.get(number, ""))
        old.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_database_of_an_older_version_is_brought_up_to_date_with_all_that_is_in_it(
    tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "data"
    database_of(version, folder)
    for _ in range(2):
        store = Store(folder)
        rows = (Demonstration("Hi", "Ho"),)
        scored = version >= 4
        draft = Draft("A bot", rows, ("And you?",))
        if scored:
            draft = replace(draft, rules=("only emoji",), instruction="Be brief.")
        assert draft_of(store) == draft
        instruction = "Be brief." if version >= 5 else ""
        base = BaseRef("me/model", Quantization.NF4) if version >= 13 else BaseRef()
        bot = SavedBot("first", "First", folder / "bots" / "first", ("And you?",), instruction, base)
        assert store.bots(LOCAL) == [bot]
        assert [bot.id for bot in store.bots("ann")] == (["hers"] if version >= 3 else [])
        assert draft_of(store, "ann").name == ("Hers" if version >= 3 else "")
        assert (store.report(LOCAL, "first") is not None) == scored
        first = store.runs(LOCAL)[-1]
        assert (first.demonstrations, first.recipe_changes, first.last_loss) == (rows, {"rank": 2}, 2.5)
        assert first.base == base
        learned, search = store.training_of(LOCAL, "first"), store.latest_search(LOCAL)
        assert learned
        assert learned.samples == (SAMPLES if version >= 8 else ())
        moments = (Moment(5, 12, 9, 1, SAMPLES, 80),) if version >= 11 else ()
        assert (learned.moments, learned.kept) == (moments, 5 if moments else None)
        assert (search is not None and search.places == PLACES) == (version >= 12)
        assert store.settings(LOCAL) == ({"rank": 2} if version >= 14 else {})
        assert len(store.runs(LOCAL)) == (3 if 5 <= version < 10 else 2)
        hers = store.projects.opened_last("ann")
        assert store.projects.can_undo("ann", hers) == (version >= 14)
        (mine,) = store.projects.all(LOCAL)
        assert (mine.name, mine.examples) == ("A bot", 1)
        assert store.projects.can_undo(LOCAL, mine.id) == (version >= 6)
        assert store.conversations.turns(LOCAL, "first") == ((Turn("Hi", bot="Ho"),) if version >= 7 else ())
        assert store.has_skipped_tour(LOCAL) == (version >= 9)
        store.requeue()
        assert store.waiting() == ["one"]


def test_a_schema_that_people_have_is_never_changed_afterwards() -> None:
    assert {
        number: hashlib.sha256(change.encode()).hexdigest()[:12]
        for number, change in enumerate(MIGRATIONS, start=1)
    } == DIGEST


def test_data_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    database_of(len(MIGRATIONS), tmp_path / "data")
    database = tmp_path / "data" / "studio.sqlite3"
    with closing(sqlite3.connect(database)) as newer, newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StorageError, match="newer version"):
        Store(tmp_path / "data")
    with closing(sqlite3.connect(database)) as newer:
        assert newer.execute("SELECT count(*) FROM projects").fetchone() == (2,)


def test_the_latest_training_is_the_one_started_last(store: Store) -> None:
    for job_id in ("b", "a"):
        store.add_job(LOCAL, job(store, job_id))
        store.record(JobUpdate(job_id, JobState.CANCELLED))
    latest = store.latest_job(LOCAL)
    assert latest
    assert latest.job_id == "a"


def test_opened_bots_are_listed_newest_first(store: Store) -> None:
    bots = [SavedBot(name, name.upper(), store.bot_folder(name), ("Hi",)) for name in ("b", "a")]
    for bot in bots:
        store.add_bot(LOCAL, bot)
    assert store.bots(LOCAL) == bots[::-1]
    assert store.bot(LOCAL, "b") == bots[0]
    assert store.trained_on(LOCAL, "b") == ()


@pytest.mark.parametrize("where", ["at its beginning", "in its middle"])
def test_a_damaged_database_is_set_aside_and_its_bots_are_found_again(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "data"
    store = Store(folder)
    for number in range(200):
        store.add_job(f"person {number}", job(store, f"job {number}"))
    manifest = store.bot_folder("one") / "bot.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(manifest_of("A bot", "And you?").model_dump_json())
    (store.bot_folder("broken")).mkdir()
    (store.bot_folder("broken") / "bot.json").write_text("{")
    database = folder / "studio.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    start = 0 if where == "at its beginning" else len(content) // 2
    content[start : start + 4096] = b"x" * 4096
    database.write_bytes(content)

    again = Store(folder)
    assert again.damaged
    assert again.damaged.read_bytes() == content
    assert again.bots(LOCAL) == [SavedBot("one", "A bot", store.bot_folder("one"), ("And you?",))]
    assert draft_of(again) == Draft()
    again.add_job(LOCAL, job(again))
    assert Store(folder).damaged is None


def test_the_bots_are_found_again_where_somebody_has_deleted_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    store = Store(folder)
    manifest = store.bot_folder("one") / "bot.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(manifest_of("A bot", "And you?").model_dump_json())
    store.moments_folder("one").mkdir(parents=True)
    for file in folder.glob("studio.sqlite3*"):
        file.unlink()
    (folder / "studio.sqlite3").touch()
    for _ in range(2):
        again = Store(folder)
        again.requeue()
        assert [bot.id for bot in again.bots(LOCAL)] == ["one"]
        assert again.moments_folder("one").exists()


def test_what_another_program_keeps_busy_is_no_crash(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SECONDS_FOR_OTHERS", 0.1)
    store.add_job(LOCAL, job(store))
    with closing(sqlite3.connect(tmp_path / "data" / "studio.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="Another program keeps the data"):
            store.record(JobUpdate("one", JobState.DONE))
    store.record(JobUpdate("one", JobState.DONE))
    assert state(store) is JobState.DONE


def test_a_database_that_cannot_be_opened_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "studio.sqlite3").mkdir()
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / "studio.sqlite3"))):
        Store(tmp_path)


def manifest_of(name: str, probe: str) -> Manifest:
    base = BaseRecord(
        id="embedded", revision=None, digest="0" * 64, template_digest="0" * 64, dtype="float32",
        num_layers=6, width=8,
    )  # fmt: skip
    return Manifest(
        name=name,
        created="2026-11-23T12:00:00+00:00",
        base=base,
        recipe=Recipe(layers=(1,), rank=4),
        probes=(Probe(prompt=probe, reply="Yes."),),
        libraries={},
    )
