"""A compact Llama for training on a CPU, and its export as a transformers model folder.

Same mathematics as `LlamaForCausalLM`; a test holds their logits together. Written out because training wants three things
that module does not offer: any attention mask over packed branches, style vectors added at one block's output,
and logits only where there is something to predict.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

# A style prompt is read by this many blocks before its last hidden state is added anywhere.
STYLE_BLOCKS = 4
# The segment of a conversation that all others may see.
TRUNK = 0
MASKED = -30000.0
# What LlamaConfig takes when nothing is said.
ROPE_THETA = 10000.0


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int
    width: int = 256
    blocks: int = 6
    heads: int = 4
    hidden: int = 640
    context: int = 512


@dataclass(frozen=True)
class Styles:
    """Style prompts whose meaning is added to some tokens at the output of one block.

    tokens, positions, segments [R, Ts]: the prompts, packed; last [S] the flattened index of each one's last token.
    `target` [J] indexes the flattened batch [B*T], `style` [J] says which prompt goes there, `scale` [J, 1] how strongly.
    """

    tokens: Tensor
    positions: Tensor
    segments: Tensor
    last: Tensor
    block: int
    target: Tensor
    style: Tensor
    scale: Tensor


class Norm(nn.Module):
    """Root-mean-square norm, computed in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-5)
        return (x * scale.to(x.dtype)) * self.weight.to(x.dtype)


class Block(nn.Module):
    """Attention and gated MLP, pre-norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norm1, self.norm2 = Norm(shape.width), Norm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.gate_up = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)
        for linear in (self.qkv, self.gate_up):
            nn.init.normal_(linear.weight, std=0.6 * shape.width**-0.5)
        for linear in (self.out, self.down):
            nn.init.zeros_(linear.weight)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """x [B, T, width]; cos, sin [B, T, 1, head/2]; mask [B, 1, T, T], added to the scores."""
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, width // self.heads).unbind(2)
        q, k = _rotate(q, cos, sin).transpose(1, 2), _rotate(k, cos, sin).transpose(1, 2)
        # Plain matrix products: for such short rows they are faster on a CPU than the fused kernel with a mask.
        scores = (q * (width // self.heads) ** -0.5) @ k.transpose(-1, -2) + mask
        mixed = scores.softmax(-1).to(v.dtype) @ v.transpose(1, 2)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, width))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        out: Tensor = x + self.down(F.silu(gate) * up)
        return out


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Network(nn.Module):
    """Embedding, blocks, norm; the head is the embedding (tied)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.norm = Norm(shape.width)
        head = shape.width // shape.heads
        frequency = 1 / ROPE_THETA ** (torch.arange(0, head, 2) / head)
        angles = torch.outer(torch.arange(shape.context).float(), frequency)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        segments: Tensor,
        predict: Tensor,
        styles: Styles | None = None,
    ) -> Tensor:
        """Logits [number of predictions, vocabulary] at the flattened indices `predict`.

        tokens, positions, segments [B, T]; the segments say which token may see which, see `visibility`.
        """
        vectors = None if styles is None else self.encode_styles(styles)
        x, turn, mask = self._enter(tokens, positions, segments)
        for number, block in enumerate(self.blocks):
            x = block(x, *turn, mask)
            if styles is not None and vectors is not None and number == styles.block:
                added = vectors[styles.style] * styles.scale.to(vectors.dtype)
                x = x.reshape(-1, x.shape[-1]).index_add(0, styles.target, added).view_as(x)
        return F.linear(self.norm(x.reshape(-1, self.shape.width)[predict]), self.embedding.weight)

    def encode_styles(self, styles: Styles) -> Tensor:
        """The hidden state [S, width] of each style prompt's last token after `STYLE_BLOCKS` blocks."""
        x, turn, mask = self._enter(styles.tokens, styles.positions, styles.segments)
        for block in self.blocks[:STYLE_BLOCKS]:
            x = block(x, *turn, mask)
        return x.reshape(-1, x.shape[-1])[styles.last]

    def _enter(
        self, tokens: Tensor, positions: Tensor, segments: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        x = self.embedding(tokens)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.bfloat16)
        mask = torch.zeros((), dtype=x.dtype, device=x.device).where(visibility(segments), MASKED)[:, None]
        turn = tuple(table[positions].unsqueeze(2).to(x.dtype) for table in (self.cos, self.sin))
        return x, (turn[0], turn[1]), mask


def visibility(segments: Tensor) -> Tensor:
    """Which token may see which [B, T, T]: earlier ones of its own segment and of the trunk."""
    same = segments[:, :, None] == segments[:, None, :]
    trunk = segments[:, None, :] == TRUNK
    return (same | trunk).tril()


def export(network: Network, tokenizer: PreTrainedTokenizerFast, folder: Path) -> LlamaForCausalLM:
    """Write the network as a transformers folder in half precision; returns the model."""
    shape = network.shape
    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.hidden, num_hidden_layers=shape.blocks,
        num_attention_heads=shape.heads, num_key_value_heads=shape.heads, max_position_embeddings=shape.context,
        rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.load_state_dict(_llama_weights(network), strict=True)
    model.generation_config.max_new_tokens = 80
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.float16).save_pretrained(folder)  # type: ignore[arg-type]
    tokenizer.save_pretrained(folder)
    return model


def _llama_weights(network: Network) -> dict[str, Tensor]:
    weights = {
        "model.embed_tokens.weight": network.embedding.weight,
        "model.norm.weight": network.norm.weight,
        "lm_head.weight": network.embedding.weight,
    }
    for number, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        q, k, v = block.qkv.weight.chunk(3)
        gate, up = block.gate_up.weight.chunk(2)
        parts = {
            "self_attn.q_proj": q, "self_attn.k_proj": k, "self_attn.v_proj": v, "self_attn.o_proj": block.out.weight,
            "mlp.gate_proj": gate, "mlp.up_proj": up, "mlp.down_proj": block.down.weight,
            "input_layernorm": block.norm1.weight, "post_attention_layernorm": block.norm2.weight,
        }  # fmt: skip
        weights.update({f"model.layers.{number}.{name}.weight": part for name, part in parts.items()})
    return {name: weight.detach().float().clone() for name, weight in weights.items()}
