"""Examples to padded batches, reproducibly: batch `n` of a seed is always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from model_maker.corpus import IGNORED, TRUNK, Corpus, Example
from model_maker.network import MASKED

# Padded lengths are multiples of this, so that few shapes occur.
LENGTH_STEP = 8
EXAMPLES_A_CHUNK = 1536
STYLE_ROW = 64


@dataclass(frozen=True)
class PackedStyles:
    """tokens, positions [R, STYLE_ROW]; mask [R, 1, STYLE_ROW, STYLE_ROW]; last [S] flattened index of each prompt's end."""

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    last: Tensor


@dataclass(frozen=True)
class Batch:
    """tokens, positions [B, T]; mask [B, 1, T, T]; predict, targets [P]; injected, style [J]."""

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    predict: Tensor
    targets: Tensor
    styles: PackedStyles
    injected: Tensor
    style: Tensor


def visibility(segments: np.ndarray) -> np.ndarray:
    """Which token may see which [B, T, T]: earlier ones of its own segment and of the trunk."""
    same = segments[:, :, None] == segments[:, None, :]
    trunk = segments[:, None, :] == TRUNK
    seen: np.ndarray = (same | trunk) & np.tri(segments.shape[1], dtype=bool)
    return seen


def pad(examples: list[Example]) -> Batch:
    """Pad examples on the right to a common length."""
    longest = max(len(example.tokens) for example in examples)
    shape = (len(examples), -(-longest // LENGTH_STEP) * LENGTH_STEP)
    tokens, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    segments, targets = np.full(shape, -1, np.int64), np.full(shape, IGNORED, np.int64)
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
    mask = np.where(visibility(segments), np.float32(0), np.float32(MASKED))
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(positions),
        torch.from_numpy(mask)[:, None],
        torch.from_numpy(predict),
        torch.from_numpy(targets.reshape(-1)[predict]),
        pack_styles(styles),
        torch.tensor(injected, dtype=torch.int64),
        torch.tensor(style, dtype=torch.int64),
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
        np.full(shape, -1, np.int64),
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
    mask = np.where(visibility(segments), np.float32(0), np.float32(MASKED))
    return PackedStyles(
        torch.from_numpy(packed),
        torch.from_numpy(positions),
        torch.from_numpy(mask)[:, None],
        torch.tensor(last, dtype=torch.int64),
    )


def group(examples: list[Example], tokens_a_batch: int, rng: random.Random) -> list[list[Example]]:
    """Groups of similar length with at most `tokens_a_batch` padded tokens, in random order."""
    groups: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: len(example.tokens)):
        if not groups or (len(groups[-1]) + 1) * (len(example.tokens) + LENGTH_STEP) > tokens_a_batch:
            groups.append([])
        groups[-1].append(example)
    rng.shuffle(groups)
    return groups


def batches(
    corpus: Corpus, tokenizer: Tokenizer, seed: str, tokens_a_batch: int, skip: int = 0
) -> Iterator[Batch]:
    """Batches without end; the first `skip` are passed over."""
    chunk = 0
    while True:
        rng = random.Random(f"{seed}/{chunk}")
        groups = group([corpus.draw(rng, tokenizer) for _ in range(EXAMPLES_A_CHUNK)], tokens_a_batch, rng)
        for examples in groups[skip:]:
            yield pad(examples)
        skip = max(0, skip - len(groups))
        chunk += 1
