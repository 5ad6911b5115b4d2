"""Chat models of the Hub to choose from, and which of them fit here: `python -m reft_studio.model_choices`.

All of them are trained by the fast path. The figures are from their configs; they stand here so that "does
it fit?" is answered without a network. Any other chat model of the Hub can be used by its name.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reft_studio.fit import Fit, Shape, estimate_fit
from reft_studio.recipe import default_layer

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ModelChoice:
    """A model of the Hub, and in plain words when to choose it."""

    id: str
    when: str
    licence: str
    parameters: int
    shape: Shape
    gated: bool = False
    """Whether its owner has to be asked for access first."""

    @property
    def layer(self) -> int:
        """The layer that is edited by default."""
        return default_layer(self.shape.layers)

    def fit(self, device: "torch.device", dtype: "torch.dtype") -> Fit:
        """Whether it fits on a device in a precision."""
        return estimate_fit(self.parameters, self.shape, device, dtype)


MODEL_CHOICES = (
    ModelChoice(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "The smallest one that knows the world: quick on any laptop, but often wrong.",
        "Apache 2.0",
        134_515_008,
        Shape(layers=30, width=576, inner=1536, heads=9, key_heads=3, head_width=64, vocabulary=49_152),
    ),
    ModelChoice(
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        "A good first step up on a laptop without a graphics card.",
        "Apache 2.0",
        361_821_120,
        Shape(layers=32, width=960, inner=2560, heads=15, key_heads=5, head_width=64, vocabulary=49_152),
    ),
    ModelChoice(
        "Qwen/Qwen2.5-0.5B-Instruct",
        "Small and speaks many languages.",
        "Apache 2.0",
        494_032_768,
        Shape(layers=24, width=896, inner=4864, heads=14, key_heads=2, head_width=64, vocabulary=151_936),
    ),
    ModelChoice(
        "Qwen/Qwen3-0.6B",
        "Small, newer, speaks many languages.",
        "Apache 2.0",
        596_049_920,
        Shape(layers=28, width=1024, inner=3072, heads=16, key_heads=8, head_width=128, vocabulary=151_936),
    ),
    ModelChoice(
        "google/gemma-3-1b-it",
        "Writes well for its size; ask Google for access on its page first.",
        "Gemma",
        999_885_952,
        Shape(layers=26, width=1152, inner=6912, heads=4, key_heads=1, head_width=256, vocabulary=262_144),
        gated=True,
    ),
    ModelChoice(
        "meta-llama/Llama-3.2-1B-Instruct",
        "A solid English speaker; ask Meta for access on its page first.",
        "Llama 3.2",
        1_235_814_400,
        Shape(layers=16, width=2048, inner=8192, heads=32, key_heads=8, head_width=64, vocabulary=128_256),
        gated=True,
    ),
    ModelChoice(
        "allenai/OLMo-2-0425-1B-Instruct",
        "Everything about how it was made is public, its training texts too.",
        "Apache 2.0",
        1_484_916_736,
        Shape(layers=16, width=2048, inner=8192, heads=16, key_heads=16, head_width=128, vocabulary=100_352),
    ),
    ModelChoice(
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "The best of the small open ones in English; slow without a graphics card.",
        "Apache 2.0",
        1_711_376_384,
        Shape(layers=24, width=2048, inner=8192, heads=32, key_heads=32, head_width=64, vocabulary=49_152),
    ),
    ModelChoice(
        "HuggingFaceTB/SmolLM3-3B",
        "Clearly smarter, in six languages; wants a graphics card or much patience.",
        "Apache 2.0",
        3_075_098_624,
        Shape(layers=36, width=2048, inner=11_008, heads=16, key_heads=4, head_width=128, vocabulary=128_256),
    ),
    ModelChoice(
        "meta-llama/Llama-3.2-3B-Instruct",
        "Clearly smarter; ask Meta for access on its page first. Wants a graphics card.",
        "Llama 3.2",
        3_212_749_824,
        Shape(layers=28, width=3072, inner=8192, heads=24, key_heads=8, head_width=128, vocabulary=128_256),
        gated=True,
    ),
    ModelChoice(
        "Qwen/Qwen3-4B-Instruct-2507",
        "The best all-rounder of its size, in many languages. Wants a graphics card with 16 GB.",
        "Apache 2.0",
        4_022_468_096,
        Shape(layers=36, width=2560, inner=9728, heads=32, key_heads=8, head_width=128, vocabulary=151_936),
    ),
    ModelChoice(
        "mistralai/Mistral-7B-Instruct-v0.3",
        "A classic with a free tongue. Wants a graphics card with 24 GB.",
        "Apache 2.0",
        7_248_023_552,
        Shape(layers=32, width=4096, inner=14_336, heads=32, key_heads=8, head_width=128, vocabulary=32_768),
    ),
    ModelChoice(
        "meta-llama/Llama-3.1-8B-Instruct",
        "The strongest of this list in English; ask Meta for access first. Wants a graphics card with 24 GB.",
        "Llama 3.1",
        8_030_261_248,
        Shape(layers=32, width=4096, inner=14_336, heads=32, key_heads=8, head_width=128, vocabulary=128_256),
        gated=True,
    ),
)


def main() -> None:
    """Print every model with what it is good for and whether it fits this machine."""
    import torch

    from reft_studio.device import default_device, default_dtypes

    device = default_device()
    for choice in MODEL_CHOICES:
        access = ", ask for access" if choice.gated else ""
        print(f"{choice.id} ({choice.licence}{access}; edited at layer {choice.layer} by default)")
        print(f"    {choice.when}")
        # All of them were saved in bfloat16.
        for dtype in default_dtypes(device, torch.bfloat16):
            print(f"    {str(dtype).removeprefix('torch.')}: {choice.fit(device, dtype)}")


if __name__ == "__main__":
    main()
