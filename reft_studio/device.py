"""What this machine computes with."""

import torch


def default_device() -> torch.device:
    """The fastest device of this machine."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def default_dtypes(device: torch.device, saved: torch.dtype | None) -> list[torch.dtype]:
    """The precision for weights that were saved in `saved`, and one to fall back to where memory is short.

    Half precision on GPUs, bfloat16 where the hardware has it. Processors that multiply bfloat16 numbers do
    a training step on a model of that kind in two thirds of the time (`make bench`); all else is float32.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return [torch.bfloat16 if native else torch.float16]
    if device.type == "cpu" and saved is torch.bfloat16 and _multiplies_bfloat16():
        return [torch.bfloat16]
    return [torch.float32, torch.bfloat16]


def _multiplies_bfloat16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
