"""LoRA (arXiv 2106.09685) beside the edits: what it has learned for linear layers, W x + 2 B A x."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from reft_studio.base_model import BaseModel


@dataclass(frozen=True, eq=False)
class LoRAWeights:
    """Of one linear layer: A [rank, inputs], B [outputs, rank]."""

    A: Tensor
    B: Tensor


LoRA = Mapping[str, LoRAWeights]
"""By the names of linear layers inside the model, such as "model.layers.0.mlp.up_proj"; empty for none."""


def linear_sizes(base: BaseModel) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of each linear layer of the blocks, by name."""
    found = {}
    for name, module in base.blocks.named_modules(prefix=base.blocks_path):
        if isinstance(module, nn.Linear):
            found[name] = (module.in_features, module.out_features)
        elif isinstance(module, Conv1D):
            found[name] = (module.nx, module.nf)
    return found


def lora_tensor_shapes(sizes: Mapping[str, tuple[int, int]], rank: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a LoRA on layers of these sizes."""
    return {
        f"lora.{name}.{part}": shape
        for name, (inputs, outputs) in sizes.items()
        for part, shape in (("A", (rank, inputs)), ("B", (outputs, rank)))
    }


def lora_to_tensors(lora: LoRA) -> dict[str, Tensor]:
    """Named tensors for a file."""
    return {
        f"lora.{name}.{part}": tensor.contiguous()
        for name, weights in lora.items()
        for part, tensor in (("A", weights.A), ("B", weights.B))
    }


def lora_from_tensors(names: Sequence[str], tensors: Mapping[str, Tensor]) -> dict[str, LoRAWeights]:
    """The inverse of `lora_to_tensors`."""
    return {name: LoRAWeights(tensors[f"lora.{name}.A"], tensors[f"lora.{name}.B"]) for name in names}


def scaled(lora: LoRA, strength: float) -> LoRA:
    """The same directions, so much more or less of them."""
    return {name: LoRAWeights(weights.A, strength * weights.B) for name, weights in lora.items()}


def together(loras: Sequence[LoRA]) -> LoRA:
    """One that adds what each of them adds: side by side, their ranks add up too."""
    there = [lora for lora in loras if lora]
    if len(there) < 2:
        return there[0] if there else {}
    some = {name: weights for lora in there for name, weights in lora.items()}
    return {name: _side_by_side([_of(lora, name, some[name]) for lora in there]) for name in some}


def _of(lora: LoRA, name: str, like: LoRAWeights) -> LoRAWeights:
    """Its weights for a layer; where it has none, some of its rank that add nothing."""
    rank = len(next(iter(lora.values())).A)
    nothing = LoRAWeights(like.A.new_zeros(rank, like.A.shape[1]), like.B.new_zeros(len(like.B), rank))
    return lora.get(name, nothing)


def _side_by_side(parts: Sequence[LoRAWeights]) -> LoRAWeights:
    return LoRAWeights(torch.cat([part.A for part in parts]), torch.cat([part.B for part in parts], dim=1))
