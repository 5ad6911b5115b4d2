"""Base models whose weights take fewer bits, by way of bitsandbytes (an optional library)."""

import logging
from collections.abc import Iterator
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reft_studio.errors import BaseModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import BitsAndBytesConfig

DEVICES = ("cuda", "cpu")


class Quantization(StrEnum):
    """How the linear layers of the blocks are stored; all else keeps its precision."""

    INT8 = "int8"
    """8 bits a weight (LLM.int8, arXiv 2208.07339): half the memory of half precision, hardly different."""
    NF4 = "nf4"
    """4 bits a weight (QLoRA, arXiv 2305.14314): a quarter of it, a little coarser."""

    @property
    def bytes_a_weight(self) -> float:
        """With the scales: NF4 has a float32 for every 64 weights."""
        return {Quantization.INT8: 1.0, Quantization.NF4: 0.5 + 4 / 64}[self]

    def options(self, device: "torch.device", dtype: "torch.dtype") -> dict[str, Any]:
        """What transformers has to be told to load a model so; raises BaseModelError where it cannot be."""
        if device.type not in DEVICES:
            raise BaseModelError(
                f"Models with {self} weights work on graphics cards of NVIDIA and on processors, not on "
                f'"{device.type}". Load it without quantization.'
            )
        if find_spec("bitsandbytes") is None:
            raise BaseModelError(
                f"For models with {self} weights the library bitsandbytes is missing. Install it with "
                '"pip install bitsandbytes", or load the model without quantization.'
            )
        return {"quantization_config": self._config(dtype), "device_map": {"": device}}

    def _config(self, dtype: "torch.dtype") -> "BitsAndBytesConfig":
        from transformers import BitsAndBytesConfig

        settings: dict[str, Any] = {"load_in_8bit": True}
        if self is Quantization.NF4:
            settings = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
        return BitsAndBytesConfig(**settings)  # type: ignore[no-untyped-call]


def quantized_tensors(model: "nn.Module") -> "Iterator[Tensor]":
    """What 8-bit layers hold beside their parameters: the very weights and their scales."""
    from bitsandbytes.nn.modules import Linear8bitLt

    for module in model.modules():
        if isinstance(module, Linear8bitLt):
            yield from (tensor for tensor in (module.state.CB, module.state.SCB) if tensor is not None)


def saved_quantization(config: Any) -> Quantization | None:
    """How the weights of a model were saved, by its configuration, where bitsandbytes has made them so."""
    saved = getattr(config, "quantization_config", None) or {}
    settings = saved if isinstance(saved, dict) else saved.to_dict()
    if settings.get("load_in_8bit"):
        return Quantization.INT8
    return Quantization.NF4 if settings.get("load_in_4bit") else None


def make_trainable(model: "nn.Module") -> None:
    """Keep the 4-bit layers of a model on a processor from the fastest kernel there, which has no derivative.

    bitsandbytes packs weights for it where it finds the processor made for that, once a model that is not in
    training mode computes without gradients. Nothing undoes that, so it is never told of such a processor.
    """
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
        if isinstance(module, Linear8bitLt):
            weight: Any = module.weight
            if weight.CB is not None:
                # Else the first forward pass takes the scales out of the weight, which a copy shares.
                module.init_8bit_state()  # type: ignore[no-untyped-call]
    # Every 8-bit product would say that float32 is rounded to float16 on its way to 8 bits.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
