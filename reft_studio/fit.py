"""Does a base model fit this machine? Answered from its metadata, before anything big is downloaded."""

from dataclasses import dataclass
from typing import Any

import psutil
import torch

ROWS, TOKENS, REPLY_TOKENS = 10, 256, 64
"""The training that memory is reckoned for: a table of usual size with long rows, edited at the last prompt token."""
OVERHEAD = {"cpu": 300_000_000, "cuda": 600_000_000, "mps": 300_000_000}
"""What torch itself takes on a device once it works."""


@dataclass(frozen=True)
class Fit:
    """Memory in bytes on the device that is going to hold the model."""

    weights: int
    working: int
    """What a training of ROWS rows takes beside the weights."""
    overhead: int
    free: int

    @property
    def needed(self) -> int:
        """All of it."""
        return self.weights + self.working + self.overhead

    def __bool__(self) -> bool:
        """Whether it fits."""
        return self.needed <= self.free

    def __str__(self) -> str:
        """In plain words."""
        verdict = "it fits" if self else "it does not fit"
        needed, free = _gigabytes(self.needed), _gigabytes(self.free)
        return f"It needs about {needed} of memory and {free} are free: {verdict}."


def estimate_fit(parameters: int, config: Any, device: torch.device, dtype: torch.dtype) -> Fit:
    """From the number of parameters and a text model's config.

    `python -m benchmarks.memory` holds it against trainings. A model that has to be trained through the whole forward
    pass, or a recipe that edits first tokens too, takes more.
    """
    size, layers, width = dtype.itemsize, config.num_hidden_layers, config.hidden_size
    heads = config.num_attention_heads
    head_width = getattr(config, "head_dim", None) or width // heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    inner = getattr(config, "intermediate_size", None) or 4 * width
    # Of every token from the first edited one on a block keeps its norms' inputs, queries and attention (6 widths) and
    # the gated MLP's three vectors; of every token before, too, keys and values repeated for all heads.
    states = REPLY_TOKENS * (6 * width + 3 * inner) + TOKENS * 2 * heads * head_width
    # Once as they are stored, once padded to a batch.
    stored = 2 * TOKENS * 2 * key_heads * head_width
    # Kept in float32, with their softmax and their gradients.
    logits = REPLY_TOKENS * config.vocab_size * 3 * 4
    working = ROWS * (layers * (states + stored) * size + logits)
    return Fit(parameters * size, working, OVERHEAD.get(device.type, 0), free_memory(device))


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
