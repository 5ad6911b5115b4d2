"""Does a base model fit this machine? Answered from its metadata, before anything big is downloaded.

The page reads the answers, so torch is imported only where a graphics card is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from reft_studio.quantization import Quantization

if TYPE_CHECKING:
    import torch

ROWS, TOKENS, REPLY_TOKENS = 10, 256, 64
"""The training that memory is reckoned for: a usual table with long rows, edited at the last prompt token."""
OVERHEAD = {"cpu": 300_000_000, "cuda": 600_000_000, "mps": 300_000_000}
"""What torch itself takes on a device once it works."""

UNSTEADY = 1.25
"""On a processor, what the same training takes in half precision differs by so much from run to run."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder that its memory follows from."""

    layers: int
    width: int
    inner: int
    """Width of the feed-forward part."""
    heads: int
    key_heads: int
    """Heads of keys and values."""
    head_width: int
    vocabulary: int

    @property
    def block_weights(self) -> int:
        """How many weights the linear layers of all blocks have."""
        attention = 2 * self.width * self.head_width * (self.heads + self.key_heads)
        return self.layers * (attention + 3 * self.width * self.inner)

    def past(self, dtype: "torch.dtype") -> int:
        """Bytes of one token's keys and values in all blocks."""
        return self.layers * 2 * self.key_heads * self.head_width * dtype.itemsize

    @classmethod
    def of(cls, config: Any) -> Self:
        """From a text model's config; what it does not say is taken as in a plain decoder."""
        width = config.hidden_size
        heads = _stated(config, "num_attention_heads") or 1
        return cls(
            layers=config.num_hidden_layers,
            width=width,
            inner=_stated(config, "intermediate_size") or 4 * width,
            heads=heads,
            key_heads=_stated(config, "num_key_value_heads") or heads,
            head_width=_stated(config, "head_dim") or width // heads,
            vocabulary=config.vocab_size,
        )


def _stated(config: Any, name: str) -> int | None:
    """A size in a config, the largest one where blocks differ; None where the config does not have it."""
    blocks = getattr(config, "per_layer_config", None) or [config]
    stated = [getattr(block, name, None) for block in blocks]
    sizes = [size for value in stated for size in (value if isinstance(value, Sequence) else [value]) if size]
    return max(sizes, default=None)


@dataclass(frozen=True)
class Fit:
    """Memory in bytes on the device that is going to hold the model."""

    weights: int
    working: int
    """What a training of ROWS rows takes beside the weights."""
    overhead: int
    free: int
    precision: str = ""
    """Of the weights, such as "bfloat16"."""

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
        needed, free = gigabytes(self.needed), gigabytes(self.free)
        return f"It needs about {needed} of memory and {free} are free: {verdict}."


def estimate_fit(
    parameters: int,
    shape: Shape,
    device: "torch.device",
    dtype: "torch.dtype",
    quantization: Quantization | None = None,
) -> Fit:
    """What a model of so many parameters and of this shape needs on a device.

    `python -m benchmarks.memory` holds it against trainings. A model that has to be trained through the whole
    forward pass, or a recipe that edits first tokens too, takes more.
    """
    # Of every token from the first edited one on a block keeps its norms' inputs, queries and attention
    # (6 widths) and the gated MLP's three vectors; of every token before, too, keys and values repeated for
    # all heads.
    states = REPLY_TOKENS * (6 * shape.width + 3 * shape.inner) + TOKENS * 2 * shape.heads * shape.head_width
    # A norm works in float32 whatever the model does, and keeps that copy of its input too.
    halved = dtype.itemsize < 4
    copies = REPLY_TOKENS * 2 * shape.width * 4 * halved
    # Once as they are stored, once padded to a batch.
    stored = 2 * TOKENS * 2 * shape.key_heads * shape.head_width
    # In float32, with their softmax and gradients; where the model is not, as it gives them too, and back.
    logits = REPLY_TOKENS * shape.vocabulary * (3 * 4 + 2 * dtype.itemsize * halved)
    working = ROWS * (shape.layers * ((states + stored) * dtype.itemsize + copies) + logits)
    if halved and device.type == "cpu":
        working = round(working * UNSTEADY)
    weights = parameters * dtype.itemsize
    if quantization:
        in_blocks = min(shape.block_weights, parameters)
        weights = round(in_blocks * quantization.bytes_a_weight) + (parameters - in_blocks) * dtype.itemsize
    overhead, precision = OVERHEAD.get(device.type, 0), str(dtype).removeprefix("torch.")
    return Fit(weights, working, overhead, free_memory(device), precision)


@dataclass(frozen=True)
class Weight:
    """What is known of a base model before it is fetched, and what it needs of a machine."""

    num_layers: int
    width: int
    fits: tuple[Fit, ...]
    """In the precisions that it would be loaded in, the best one first; none where its size is not known."""
    to_fetch: int = 0
    """About how many bytes of it are not on this computer yet."""


_CONTROL_GROUP = Path("/sys/fs/cgroup")


def free_memory(device: "torch.device") -> int:
    """Bytes that can still be had on a device."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return int(min(psutil.virtual_memory().available, left_in_container(_CONTROL_GROUP)))


def left_in_container(folder: Path) -> float:
    """Bytes that a container's own limit leaves, which the system around it does not count; else infinity.

    `folder` is where Linux tells of it, in the second or the first version of control groups.
    """
    for limit, used, of_files in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            left = int((folder / limit).read_text()) - int((folder / used).read_text())
            stat = (folder / used).with_name("memory.stat").read_text()
            told = dict(line.split() for line in stat.splitlines())
            # Files that were read and are not in use give way.
            return left + int(told[of_files])
        except (OSError, ValueError, KeyError):
            continue
    return float("inf")


def gigabytes(count: int) -> str:
    """As people read it."""
    return f"{count / 1e9:.1f} GB"
