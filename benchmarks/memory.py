"""What a training takes of memory, and what "does it fit" reckons for it: `python -m benchmarks.memory`.

Each shape trains for two steps in a process of its own, with random weights, on as many and as long rows as
the estimate is for.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import torch

from benchmarks.shapes import SHAPES, random_llama, rows_of
from reft_studio import Demonstration, Recipe, load_base_model
from reft_studio.base_model import BaseModel
from reft_studio.fit import REPLY_TOKENS, ROWS, TOKENS, Shape, estimate_fit
from reft_studio.train.loop import Training

MEASURED = ("small", "360M", "0.5B")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[int]]:
    """Bytes in use now and their peak until the end of the block: of this process, or given out on a card."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        sizes = [torch.cuda.memory_allocated(device)] * 2
        yield sizes
        sizes[1] = torch.cuda.max_memory_allocated(device)
        return
    process, finished = psutil.Process(), Event()
    sizes = [process.memory_info().rss] * 2

    def watch() -> None:
        while not finished.wait(0.003):
            sizes[1] = max(sizes[1], process.memory_info().rss)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        finished.set()
        watcher.join()


def save_random(shape: str, folder: Path) -> None:
    """A Llama of this shape with the embedded model's tokenizer, as files."""
    model = random_llama(SHAPES[shape], torch.device("cpu"), torch.bfloat16)
    model.save_pretrained(folder)
    load_base_model().tokenizer.save_pretrained(folder)


def train_two_steps(base: BaseModel, rows: list[Demonstration]) -> None:
    """As the app does, but for what is kept of it."""
    for _ in Training(base, rows, Recipe.for_model(base.num_layers, base.width, epochs=2)).events():
        pass


def print_figures(shape: str, dtype: str) -> None:
    """Train two steps; print the estimate for weights and work, and what the work took, in MiB."""
    # What a first training loads for good is `fit.OVERHEAD`.
    train_two_steps(load_base_model(dtype=DTYPES[dtype]), rows_of(2, 8, 4))
    with tempfile.TemporaryDirectory() as folder:
        save_random(shape, Path(folder))
        base = load_base_model(folder, dtype=DTYPES[dtype])
        parameters = sum(p.numel() for p in base.model.parameters())
        fit = estimate_fit(parameters, Shape.of(base.model.config), base.device, DTYPES[dtype])
        with peak_memory(base.device) as sizes:
            # As many and as long rows as the estimate is for.
            train_two_steps(base, rows_of(ROWS, TOKENS - REPLY_TOKENS, REPLY_TOKENS))
    print(*(round(figure / 2**20) for figure in (fit.weights, fit.working, sizes[1] - sizes[0])))


def main() -> None:
    """Print the table, or the figures of one shape."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("SHAPE", "DTYPE"), help="figures of one shape alone")
    arguments = parser.parse_args()
    if arguments.one:
        print_figures(*arguments.one)
        return
    print("MiB\n\n| | | weights | work, estimated | work, measured | times |\n" + "|---" * 6 + "|")
    for shape in MEASURED:
        for dtype in DTYPES:
            command = [sys.executable, "-m", "benchmarks.memory", "--one", shape, dtype]
            output = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
            weights, estimated, measured = map(int, output.split()[-3:])
            print(
                f"| {shape} | {dtype} | {weights} | {estimated} | {measured} | {estimated / measured:.2f} |"
            )


if __name__ == "__main__":
    main()
