"""How fast training is against the whole forward pass through pyvene: `python -m benchmarks.training`.

Both take the same steps on the same rows with the same weights, in turns in one process, so that a busy
machine slows both. The bound is the ratio of the floating-point operations that the two need for a step,
counted by torch. Memory is measured afterwards, on a processor each path in a process of its own. Where
pyreft is installed (`pip install pyreft datasets`), its own intervention and step take turns with them.

On a graphics card: `python -m benchmarks.training --device cuda --shape 7B --epochs 100`.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec

import torch

from benchmarks.memory import DTYPES, peak_memory
from benchmarks.runners import Runner, wait
from benchmarks.shapes import SHAPES, random_base, rows_of
from reft_studio import Demonstration, Recipe, load_base_model, read_demonstrations
from reft_studio.base_model import BaseModel
from reft_studio.device import default_dtypes
from reft_studio.positions import parse_positions
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.examples import Example, build_examples
from reft_studio.train.loop import Training

STEPS_HELD_AGAINST = 20
REPLY_TOKENS = 12


@dataclass(frozen=True)
class Workload:
    """A model and rows to train it on."""

    shape: str | None
    """Of random weights; without one it is the embedded model, and the rows are the emoji starter's."""
    rows: int = 10
    prompt_tokens: int = 0

    def __str__(self) -> str:
        if self.shape:
            return f"{self.shape} shape, {self.prompt_tokens}-token prompts"
        return "embedded model, emoji starter"

    def base(self, device: torch.device, dtype: torch.dtype) -> BaseModel:
        """The model, on the device."""
        if self.shape:
            return random_base(self.shape, device, dtype)
        return load_base_model(device=device, dtype=dtype)

    def demonstrations(self) -> list[Demonstration]:
        """The rows."""
        if self.shape:
            return rows_of(self.rows, self.prompt_tokens, REPLY_TOKENS)
        rows = read_demonstrations(EMBEDDED_MODEL.parent / "starters" / "emoji.csv")
        # No two rows may ask the same.
        further = range(2, self.rows // len(rows) + 1)
        return rows + [replace(row, prompt=f"{row.prompt} {copy}") for copy in further for row in rows]

    def examples(self, base: BaseModel) -> list[Example]:
        """The rows as tokens."""
        return build_examples(base, self.demonstrations(), parse_positions("l1"))


WORKLOADS = [
    Workload(None, 10),
    Workload(None, 100),
    Workload("135M", prompt_tokens=60),
    Workload("135M", prompt_tokens=150),
    Workload("135M", 100, prompt_tokens=60),
    Workload("135M", 100, prompt_tokens=150),
]


def chosen_workloads(shape: str | None) -> list[Workload]:
    """Those of one shape, or the usual ones."""
    return [Workload(shape, prompt_tokens=tokens) for tokens in (60, 150)] if shape else WORKLOADS


COLUMNS = [
    "", "rows", "reference", "fast", "times faster (spread)", "bound", "of the bound", "than pyreft",
    "fast: forward + backward + update", "graphics card busy", "10^9 operations a second", "first pass",
    "memory, reference", "memory, fast", "losses apart", "seconds of a whole training",
]  # fmt: skip


def compare(workload: Workload, base: BaseModel, rounds: int) -> list[object]:
    """The figures of speed, in milliseconds where they are times."""
    examples = workload.examples(base)
    begun = time.perf_counter()
    fast = Runner("fast", base, examples)
    every_row = len(fast.batches)
    fast.seconds(every_row)
    prepared = time.perf_counter() - begun
    reference = Runner("reference", base, examples)
    reference.seconds(every_row)
    counts = reference.operations(), fast.operations()
    bound = counts[0] / counts[1]
    # So many steps that one turn takes a second or so.
    turn = max(1, round(1 / reference.seconds(1)))
    fast.step()
    runners = [fast, reference]
    if find_spec("pyreft"):
        runners.append(Runner("pyreft", base, examples))
        runners[-1].step()
    turns = [[runner.seconds(turn) for runner in runners] for _ in range(rounds)]
    ratios = sorted(slow / quick for quick, slow, *_ in turns)
    ratio = statistics.median(ratios)
    quick, slow, *pyreft = (1000 * statistics.median(column) for column in zip(*turns, strict=True))
    faster_than_pyreft = f"{statistics.median(t[2] / t[0] for t in turns):.2f}" if pyreft else "not installed"
    pairs_of_losses = list(zip(fast.losses, reference.losses, strict=False))[:STEPS_HELD_AGAINST]
    apart = max(abs(a / b - 1) for a, b in pairs_of_losses)
    return [
        f"{slow:.1f}", f"{quick:.1f}", f"{ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
        f"{bound:.2f}", f"{ratio / bound:.0%}", faster_than_pyreft,
        " + ".join(f"{1000 * phase:.1f}" for phase in fast.phases(turn)),
        " -> ".join(f"{1000 * runner.busy():.1f}" for runner in (reference, fast)),
        " -> ".join(f"{count / 1e6 / ms:.0f}" for count, ms in zip(counts, (slow, quick), strict=True)),
        f"{1000 * prepared:.0f}", f"{apart:.0e}",
    ]  # fmt: skip


def peak(workload: Workload, base: BaseModel, path: str) -> int:
    """How many MiB five steps take on top of the loaded model."""
    with peak_memory(base.device) as sizes:
        runner = Runner(path, base, workload.examples(base))
        for _ in range(5):
            runner.step()
    return int(sizes[1] - sizes[0]) // 2**20


def peak_alone(path: str, index: int) -> str:
    """The peak in a process of its own, which is given the same arguments."""
    command = [sys.executable, "-m", "benchmarks.training", *sys.argv[1:], "--memory", path, str(index)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    return output.split()[-1]


def whole_training(workload: Workload, base: BaseModel, epochs: int) -> str:
    """Seconds of a training as the app does it, twice, and whether the losses were the same both times."""
    seconds, losses = [], []
    for _ in range(2):
        begun = time.perf_counter()
        recipe = Recipe.for_model(base.num_layers, base.width, epochs=epochs)
        training = Training(base, workload.demonstrations(), recipe)
        for _ in training.events():
            pass
        wait(base.device)
        seconds.append(f"{time.perf_counter() - begun:.2f}")
        losses.append(training.losses)
    same = "bit for bit the same" if losses[0] == losses[1] else "not bit for bit the same"
    return f"{seconds[0]}, then {seconds[1]}, {same}"


def parse_arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="such as cuda")
    parser.add_argument("--shape", choices=SHAPES, help="of random weights, instead of the usual models")
    parser.add_argument("--dtype", choices=DTYPES, help="of the weights")
    parser.add_argument("--epochs", type=int, default=0, help="also time whole trainings of so many")
    parser.add_argument("--memory", nargs=2, metavar=("PATH", "WORKLOAD"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print the table, or one figure of it."""
    arguments = parse_arguments()
    device = arguments.device
    dtype = DTYPES[arguments.dtype] if arguments.dtype else default_dtypes(device, None)[0]
    workloads = chosen_workloads(arguments.shape)
    if arguments.memory:
        path, index = arguments.memory
        workload = workloads[int(index)]
        print(peak(workload, workload.base(device, dtype), path))
        return
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    print(f"{name or device}, {dtype}, {torch.get_num_threads()} threads, {arguments.rounds} turns")
    print("Milliseconds a step, memory in MiB\n")
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for index, workload in enumerate(workloads):
        base = workload.base(device, dtype)
        *speed, apart = compare(workload, base, arguments.rounds)
        whole = whole_training(workload, base, arguments.epochs) if arguments.epochs else ""
        # A card tells what each path takes of it; a process only what all of it ever took.
        alone = device.type == "cpu"
        memory = [
            peak_alone(path, index) if alone else peak(workload, base, path) for path in ("reference", "fast")
        ]
        print("| " + " | ".join(map(str, [workload, workload.rows, *speed, *memory, apart, whole])) + " |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
