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
from transformers import LlamaConfig, LlamaForCausalLM

from reft_studio import Demonstration, Recipe, load_base_model
from reft_studio.fit import REPLY_TOKENS, ROWS, TOKENS, Shape, estimate_fit
from reft_studio.train.loop import Training

# blocks, width, MLP width, heads, key and value heads, vocabulary
SHAPES = {
    "small": (12, 512, 1408, 8, 8, 12_000),
    "360M": (32, 960, 2560, 15, 5, 49_152),
    "0.5B": (24, 896, 4864, 14, 2, 151_936),
}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The resident memory of this process now and its peak until the end of the block, in bytes."""
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


def random_model(shape: str, folder: Path) -> None:
    """A Llama of this shape with the embedded model's tokenizer."""
    blocks, width, inner, heads, key_heads, vocabulary = SHAPES[shape]
    config = LlamaConfig(
        num_hidden_layers=blocks, hidden_size=width, intermediate_size=inner, num_attention_heads=heads,
        num_key_value_heads=key_heads, vocab_size=vocabulary, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)  # type: ignore[arg-type]
    load_base_model().tokenizer.save_pretrained(folder)


def rows_of_usual_size() -> list[Demonstration]:
    """As many and as long rows as the estimate is for."""
    # One digit is one token.
    return [
        Demonstration(str(row) + "7" * (TOKENS - REPLY_TOKENS - 4), "7" * (REPLY_TOKENS - 1))
        for row in range(ROWS)
    ]


def print_figures(shape: str, dtype: str) -> None:
    """Train two steps; print the estimate for weights and work, and what the work took, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        random_model(shape, Path(folder))
        base = load_base_model(folder, dtype=DTYPES[dtype])
        parameters = sum(p.numel() for p in base.model.parameters())
        fit = estimate_fit(parameters, Shape.of(base.model.config), base.device, DTYPES[dtype])
        with peak_memory() as sizes:
            training = Training(
                base, rows_of_usual_size(), Recipe.for_model(base.num_layers, base.width, epochs=2)
            )
            for _ in training.events():
                pass
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
    for shape in SHAPES:
        for dtype in DTYPES:
            command = [sys.executable, "-m", "benchmarks.memory", "--one", shape, dtype]
            output = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
            weights, estimated, measured = map(int, output.split()[-3:])
            print(
                f"| {shape} | {dtype} | {weights} | {estimated} | {measured} | {estimated / measured:.2f} |"
            )


if __name__ == "__main__":
    main()
