"""How long a training takes on the embedded model: `python -m benchmarks.training`.

The reference, measured in turns with it in the same run, is the least that a training by full forward passes
can take: as many forward and backward passes of the untouched model over the same batch. What is left above
1.0 is the cost of the intervention and of everything around the step.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from reft_studio import Recipe, load_base_model, read_demonstrations
from reft_studio.base_model import BaseModel
from reft_studio.positions import parse_positions
from reft_studio.settings import EMBEDDED_MODEL
from reft_studio.train.examples import IGNORED, build_examples, collate
from reft_studio.train.loop import Training

ROUNDS = 5
EPOCHS = 30


def seconds(work: Callable[[], None]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Print the median ratio and its spread."""
    base = load_base_model()
    rows = read_demonstrations(EMBEDDED_MODEL.parent / "starters" / "emoji.csv")
    recipe = Recipe.for_depth(base.num_layers, epochs=EPOCHS)
    batch = collate(build_examples(base, rows, parse_positions(recipe.positions)), base)

    def train() -> None:
        for _ in Training(base, rows, recipe).events():
            pass

    def passes() -> None:
        for _ in range(EPOCHS):
            _forward_and_backward(base, batch.token_ids, batch.labels)

    train()
    passes()
    pairs = [(seconds(train), seconds(passes)) for _ in range(ROUNDS)]
    ratios = sorted(training / plain for training, plain in pairs)
    ours, theirs = (statistics.median(column) * 100 / EPOCHS for column in zip(*pairs, strict=True))
    print(
        f"{len(rows)} demonstrations, {torch.get_num_threads()} threads, median of {ROUNDS} rounds in turns"
    )
    print(f"training      {ours:6.2f} s per 100 epochs")
    print(f"plain passes  {theirs:6.2f} s per 100 epochs")
    print(f"ratio         {statistics.median(ratios):6.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")


def _forward_and_backward(base: BaseModel, token_ids: torch.Tensor, labels: torch.Tensor) -> None:
    embeddings = base.model.get_input_embeddings()(token_ids).detach().requires_grad_()
    logits = base.model(inputs_embeds=embeddings, use_cache=False).logits[:, :-1]
    loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
    loss.backward()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
