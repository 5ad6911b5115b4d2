"""What an engine has taken for a training, for chats or for its model, it gives back when that has ended."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from reft_studio.chat.sampling import Sampling
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import Conversation, JobState, Readiness, TrainingJob
from reft_studio.engine.process import ProcessEngine
from reft_studio.settings import EMBEDDED_MODEL
from tests.updates import SECONDS, Updates

MB = 1_000_000
TOLERANCE = 40 * MB
"""The bits and pieces that are too small to be given back. The process takes 500 MB and more."""
TAKEN = 80 * MB
"""What a big training, or several long chats, take at least."""
PEOPLE = 6

pytestmark = pytest.mark.timeout(4 * SECONDS)


class Watched:
    """An engine in a process of its own, and how much memory that takes."""

    def __init__(self, folder: Path) -> None:
        self.updates, self.folder = Updates(), folder
        self.engine = ProcessEngine(str(EMBEDDED_MODEL), on_update=self.updates)

    def taken(self) -> int:
        assert self.engine.pid
        return int(psutil.Process(self.engine.pid).memory_info().rss)

    def settled(self, limit: float = float("inf")) -> int:
        """Once it takes no more than so much, or does not come there."""
        deadline = time.monotonic() + 20
        while (taken := self.taken()) > limit and time.monotonic() < deadline:
            time.sleep(0.1)
        return taken

    def train(self, name: str, rows: int, end: JobState = JobState.DONE) -> int:
        """Until it ends so; the most that was taken meanwhile."""
        # In a file there is no room for a bot, which is found out in the end.
        folder = self.folder / ("bot/bot.json" if end is JobState.FAILED else "") / name
        epochs = 100 if end is JobState.CANCELLED else 1
        prompt = "Tell me about dogs and cats. " * 30
        table = tuple(Demonstration(f"{n}. {prompt}", "🐶🐱") for n in range(rows))
        self.engine.submit(TrainingJob(name, name, table, folder, {"epochs": epochs}))
        most = 0
        while not (told := self.updates.of(name)) or not told[-1].state.ended:
            most = max(most, self.taken())
            if end is JobState.CANCELLED and told and told[-1].step:
                self.engine.cancel(name)
            time.sleep(0.02)
        assert told[-1].state is end
        return most

    def chat(self, bot: Path, prompt: str) -> int:
        """Everybody at once, until everybody has their replies; the most that was taken meanwhile."""

        def one(number: int) -> int:
            message = ({"role": "user", "content": prompt},)
            sides = [Conversation(message), Conversation(message, bot)]  # type: ignore[arg-type]
            nonsense = Sampling(temperature=5, max_new_tokens=40)
            return max(self.taken() for _ in self.engine.chat(str(number), sides, nonsense))

        with ThreadPoolExecutor(PEOPLE) as people:
            return max(people.map(one, range(PEOPLE)))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Everything was done once, so that what it needs is loaded."""
    watched = Watched(tmp_path_factory.mktemp("bots"))
    with closing(watched.engine):
        watched.engine.start()
        watched.updates.wait_for(lambda: watched.engine.status().readiness is Readiness.READY)
        watched.train("bot", 2)
        watched.chat(watched.folder / "bot", "Hi")
        yield watched


@pytest.mark.parametrize("end", [JobState.DONE, JobState.CANCELLED, JobState.FAILED])
def test_a_big_training_leaves_nothing_behind_however_it_ends(watched, end):
    before = watched.taken()
    assert watched.train(f"big, {end}", 120, end) > before + TAKEN
    assert watched.settled(before + TOLERANCE) <= before + TOLERANCE


def test_chats_and_their_bots_leave_nothing_behind(watched):
    before = watched.taken()
    assert watched.chat(watched.folder / "bot", "Tell me about dogs and cats. " * 50) > before + TAKEN
    assert watched.settled(before + TOLERANCE) <= before + TOLERANCE


def test_a_model_goes_with_its_engine(watched):
    pid = watched.engine.pid
    watched.engine.close()
    assert not psutil.pid_exists(pid)
