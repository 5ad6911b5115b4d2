"""Does a base model fit this machine? Answered from its metadata, before anything big is downloaded."""

from dataclasses import dataclass
from typing import Any

import psutil
import torch

ROWS, TOKENS, REPLY_TOKENS = 10, 256, 64
"""The training that memory is reckoned for: a table of usual size with long rows."""
STATES_PER_BLOCK = 16
"""So many times its width a Llama-like block keeps per token for the backward pass; a rough figure."""
OVERHEAD = {"cpu": 300_000_000, "cuda": 600_000_000, "mps": 300_000_000}
"""What torch itself takes on a device once it works."""


@dataclass(frozen=True)
class Fit:
    """Memory in bytes on the device that is going to hold the model."""

    weights: int
    working: int
    """Activations, keys and values, and stored rows of a training of ROWS rows."""
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
    """From the number of parameters and a text model's config."""
    size = dtype.itemsize
    layers, width, vocabulary = config.num_hidden_layers, config.hidden_size, config.vocab_size
    states = ROWS * TOKENS * layers * width * STATES_PER_BLOCK * size
    # Logits are computed in the model's precision and kept in float32, with their gradients.
    logits = ROWS * REPLY_TOKENS * vocabulary * (size + 8)
    return Fit(parameters * size, states + logits, OVERHEAD.get(device.type, 0), free_memory(device))


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
