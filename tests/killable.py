"""The real app with a person in place of its page, and the saving of a bot, to be killed at any moment.

What takes long to import is imported here once, in a fork server, and every start of the app is a fork of it;
so is every start of its engine.
"""

import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import torch

import app
import reft_studio.engine.core  # noqa: F401
from reft_studio.bot import Bot
from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.engine import process, work
from reft_studio.engine.interface import JobState, TrainingJob
from reft_studio.errors import EngineError
from reft_studio.store import LOCAL
from reft_studio.train.checkpoint import Checkpoint
from reft_studio.ui import page, server
from reft_studio.ui.studio import Studio
from tests.drafts import draft_of, save_draft

SECONDS_BETWEEN_ACTS = 0.01
ROWS = (Demonstration("Who are you?", "🤖✨"), Demonstration("I like tea.", "🍵😊"))

# Forks do not take threads along.
torch.set_num_threads(1)


def draft(number: int) -> Draft:
    """One that cannot be confused with another, nor with half of one; 0 is there before any is saved."""
    if number == 0:
        return Draft()
    rows = (Demonstration(f"{number}.{row}", "x" * number) for row in range(number % 7))
    return Draft(f"Bot {number}", tuple(rows))


def number_of(known: Draft) -> int:
    """Which one it is."""
    return int(known.name.removeprefix("Bot ") or 0)


def use(folder: Path, seed: int) -> None:
    """Start the app and use it until it is killed."""
    os.environ["REFT_STUDIO_DATA_FOLDER"] = str(folder)
    os.environ["REFT_STUDIO_MAX_SCORE_SECONDS"] = "0.3"
    # Else the app would read what pytest was asked for.
    del sys.argv[1:]
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, sys.stderr.fileno())
    # Each time the clock on the wall is another one, and any of them may be before the last.
    real, back = time.time, Random(seed).uniform(0, 10_000_000)
    time.time = lambda: real() - back
    # Of the fork server that this process comes from; by default it would start one of its own.
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    forks: Any = multiprocessing.get_context("forkserver")
    process.get_context = lambda _: forks
    work.SECONDS_BETWEEN_CHECKPOINTS = 0.05
    page.build_ui = lambda _: None  # type: ignore[assignment, return-value]
    server.serve = lambda _, studio: person(studio, Random(seed))
    app.main()


def person(studio: Studio, random: Random) -> None:
    """Type and train without a pause, and tell what the app has taken or finished."""
    told = open_told(studio.settings.data_folder)
    number = number_of(draft_of(studio.store))
    # As Gradio does it, a request to end ends in order.
    with suppress(KeyboardInterrupt):
        while True:
            number += 1
            save_draft(studio.store, draft(number))
            engine: Any = studio.engines.running(studio.engines.default)
            tell(told, saved=number, engine=engine.pid)
            train(studio, random, told)
            time.sleep(SECONDS_BETWEEN_ACTS)


def train(studio: Studio, random: Random, told: int) -> None:
    """Tell of a bot that is finished, and begin the next one."""
    job = studio.store.latest_job(LOCAL)
    if job and job.state is JobState.DONE:
        tell(told, finished=job.job_id)
    if job is None or job.state.ended:
        try:
            studio.trainings.add(LOCAL, some_job(studio, random))
        except EngineError as error:
            tell(told, refused=str(error))


def some_job(studio: Studio, random: Random) -> TrainingJob:
    job_id = uuid4().hex
    rules = random.choice([(), ("only emoji",)])
    epochs = {"epochs": random.choice([1, 20, 100])}
    return TrainingJob(job_id, "A bot", ROWS, studio.store.bot_folder(job_id), epochs, ("Hi",), rules)


def open_told(folder: Path) -> int:
    """Where it is told: a file, since what was written to it outlives the process."""
    return os.open(folder / "told.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def tell(file: int, **what: object) -> None:
    os.write(file, (json.dumps(what) + "\n").encode())


KINDS: dict[str, type[Bot] | type[Checkpoint]] = {"bot": Bot, "checkpoint": Checkpoint}
_STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}


def save_and_die(kind: str, source: Path, target: Path, how: str, moment: int) -> None:
    """Save a copy of a bot or checkpoint, and be killed at one step on the disk or one byte of a file."""
    copy = KINDS[kind].load(source)
    if how == "step":
        sys.addaudithook(_Killer(target.parent, moment))
    else:
        # Of any file; by default the system then kills the process, but Python has asked it not to.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (moment, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    copy.save(target)
    os._exit(0)


class _Killer:
    """Is told of everything that Python does with files in a folder; at one of these the process ends."""

    def __init__(self, folder: Path, left: int) -> None:
        self._folder, self._left = str(folder), left

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _STEPS or not any(self._folder in str(argument) for argument in arguments):
            return
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
