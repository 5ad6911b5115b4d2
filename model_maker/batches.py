"""Examples to padded batches, reproducibly: batch `n` of a seed is always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, Dataset

from model_maker.corpus import IGNORED, Corpus, Example

# Padded lengths are multiples of this, so that few shapes occur.
LENGTH_STEP = 8
# So many tokens of a batch are an example of each chunk: batches of similar lengths, of whatever size, are found in it.
TOKENS_AN_EXAMPLE = 8 / 3
STYLE_ROW = 64
PADDING = -1

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class PackedStyles:
    """tokens, positions, segments [R, STYLE_ROW]; last [S] flattened index of each prompt's end."""

    tokens: Whole
    positions: Whole
    segments: Whole
    last: Whole


@dataclass(frozen=True)
class Batch:
    """tokens, positions, segments [B, T]; predict, targets [P]; injected, style [J]."""

    tokens: Whole
    positions: Whole
    segments: Whole
    predict: Whole
    targets: Whole
    styles: PackedStyles
    injected: Whole
    style: Whole


def pad(examples: list[Example]) -> Batch:
    """Pad examples on the right to a common length."""
    longest = max(len(example.tokens) for example in examples)
    shape = (len(examples), -(-longest // LENGTH_STEP) * LENGTH_STEP)
    tokens, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    segments, targets = np.full(shape, PADDING, np.int64), np.full(shape, IGNORED, np.int64)
    styles: list[list[int]] = []
    injected, style = [], []
    for row, example in enumerate(examples):
        size = len(example.tokens)
        tokens[row, :size], positions[row, :size] = example.tokens, example.positions
        segments[row, :size], targets[row, :size] = example.segments, example.targets
        for target, number in example.injected:
            injected.append(row * shape[1] + target)
            style.append(len(styles) + number)
        styles += example.styles
    predict = np.flatnonzero(targets != IGNORED)
    return Batch(
        tokens,
        positions,
        segments,
        predict,
        targets.reshape(-1)[predict],
        pack_styles(styles),
        np.array(injected, np.int64),
        np.array(style, np.int64),
    )


def pack_styles(styles: list[list[int]]) -> PackedStyles:
    """Style prompts one behind the other in rows, each seeing only itself: padding each alone would waste half the work."""
    rows: list[list[list[int]]] = []
    for tokens in styles:
        if not rows or sum(map(len, rows[-1])) + len(tokens) > STYLE_ROW:
            rows.append([])
        rows[-1].append(tokens)
    shape = (len(rows), max([STYLE_ROW, *(len(tokens) for tokens in styles)]))
    packed, positions, segments = (
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.full(shape, PADDING, np.int64),
    )
    last = []
    for row, prompts in enumerate(rows):
        start = 0
        for number, tokens in enumerate(prompts, 1):
            end = start + len(tokens)
            packed[row, start:end], positions[row, start:end], segments[row, start:end] = (
                tokens,
                range(len(tokens)),
                number,
            )
            last.append(row * shape[1] + end - 1)
            start = end
    return PackedStyles(packed, positions, segments, np.array(last, np.int64))


def group(examples: list[Example], tokens_a_batch: int, rng: random.Random) -> list[list[Example]]:
    """Groups of similar length with at most `tokens_a_batch` padded tokens, in random order."""
    groups: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: len(example.tokens)):
        if not groups or (len(groups[-1]) + 1) * (len(example.tokens) + LENGTH_STEP) > tokens_a_batch:
            groups.append([])
        groups[-1].append(example)
    rng.shuffle(groups)
    return groups


class Chunks(Dataset[list[Batch]]):
    """Chunk `n` of a seed: batches of similar lengths, in random order."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, seed: str, tokens_a_batch: int) -> None:
        self._corpus, self._tokenizer, self._seed, self._tokens = corpus, tokenizer, seed, tokens_a_batch

    def __getitem__(self, chunk: int) -> list[Batch]:
        rng = random.Random(f"{self._seed}/{chunk}")
        examples = [
            self._corpus.draw(rng, self._tokenizer) for _ in range(int(self._tokens / TOKENS_AN_EXAMPLE))
        ]
        return [pad(examples) for examples in group(examples, self._tokens, rng)]


def batches(
    corpus: Corpus, tokenizer: Tokenizer, seed: str, tokens_a_batch: int, skip: int = 0, workers: int = 0
) -> Iterator[Batch]:
    """Batches without end; the first `skip` are passed over. So many worker processes draw; with 0 it is this one."""
    chunks = Chunks(corpus, tokenizer, seed, tokens_a_batch)
    # Given as they are: a chunk is no sample to be put together with others.
    for chunk in DataLoader(
        chunks, batch_size=None, sampler=count(), num_workers=workers, collate_fn=_as_it_is
    ):
        yield from chunk[skip:]
        skip = max(0, skip - len(chunk))


def _as_it_is(chunk: list[Batch]) -> list[Batch]:
    return chunk
