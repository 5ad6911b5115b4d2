"""The real app, with a person in place of its page, to be killed at any moment.

What takes long to import is imported here once, in a fork server, and every start of the app is a fork of it;
so is every start of its engine.
"""

import json
import multiprocessing
import os
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
from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.engine import process, work
from reft_studio.engine.interface import JobState, TrainingJob
from reft_studio.errors import EngineError
from reft_studio.store import LOCAL
from reft_studio.ui import page, server
from reft_studio.ui.studio import Studio

SECONDS_BETWEEN_ACTS = 0.01
ROWS = (Demonstration("Who are you?", "🤖✨"), Demonstration("I like tea.", "🍵😊"))

# Forks do not take threads along.
torch.set_num_threads(1)


def draft(number: int) -> Draft:
    """One that cannot be confused with another, nor with half of one."""
    rows = (Demonstration(f"{number}.{row}", "x" * number) for row in range(number % 7))
    return Draft(f"Bot {number}", tuple(rows))


def number_of(known: Draft) -> int:
    """Which one it is; 0 for none."""
    return int(known.name.removeprefix("Bot ") or 0)


def use(folder: Path, seed: int) -> None:
    """Start the app and use it until it is killed."""
    os.environ["REFT_STUDIO_DATA_FOLDER"] = str(folder)
    os.environ["REFT_STUDIO_MAX_SCORE_SECONDS"] = "0.3"
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
    number = number_of(studio.store.draft(LOCAL))
    # As Gradio does it, a request to end ends in order.
    with suppress(KeyboardInterrupt):
        while True:
            number += 1
            studio.store.save_draft(LOCAL, draft(number))
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
