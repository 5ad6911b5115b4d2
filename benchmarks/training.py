"""How fast training is against the whole forward pass through pyvene: `python -m benchmarks.training`.

Both take the same steps on the same rows with the same weights, in turns in one process, so that a busy
machine slows both. The bound is the ratio of the floating-point operations that the two need for a step,
counted by torch. Memory is measured afterwards, each path in a process of its own. Where pyreft is installed
(`pip install pyreft datasets`), its own intervention and step take turns with them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.memory import peak_memory
from reft_studio import Recipe, load_base_model, read_demonstrations
from reft_studio.base_model import BaseModel
from reft_studio.intervention import build_interventions, parameter_groups
from reft_studio.positions import locate, parse_positions
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.examples import Example, build_examples, collate
from reft_studio.train.prefix import FrozenPrefix
from reft_studio.train.reference import Reference

PATHS: dict[str, type[FrozenPrefix | Reference]] = {"fast": FrozenPrefix, "reference": Reference}
STEPS_HELD_AGAINST = 20


@dataclass(frozen=True)
class Workload:
    """A model and rows to train it on."""

    name: str
    base: Callable[[], BaseModel]
    rows: int
    prompt_tokens: int = 0
    """Of random tokens; 0 stands for the emoji starter."""
    reply_tokens: int = 12

    def examples(self, base: BaseModel) -> list[Example]:
        """The rows as tokens."""
        positions = parse_positions("l1")
        if not self.prompt_tokens:
            rows = read_demonstrations(EMBEDDED_MODEL.parent / "starters" / "emoji.csv")
            return build_examples(base, rows, positions) * (self.rows // len(rows))
        draw = random.Random(0)
        return [
            Example(
                draw.choices(range(10, 6000), k=self.prompt_tokens),
                draw.choices(range(10, 6000), k=self.reply_tokens),
                locate(positions, self.prompt_tokens),
            )
            for _ in range(self.rows)
        ]


def smollm_135m() -> BaseModel:
    """The shape of SmolLM2-135M with random weights."""
    shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30}
    heads = {"num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**shape, **heads, tie_word_embeddings=True))  # type: ignore[arg-type]
    torch.nn.Module.eval(model).requires_grad_(False)
    return BaseModel(model, load_base_model().tokenizer, "SmolLM2-135M's shape", None, Path())


WORKLOADS = [
    Workload("embedded model, emoji starter", load_base_model, 10),
    Workload("embedded model, emoji starter ten times", load_base_model, 100),
    Workload("SmolLM2-135M's shape, 60-token prompts", smollm_135m, 10, 60),
    Workload("SmolLM2-135M's shape, 150-token prompts", smollm_135m, 10, 150),
]


class Pyreft:
    """pyreft's own model and intervention, and the loss that its trainer takes: the head's on every token."""

    def __init__(self, base: BaseModel, examples: Sequence[Example], recipe: Recipe) -> None:
        import pyreft

        self.intervention = pyreft.LoreftIntervention(
            embed_dim=base.width, low_rank_dimension=recipe.rank, dtype=torch.float32
        )
        representations = {
            "layer": recipe.layers[0],
            "component": "block_output",
            "low_rank_dimension": recipe.rank,
            "intervention": self.intervention,
        }
        self.model = pyreft.get_reft_model(base.model, pyreft.ReftConfig(representations=representations))
        self._base, self._examples = base, examples

    def loss(self, chosen: Sequence[int]) -> Tensor:
        """Cross-entropy, a mean over the reply tokens."""
        examples = [self._examples[index] for index in chosen]
        batch = collate(examples, self._base)
        _, outputs = self.model(
            {"input_ids": batch.token_ids, "attention_mask": batch.attention_mask},
            unit_locations={"sources->base": (None, [[[e.positions.last[-1]] for e in examples]])},
            labels=batch.labels,
        )
        loss: Tensor = outputs.loss
        return loss


class Runner:
    """Takes optimizer steps by one path."""

    def __init__(self, path: str, base: BaseModel, examples: list[Example]) -> None:
        # At higher rates the two runs drift apart, since each rounds in its own way.
        recipe = Recipe.for_model(base.num_layers, base.width, learning_rate=4e-3)
        self._path: Any
        trained: Iterable[Any]
        if path == "pyreft":
            self._path = Pyreft(base, examples, recipe)
            trained = self._path.model.get_trainable_parameters()
        else:
            interventions = build_interventions(recipe, base.width)
            for intervention in interventions.values():
                intervention.to(base.device)
            self._path = PATHS[path](base, examples, interventions)
            trained = parameter_groups(interventions, 0.0)
        self._optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0)
        self._batches = [range(i, min(i + 10, len(examples))) for i in range(0, len(examples), 10)]
        self._taken = 0
        self.losses: list[float] = []
        self.phases: list[list[float]] = []
        """Seconds of each step's forward pass, backward pass and update."""

    def step(self) -> None:
        """One step on the next ten rows."""
        times = [time.perf_counter()]
        self._optimizer.zero_grad()
        loss = self._path.loss(self._batches[self._taken % len(self._batches)])
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        self._optimizer.step()
        times.append(time.perf_counter())
        self._taken += 1
        self.losses.append(loss.item())
        self.phases.append([after - before for before, after in pairwise(times)])


def seconds(work: Callable[[], None], times: int) -> float:
    """Wall time of one of several calls."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times


def operations(work: Callable[[], None]) -> int:
    """Floating-point operations of one call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def compare(workload: Workload, rounds: int) -> None:
    """Print one row of the table."""
    base = workload.base()
    examples = workload.examples(base)
    fast, reference = (Runner(path, base, examples) for path in PATHS)
    prepared = seconds(fast.step, len(fast._batches))
    reference.step()
    for _ in range(len(fast._batches) - 1):
        reference.step()
    counts = operations(reference.step), operations(fast.step)
    bound = counts[0] / counts[1]
    fast.phases.clear()
    # So many steps that one turn takes a second or so.
    turn = max(1, round(1 / seconds(reference.step, 1)))
    fast.step()
    others = [reference]
    if find_spec("pyreft"):
        others.append(Runner("pyreft", base, examples))
        others[-1].step()
    turns = [[seconds(runner.step, turn) for runner in (fast, *others)] for _ in range(rounds)]
    ratios = sorted(slow / quick for quick, slow, *_ in turns)
    ratio = statistics.median(ratios)
    quick, slow, *pyreft = (1000 * statistics.median(column) for column in zip(*turns, strict=True))
    faster_than_pyreft = f"{statistics.median(t[2] / t[0] for t in turns):.2f}" if pyreft else "not installed"
    pairs_of_losses = list(zip(fast.losses, reference.losses, strict=False))[:STEPS_HELD_AGAINST]
    apart = max(abs(a / b - 1) for a, b in pairs_of_losses)
    cells = [
        workload.name, workload.rows, f"{slow:.1f}", f"{quick:.1f}",
        f"{ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", f"{bound:.2f}", f"{ratio / bound:.0%}",
        faster_than_pyreft,
        " + ".join(f"{1000 * statistics.median(phase):.1f}" for phase in zip(*fast.phases, strict=True)),
        " -> ".join(f"{count / 1e6 / ms:.0f}" for count, ms in zip(counts, (slow, quick), strict=True)),
        f"{1000 * prepared:.0f}", peak(workload, "reference"), peak(workload, "fast"),
        f"{apart:.0e}",
    ]  # fmt: skip
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def peak(workload: Workload, path: str) -> int:
    """How many MiB five steps take on top of the loaded model, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--memory", path, str(WORKLOADS.index(workload))]
    return int(subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout.split()[-1])


def print_peak(path: str, workload: Workload) -> None:
    """Train a little and print the peak."""
    base = workload.base()
    examples = workload.examples(base)
    with peak_memory() as sizes:
        runner = Runner(path, base, examples)
        for _ in range(5):
            runner.step()
    print((sizes[1] - sizes[0]) // 2**20)


def main() -> None:
    """Print the table, or one figure of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", nargs=2, metavar=("PATH", "WORKLOAD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        path, index = arguments.memory
        print_peak(path, WORKLOADS[int(index)])
        return
    print(
        f"{torch.get_num_threads()} threads, {arguments.rounds} turns; milliseconds a step, memory in MiB\n"
    )
    columns = [
        "", "rows", "reference", "fast", "times faster (spread)", "bound", "of the bound", "than pyreft",
        "fast: forward + backward + update", "10^9 operations a second", "first pass",
        "memory, reference", "memory, fast", "losses apart",
    ]  # fmt: skip
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for workload in WORKLOADS:
        compare(workload, arguments.rounds)


if __name__ == "__main__":
    main()
