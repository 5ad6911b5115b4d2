"""How long until there is a bot, and how good it is: `python -m benchmarks.quality`.

The emoji starter on the embedded model, with several seeds, in turns in one process: as the app trains it,
the same by the whole forward pass through pyvene, and with pyreft's own intervention, step and recipe (rank
4, 100 epochs, a rate of 0.004 that falls to zero; needs `pip install pyreft datasets`). Also with what the
app does besides: its moments are judged and the best one is kept; and where 100 epochs are asked for, it
stops by itself. The bots then answer the same prompts, which no one has trained on; two shares are printed,
of replies that are only emoji and of those on topic. The time is that from the rows to the learned weights.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.runners import Pyreft
from model_maker.contents import Contents, held_out_contents
from model_maker.phrasing import Phrasing
from model_maker.score import STARTERS, Question, from_content, read_questions, replies, shows
from model_maker.world import read_world
from reft_studio import Bot, Recipe, load_base_model, read_demonstrations
from reft_studio.base_model import BaseModel
from reft_studio.demonstrations import Demonstration
from reft_studio.engine.interface import JobState, TrainingJob
from reft_studio.engine.work import train
from reft_studio.positions import parse_positions
from reft_studio.recipe import Schedule
from reft_studio.rules import guess_rules, only_emoji
from reft_studio.train.examples import build_examples
from reft_studio.train.loop import Training, rate
from reft_studio.train.reference import Reference
from reft_studio.weights import ReFTWeights, Site

GENERATED = 70
Rows = list[Demonstration]


class WholeForwardPass(Training):
    """The app's training without its stored prefix."""

    def _choose_path(self) -> tuple[Reference, str]:
        return Reference(self._base, self._examples, self._interventions), "asked for"


def by_the_app(base: BaseModel, rows: Rows, seed: int) -> Bot:
    """As people get it."""
    return _trained(Training(base, rows, Recipe.for_model(base.num_layers, base.width, seed=seed)))


def in_half_the_epochs(base: BaseModel, rows: Rows, seed: int) -> Bot:
    """As people get it who ask for half as many."""
    epochs = Recipe.model_fields["epochs"].default // 2
    recipe = Recipe.for_model(base.num_layers, base.width, epochs=epochs, seed=seed)
    return _trained(Training(base, rows, recipe))


def by_the_whole_forward_pass(base: BaseModel, rows: Rows, seed: int) -> Bot:
    """The same steps, each through the whole model."""
    return _trained(WholeForwardPass(base, rows, Recipe.for_model(base.num_layers, base.width, seed=seed)))


def by_pyreft(base: BaseModel, rows: Rows, seed: int) -> Bot:
    """Its intervention and step, with the settings of its README."""
    settings = {
        "rank": 4,
        "dropout": 0,
        "epochs": 100,
        "learning_rate": 4e-3,
        "schedule": Schedule.LINEAR,
        "weight_decay": 0,
    }
    recipe = Recipe.for_model(base.num_layers, base.width, **settings, seed=seed)
    torch.manual_seed(seed)
    examples = build_examples(base, rows, parse_positions(recipe.positions))
    pyreft = Pyreft(base, examples, recipe)
    optimizer = torch.optim.AdamW(pyreft.model.get_trainable_parameters(), weight_decay=0.0)
    for step in range(recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate(recipe, step, recipe.epochs)
        optimizer.zero_grad()
        pyreft.loss(range(len(examples))).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    learned = pyreft.intervention
    weights = ReFTWeights(
        learned.rotate_layer.weight.T.detach().contiguous(),
        learned.learned_source.weight.detach(),
        learned.learned_source.bias.detach(),
    )
    return Bot.from_training(
        base, recipe, {Site(recipe.layers[0]): weights}, {}, name="pyreft", system_prompt=None
    )


def stopping_by_itself(base: BaseModel, rows: Rows, seed: int, epochs: int = 100) -> Bot:
    """As people get it who ask for as many epochs as pyreft takes: judged, and the best moment kept."""
    rules = tuple(rule.sentence for rule in guess_rules([row.reply for row in rows]))
    with TemporaryDirectory() as name:
        folder = Path(name)
        job = TrainingJob(
            "benchmark",
            "A bot",
            tuple(rows),
            folder / "bot",
            {"epochs": epochs, "seed": seed},
            rules=rules,
            moments_folder=folder / "moments",
            stop_early=True,
        )
        for update in train(base, job, lambda: False, lambda: False):
            if update.state is JobState.SCORING:
                print(f"stopped after {update.step} of {epochs} epochs, kept {update.kept}", flush=True)
                break
        return Bot.load(folder / "bot")


def judged(base: BaseModel, rows: Rows, seed: int) -> Bot:
    """As the page does it."""
    return stopping_by_itself(base, rows, seed, Recipe.model_fields["epochs"].default)


def ended_by_hand(base: BaseModel, rows: Rows, seed: int, *, after: int) -> Bot:
    """At a moment at which the app keeps the bot, without a question asked."""
    training = Training(base, rows, Recipe.for_model(base.num_layers, base.width, seed=seed))
    for _ in itertools.takewhile(lambda _: training.step < after, training.events()):
        pass
    return training.bot()


def _trained(training: Training) -> Bot:
    for _ in training.events():
        pass
    return training.bot()


def unseen(count: int = GENERATED) -> list[Question]:
    """Generated ones that the corpus never has in this wording, and hand-typed ones."""
    contents = held_out_contents(Contents(read_world(), Phrasing.read()), count, seed=11)
    return [from_content(content) for content in contents] + read_questions("typed_dev.jsonl")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--starter", default="emoji")
    arguments = parser.parse_args()
    base, rows = load_base_model(), read_demonstrations(STARTERS / f"{arguments.starter}.csv")
    questions = unseen()
    ways: dict[str, Callable[[BaseModel, Rows, int], Bot]] = {
        "the app": by_the_app,
        "the app, half of its epochs": in_half_the_epochs,
        "the same, judged at its moments, the best one kept": judged,
        **{
            f"the app, ended by hand after {epochs} epochs": partial(ended_by_hand, after=epochs)
            for epochs in (5, 10, 20, 40)
        },
        "the app, 100 epochs, stopping by itself": stopping_by_itself,
        "the app's epochs by the whole forward pass": by_the_whole_forward_pass,
    }
    if find_spec("pyreft"):
        ways["pyreft's intervention, step and recipe"] = by_pyreft
    by_the_app(base, rows, 0)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    shares: dict[str, list[str]] = {way: [] for way in ways}
    for seed in arguments.seeds:
        for way, make in ways.items():
            begun = time.perf_counter()
            bot = make(base, rows, seed)
            seconds[way].append(time.perf_counter() - begun)
            given = replies(base, questions, bot)
            pure = sum(map(only_emoji, given)) / len(questions)
            topical = sum(map(shows, questions, given)) / len(questions)
            shares[way].append(f"{pure:.0%} / {topical:.0%}")
    print(f"{torch.get_num_threads()} threads, {len(questions)} unseen prompts\n")
    print("| | seconds (all) | times as long | only emoji / on topic, by seed |\n|---|---|---|---|")
    for way, spent in seconds.items():
        ratios = [slow / quick for slow, quick in zip(spent, seconds["the app"], strict=True)]
        cells = [
            way,
            f"{statistics.median(spent):.1f} ({', '.join(f'{s:.1f}' for s in spent)})",
            f"{statistics.median(ratios):.1f}",
            ", ".join(shares[way]),
        ]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
