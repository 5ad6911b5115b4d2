"""Tiny models with random weights, one of each architecture that training has to be exact on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig

from reft_studio.base_model import BaseModel
from reft_studio.settings import EMBEDDED_MODEL

_SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
_WINDOW = {"sliding_window": 6}
_MIXED = {**_WINDOW, "layer_types": ["sliding_attention", "full_attention"] * 2}

ARCHITECTURES: dict[str, Callable[[dict[str, Any]], PreTrainedConfig]] = {
    "Llama": lambda common: transformers.LlamaConfig(**_SHAPE, **common),
    "Qwen2": lambda common: transformers.Qwen2Config(**_SHAPE, **_MIXED, use_sliding_window=True, **common),
    "Qwen3": lambda common: transformers.Qwen3Config(**_SHAPE, head_dim=8, **common),
    "Gemma2": lambda common: transformers.Gemma2Config(
        **_SHAPE, **_MIXED, head_dim=8, query_pre_attn_scalar=8, final_logit_softcapping=2.0, **common
    ),
    "Gemma3": lambda common: transformers.Gemma3TextConfig(
        **_SHAPE, **_MIXED, head_dim=8, query_pre_attn_scalar=8, **common
    ),
    "Mistral": lambda common: transformers.MistralConfig(**_SHAPE, **_WINDOW, **common),
    "Phi3": lambda common: transformers.Phi3Config(**_SHAPE, **_WINDOW, **common),
    "OLMo2": lambda common: transformers.Olmo2Config(**_SHAPE, **common),
    "SmolLM3": lambda common: transformers.SmolLM3Config(**_SHAPE, no_rope_layers=[1, 0, 1, 0], **common),
    "GPT-2": lambda common: transformers.GPT2Config(
        n_embd=32, n_layer=4, n_head=4, n_positions=128, **common
    ),
    "GPT-NeoX": lambda common: transformers.GPTNeoXConfig(
        **{**_SHAPE, "num_key_value_heads": None}, rotary_pct=0.5, **common
    ),
    "Falcon": lambda common: transformers.FalconConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=4, new_decoder_architecture=False, **common
    ),
    "Bloom": lambda common: transformers.BloomConfig(hidden_size=32, n_layer=4, n_head=4, **common),
    "StableLM": lambda common: transformers.StableLmConfig(**_SHAPE, partial_rotary_factor=0.25, **common),
    "Granite": lambda common: transformers.GraniteConfig(
        **_SHAPE, logits_scaling=2.0, embedding_multiplier=3.0, residual_multiplier=0.5, **common
    ),
    "GPT-OSS": lambda common: transformers.GptOssConfig(
        **_SHAPE, **_MIXED, head_dim=8, num_local_experts=3, num_experts_per_tok=2, **common
    ),
    "Gemma4": lambda common: transformers.Gemma4TextConfig(**_SHAPE, **_MIXED, head_dim=8, **common),
    "Cohere2": lambda common: transformers.Cohere2Config(**_SHAPE, **_MIXED, **common),
    "Mixtral": lambda common: transformers.MixtralConfig(**_SHAPE, num_local_experts=3, **common),
    "LFM2": lambda common: transformers.Lfm2Config(
        **_SHAPE, layer_types=["conv", "full_attention"] * 2, **common
    ),
    "Falcon-H1": lambda common: transformers.FalconH1Config(
        **_SHAPE, mamba_d_ssm=32, mamba_n_heads=4, mamba_d_state=8, mamba_d_head=8, **common
    ),
    "Mamba": lambda common: transformers.MambaConfig(
        hidden_size=32, num_hidden_layers=4, state_size=4, **common
    ),
}

NOT_EDITABLE = {
    "Gemma3n": lambda common: transformers.Gemma3nTextConfig(
        **{**_SHAPE, "num_hidden_layers": 6},
        head_dim=8,
        vocab_size_per_layer_input=common["vocab_size"],
        hidden_size_per_layer_input=8,
        num_kv_shared_layers=2,
        layer_types=["sliding_attention", "full_attention"] * 3,
        activation_sparsity_pattern=[0.0] * 6,
        **_WINDOW,
        **common,
    ),
}
SLOW = {"Bloom", "Falcon-H1", "LFM2", "Mamba"}
"""Those that are trained by the whole forward pass."""


def tiny_model(name: str) -> BaseModel:
    """The same random model each time; weights are large enough that tokens matter to each other."""
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED_MODEL)
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = (ARCHITECTURES | NOT_EDITABLE)[name]({"vocab_size": len(tokenizer), **ends})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.2)
    return BaseModel(model, tokenizer, name, None, Path())
