"""Llamas with random weights in the shapes of models that people train, and rows of any length for them."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from reft_studio import Demonstration, load_base_model
from reft_studio.base_model import BaseModel
from reft_studio.fit import Shape

SHAPES = {
    "tiny": Shape(4, 64, 160, 4, 2, 16, 8_000),
    "small": Shape(12, 512, 1408, 8, 8, 64, 12_000),
    "135M": Shape(30, 576, 1536, 9, 3, 64, 49_152),
    "360M": Shape(32, 960, 2560, 15, 5, 64, 49_152),
    "0.5B": Shape(24, 896, 4864, 14, 2, 64, 151_936),
    "7B": Shape(32, 4096, 11_008, 32, 32, 128, 32_000),
}
TEMPLATE_TOKENS = 3
"""What the embedded model's chat template puts around a message."""


def random_llama(shape: Shape, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """Made in its precision on the device: nothing as large as it is ever held anywhere else."""
    config = LlamaConfig(
        num_hidden_layers=shape.layers, hidden_size=shape.width, intermediate_size=shape.inner,
        num_attention_heads=shape.heads, num_key_value_heads=shape.key_heads, head_dim=shape.head_width,
        vocab_size=shape.vocabulary, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    with device:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-untyped-call]
    torch.nn.Module.eval(model).requires_grad_(False)
    return model


def random_base(name: str, device: torch.device, dtype: torch.dtype) -> BaseModel:
    """With the embedded model's tokenizer, whose tokens every shape has room for."""
    model = random_llama(SHAPES[name], device, dtype)
    return BaseModel(model, load_base_model(device="cpu").tokenizer, f"{name} shape", None, Path())


def rows_of(count: int, prompt_tokens: int, reply_tokens: int) -> list[Demonstration]:
    """Different rows of the same length, as the embedded model's tokenizer counts: one digit, one token."""
    return [
        Demonstration(f"{row:0{prompt_tokens - TEMPLATE_TOKENS}}", f"{row:0{reply_tokens - 1}}")
        for row in range(count)
    ]
