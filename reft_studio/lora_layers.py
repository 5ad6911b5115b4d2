"""A LoRA in the base model, in training and in chat. The only file that imports peft.

The base model gets its own modules back on leaving `TrainableLoRA.in_place` and `applied_lora`.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from reft_studio.base_model import BaseModel
from reft_studio.errors import RecipeError
from reft_studio.lora import LoRA, LoRAWeights, linear_sizes
from reft_studio.manifest import TENSOR_BYTES

SCALE = 2
"""How many times B A is added, whatever the rank: peft's lora_alpha over its r."""
_TRAINED, _UNTOUCHED = "trained", "__base__"


def check_lora(base: BaseModel, lora: LoRA) -> None:
    """Raises RecipeError for a LoRA that is too large for a bot, or that chat could not apply row by row."""
    size = sum(4 * (weights.A.numel() + weights.B.numel()) for weights in lora.values())
    if size > TENSOR_BYTES:
        raise RecipeError(
            f"The LoRA would take {size / 1e6:,.0f} MB and a bot has room for {TENSOR_BYTES / 1e6:,.0f}. "
            "Lower its rank."
        )
    if not lora:
        return
    two_rows = torch.zeros((2, 2), dtype=torch.long, device=base.device)
    try:
        with applied_lora(base, [lora, {}]), torch.no_grad():
            base.model(two_rows, use_cache=False)
    except (ValueError, RuntimeError, IndexError) as error:
        raise RecipeError(
            f'A LoRA cannot be applied to "{base.id}". Train without one, or choose another base model.'
        ) from error


class TrainableLoRA:
    """A LoRA on all linear layers of the blocks, the same one for the same seed; of rank 0 it is on none.

    At first B is zero, which changes nothing.
    """

    def __init__(self, base: BaseModel, rank: int, seed: int) -> None:
        self._base = base
        self._layers: dict[str, Any] = {}
        if not rank:
            return
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                _inject(base, _TRAINED, list(linear_sizes(base)), rank)
            self._layers = dict(_layers(base))
        finally:
            _restore(base)

    def parameters(self) -> dict[str, LoRAWeights]:
        """Its float32 parameters."""
        return {name: _parameters(layer, _TRAINED) for name, layer in self._layers.items()}

    def learned(self) -> dict[str, LoRAWeights]:
        """A copy as it stands, on the CPU."""

        def plain(tensor: Tensor) -> Tensor:
            return tensor.detach().to("cpu", torch.float32, copy=True)

        return {name: LoRAWeights(plain(w.A), plain(w.B)) for name, w in self.parameters().items()}

    @torch.no_grad()
    def start_from(self, lora: LoRA) -> None:
        """Go on from a LoRA of the same rank on the same layers."""
        for name, weights in self.parameters().items():
            weights.A.copy_(lora[name].A)
            weights.B.copy_(lora[name].B)

    @torch.no_grad()
    def fade(self, share: float) -> None:
        """Bring B by this share nearer to zero, where it changes nothing."""
        for weights in self.parameters().values():
            weights.B.mul_(1 - share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block, forward passes of the model go through it."""
        try:
            for name, layer in self._layers.items():
                self._base.model.set_submodule(name, layer)
            yield
        finally:
            _restore(self._base)


@contextmanager
def applied_lora(base: BaseModel, rows: Sequence[LoRA]) -> Iterator[None]:
    """Within the block, each row of a batch goes through its own LoRA, or through none."""
    different = {id(lora): lora for lora in rows if lora}
    if not different:
        yield
        return
    try:
        for key, lora in different.items():
            rank = len(next(iter(lora.values())).A)
            # peft draws numbers to start with; trainings in other threads draw from the same source.
            with torch.device("meta"):
                _inject(base, str(key), list(lora), rank)
            for name, layer in _layers(base):
                if name in lora:
                    for part in (layer.lora_A, layer.lora_B):
                        part[str(key)].to_empty(device=base.device)
                    mine = _parameters(layer, str(key))
                    mine.A.data.copy_(lora[name].A)
                    mine.B.data.copy_(lora[name].B)
        chosen = [str(id(lora)) if lora else _UNTOUCHED for lora in rows]

        def choose(_layer: nn.Module, arguments: Any, options: dict[str, Any]) -> Any:
            return arguments, {**options, "adapter_names": chosen}

        for _, layer in _layers(base):
            # They go with the layers.
            layer.register_forward_pre_hook(choose, with_kwargs=True)
        yield
    finally:
        _restore(base)


def _inject(base: BaseModel, adapter: str, names: Sequence[str], rank: int) -> None:
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=list(names))
    with warnings.catch_warnings():
        # That there is another adapter already is no mistake here.
        warnings.simplefilter("ignore", UserWarning)
        inject_adapter_in_model(config, base.model, adapter)
    for name, layer in _layers(base):
        if name in names:
            # Optimizers are of little use in half precision.
            layer.lora_A[adapter].float()
            layer.lora_B[adapter].float()


def _layers(base: BaseModel) -> list[tuple[str, Any]]:
    modules = base.blocks.named_modules(prefix=base.blocks_path)
    return [(name, module) for name, module in modules if isinstance(module, LoraLayer)]


def _parameters(layer: Any, adapter: str) -> LoRAWeights:
    return LoRAWeights(layer.lora_A[adapter].weight, layer.lora_B[adapter].weight)


def _restore(base: BaseModel) -> None:
    for name, layer in _layers(base):
        base.model.set_submodule(name, layer.get_base_layer())
    if hasattr(base.model, "peft_config"):
        del base.model.peft_config
