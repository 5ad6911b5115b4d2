"""How long several people wait for their replies: `OMP_NUM_THREADS=1 python -m benchmarks.chat`.

The embedded model in an engine process, idle and while it trains. Everybody asks the plain model and a bot at
the same moment, and either all are answered together, in turns pass by pass, or one after another, in turns
chat by chat. And what one batch for everybody would do: how fast it is at its best, with all rows there from
the start, and how often a drawn reply comes out otherwise than alone.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Lock

import torch

from reft_studio import load_base_model, read_demonstrations
from reft_studio.base_model import BaseModel
from reft_studio.chat.compare import final_replies
from reft_studio.chat.generate import ChatRequest
from reft_studio.chat.sampling import Sampling
from reft_studio.engine.interface import Conversation, JobState, JobUpdate, TrainingJob
from reft_studio.engine.process import ProcessEngine
from reft_studio.engine.seats import Seats
from reft_studio.settings import EMBEDDED_MODEL

ROWS = Path(__file__).resolve().parents[1] / "assets" / "starters" / "emoji.csv"
PEOPLE = (1, 3, 12)
TIMES = 3
TOKENS = 48
QUESTIONS = (
    "Tell me about penguins.",
    "Why is the sky blue?",
    "Hi",
    "Plan a trip for a family with two dogs.",
)
HOT = Sampling(temperature=5, max_new_tokens=TOKENS)
"""Nonsense, which does not end before so many tokens."""


class Watched:
    """An engine with a bot, and how far its training has come."""

    def __init__(self, folder: Path) -> None:
        self.engine = ProcessEngine(str(EMBEDDED_MODEL), on_update=self._take)
        self.bot = folder / "bot"
        self.updates: dict[str, JobUpdate] = {}

    def _take(self, update: JobUpdate) -> None:
        self.updates[update.job_id] = update

    def train(self, name: str, epochs: int, until: JobState, times: int = 1) -> None:
        """Submit the emoji starter's rows, so many times, and wait until the training has come so far."""
        rows = [
            replace(row, prompt=f"{row.prompt} ({n})")
            for n in range(times)
            for row in read_demonstrations(ROWS)
        ]
        self.engine.submit(TrainingJob(name, name, tuple(rows), self.bot.with_name(name), {"epochs": epochs}))
        while name not in self.updates or self.updates[name].state is not until or not self.step(name):
            assert name not in self.updates or not self.updates[name].message, self.updates[name].message
            time.sleep(0.05)

    def step(self, name: str) -> int:
        """How many steps a training has made."""
        return self.updates[name].step

    @contextmanager
    def training(self) -> Iterator[None]:
        """Train within the block; prints how fast that was, and how fast it is alone."""
        self.train("endless", 10_000, JobState.RUNNING, times=20)
        speeds = []
        for wait in (lambda: time.sleep(5), None):
            begun, step = time.perf_counter(), self.step("endless")
            if wait:
                wait()
            else:
                yield
            speeds.append((self.step("endless") - step) / (time.perf_counter() - begun))
        print("\nThe training made {:.0f} steps a second alone, {:.0f} beside these chats.".format(*speeds))
        self.engine.cancel("endless")

    def ask(self, number: int) -> tuple[float, float]:
        """When the first and the last snapshot came, by time.perf_counter."""
        messages = ({"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]},)
        conversations = [Conversation(messages), Conversation(messages, self.bot)]  # type: ignore[arg-type]
        snapshots = self.engine.chat(str(number), conversations, HOT)
        next(snapshots)
        first = time.perf_counter()
        for _ in snapshots:
            pass
        return first, time.perf_counter()


def timed(people: int, ask: Callable[[int], tuple[float, float]]) -> tuple[float, float, float]:
    """Seconds to the first snapshot, on average and at most, and to everybody's last one."""
    ready = Barrier(people + 1)

    def one(number: int) -> tuple[float, float]:
        ready.wait()
        return ask(number)

    with ThreadPoolExecutor(people) as pool:
        answers = [pool.submit(one, number) for number in range(people)]
        ready.wait()
        begun = time.perf_counter()
        firsts, lasts = zip(*(answer.result() for answer in answers), strict=True)
    return statistics.mean(firsts) - begun, max(firsts) - begun, max(lasts) - begun


def print_waits(watched: Watched) -> None:
    """One line for each number of people: medians, together and one after another, and their ratios."""
    print(
        "| people | first token, mean (worst) | one after another | times | all | one after another | times |"
    )
    print("|---" * 7 + "|")
    queue = Lock()

    def wait_and_ask(number: int) -> tuple[float, float]:
        with queue:
            return watched.ask(number)

    for people in PEOPLE:
        runs = [(timed(people, watched.ask), timed(people, wait_and_ask)) for _ in range(TIMES)]
        together, queued = (
            [statistics.median(column) for column in zip(*way, strict=True)]
            for way in zip(*runs, strict=True)
        )
        print(
            f"| {people} | {together[0]:.3f} s ({together[1]:.3f}) | {queued[0]:.3f} s ({queued[1]:.3f}) "
            f"| {queued[0] / together[0]:.1f} | {together[2]:.2f} s | {queued[2]:.2f} s "
            f"| {queued[2] / together[2]:.2f} |",
            flush=True,
        )


def print_one_batch(base: BaseModel) -> None:
    """What a batch for everybody gains, and what it changes."""
    seats = Seats(base)

    def in_turns(requests: Sequence[ChatRequest], sampling: Sampling) -> list[str]:
        def one(request: ChatRequest) -> str:
            with seats.taken() as seat:
                assert seat
                return final_replies(seat, [request], sampling)[0]

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(one, requests))

    for people in PEOPLE:
        requests = [ChatRequest([{"role": "user", "content": QUESTIONS[n % 4]}]) for n in range(people)]
        ratios = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            in_turns(requests, HOT)
            middle = time.perf_counter()
            final_replies(base, requests, HOT)
            ratios.append((middle - begun) / (time.perf_counter() - middle))
        print(
            f"One batch for {people} is {statistics.median(ratios):.1f} times as fast as turns.", flush=True
        )
    same = 0
    for seed in range(5):
        drawn = Sampling(temperature=1, max_new_tokens=TOKENS, seed=seed)
        pairs = zip(in_turns(requests, drawn), final_replies(base, requests, drawn), strict=True)
        same += sum(alone == beside for alone, beside in pairs)
    print(f"In {base.dtype} {same} of {5 * people} drawn replies are the same in it as alone.")


def main() -> None:
    """Print both tables, and what one batch would do."""
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder))
        try:
            watched.train("bot", 20, JobState.DONE)
            for title, state in (("Idle", nullcontext()), ("While a training runs", watched.training())):
                print(f"\n{title}\n")
                with state:
                    print_waits(watched)
        finally:
            watched.engine.close()
    print()
    for dtype in (torch.float32, torch.bfloat16):
        print_one_batch(load_base_model(device="cpu", dtype=dtype))


if __name__ == "__main__":
    main()
