"""Whatever is killed, and whenever: no row that was saved and no bot that was finished is ever lost.

Bots and checkpoints are whole at any moment: a process that is killed while it saves one, at any step that it
takes on the disk or in the middle of writing, leaves the earlier one or the new.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch

from reft_studio.bot import Bot
from reft_studio.engine.interface import JobState
from reft_studio.errors import BotError
from reft_studio.folders import settle_all
from reft_studio.store import LOCAL, Store
from reft_studio.train.checkpoint import Checkpoint
from tests.drafts import draft_of
from tests.killable import draft, number_of, save_and_die, use

KILLS = 30
MOST_SECONDS = 1.5
"""Of a life; about as long as a start and a short training take."""
SECONDS = 120.0

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        "forkserver" not in multiprocessing.get_all_start_methods(), reason="there are no forks on Windows"
    ),
]


@dataclass
class Witness:
    """Knows what the app has told, and looks whether it is true."""

    folder: Path
    read: int = 0
    saved: int = 0
    engine: int | None = None
    finished: frozenset[str] = frozenset()

    def listen(self) -> None:
        """Take in what was told since the last time."""
        file = self.folder / "told.jsonl"
        with file.open(encoding="utf-8") if file.exists() else open(os.devnull) as told:  # noqa: PTH123
            told.seek(self.read)
            for line in told:
                what: dict[str, Any] = json.loads(line)
                self.saved = what.get("saved", self.saved)
                self.engine = what.get("engine", self.engine)
                self.finished |= {what["finished"]} if "finished" in what else set()
            self.read = told.tell() if file.exists() else 0

    def look(self) -> None:
        """Nothing that was told is lost, and nothing is there by half."""
        self.listen()
        store = Store(self.folder)
        assert store.damaged is None
        kept = draft_of(store)
        assert number_of(kept) >= self.saved
        assert kept == draft(number_of(kept))
        bots = store.bots(LOCAL)
        assert {bot.id for bot in bots} >= self.finished
        for bot in bots:
            assert Bot.load(bot.folder).manifest.name == "A bot"


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServerContext]:
    """Where the app's processes come from: a process that has imported all they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killable"])
    yield context
    # It would stay until all tests are done.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def killed_at_every_moment(
    forks: ForkServerContext, kind: str, source: Path, target: Path, look: Callable[[], None]
) -> int:
    """Save again and again, killed later each time, and look after each kill; returns how many there were."""
    kills = 0
    for how, moments in (("byte", range(0, 10**6, 900)), ("step", range(1000))):
        for moment in moments:
            process = forks.Process(target=save_and_die, args=(kind, source, target, how, moment))
            process.start()
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode in (-signal.SIGKILL, -signal.SIGXFSZ)
            kills += 1
            look()
    return kills


def test_a_bot_whose_saving_was_killed_is_the_earlier_one_or_the_new_one(
    forks: ForkServerContext, bot: Bot, untrained: Bot, tmp_path: Path
) -> None:
    folder, source = tmp_path / "bots" / "one", tmp_path / "source"
    untrained.save(folder)
    bot.save(source)

    def look() -> None:
        found = Bot.load(folder)
        assert found in (untrained, bot)
        settle_all(folder.parent, lambda _: True)
        assert [path.name for path in folder.parent.iterdir()] == ["one"]
        assert Bot.load(folder) == found
        untrained.save(folder)

    assert killed_at_every_moment(forks, "bot", source, folder, look) > 10
    assert Bot.load(folder) == bot


def test_where_there_was_no_bot_a_killed_saving_leaves_none_or_a_whole_one(
    forks: ForkServerContext, bot: Bot, tmp_path: Path
) -> None:
    folder, source = tmp_path / "bots" / "one", tmp_path / "source"
    bot.save(source)

    def look() -> None:
        try:
            assert Bot.load(folder) == bot
            shutil.rmtree(folder)
        except BotError as error:
            assert "there is no bot.json" in str(error)

    assert killed_at_every_moment(forks, "bot", source, folder, look) > 10
    assert Bot.load(folder) == bot


def test_a_checkpoint_whose_writing_was_killed_is_the_earlier_one_or_the_new_one(
    forks: ForkServerContext, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    path, source = tmp_path / "checkpoints" / "one.safetensors", tmp_path / "source.safetensors"
    first = Checkpoint("first", (3.0,), {"x": torch.zeros(1000)})
    first.save(path)
    Checkpoint("second", (3.0, 2.0), {"x": torch.ones(1000)}).save(source)

    def look() -> None:
        found = Checkpoint.load(path)
        assert (found.fingerprint, found.step) in (("first", 1), ("second", 2))
        first.save(path)

    assert killed_at_every_moment(forks, "checkpoint", source, path, look) > 5
    assert Checkpoint.load(path).fingerprint == "second"


def test_no_row_and_no_finished_bot_is_lost_whatever_is_killed_whenever(
    forks: ForkServerContext, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"The seed is {seed}.")
    chance, witness = random.Random(seed), Witness(tmp_path / "data")
    kills = 0
    while kills < KILLS:
        server = forks.Process(target=use, args=(witness.folder, chance.randrange(2**32)))
        witness.engine = None
        server.start()
        time.sleep(chance.uniform(0, MOST_SECONDS))
        while chance.random() < 0.4 and kills < KILLS - 1:
            witness.listen()
            if witness.engine:
                kill(witness.engine)
                kills += 1
            time.sleep(chance.uniform(0, MOST_SECONDS))
        assert server.is_alive(), witness.folder.with_suffix(".log").read_text(encoding="utf-8")[-3000:]
        server.kill()
        server.join()
        kills += 1
        witness.look()

    print(f"After {kills} kills {len(witness.finished)} bots and {witness.saved} changes are there.")
    last = forks.Process(target=use, args=(witness.folder, seed))
    last.start()
    before, store = len(witness.finished), Store(witness.folder)
    wait_until(lambda: (witness.listen(), len(witness.finished) > before)[1])
    assert last.pid
    os.kill(last.pid, signal.SIGTERM)
    last.join(SECONDS)
    assert last.exitcode == 0
    witness.look()
    assert all(run.state is not JobState.FAILED for run in store.runs(LOCAL))
    number = number_of(draft_of(store))
    # Every change was kept with its undoing.
    for earlier in range(number - 1, max(number - 50, 0), -1):
        store.projects.undo(LOCAL, store.projects.opened_last(LOCAL))
        assert draft_of(store) == draft(earlier)


def kill(pid: int) -> None:
    # It may have ended with the last kill.
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "This did not happen in time."
        time.sleep(0.05)
