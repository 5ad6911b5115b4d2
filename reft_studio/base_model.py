"""The base model: a frozen causal language model with its tokenizer.

Device and dtype are decided here and nowhere else. Weights are read from safetensors only, and no code from
a model's repository is ever run.
"""

import copy
import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from reft_studio.device import default_device, default_dtypes
from reft_studio.errors import BaseModelError
from reft_studio.fit import OVERHEAD
from reft_studio.model_source import EMBEDDED_ID, find_model, weight_files
from reft_studio.quantization import (
    Quantization,
    make_trainable,
    quantized_tensors,
    saved_quantization,
)
from reft_studio.recipe import Component
from reft_studio.weighing import choose_dtype, loading, read_config, reckon

# What architectures call the parts of a block.
_COMPONENTS = {
    Component.ATTENTION_OUTPUT: re.compile("attn|attention"),
    Component.MLP_OUTPUT: re.compile("mlp|feed_forward|ffn|moe"),
}
_AROUND_THEM = re.compile("norm|^ln_|dropout")


@dataclass(frozen=True, eq=False)
class BaseModel:
    """A model that is never changed: in evaluation mode, no parameter takes a gradient.

    One forward pass at a time: interventions are hooks on its blocks.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    id: str
    """"embedded", a Hub id, or the name of a folder."""
    revision: str | None
    """The commit on the Hub."""
    folder: Path
    """Where the weight files lie."""
    quantization: Quantization | None = None
    """How the weights of its linear layers are stored in memory, if in fewer bits."""
    original: "BaseModel | None" = None
    """Of a twin, the model whose tensors it has."""
    replies: dict[tuple[Any, ...], str] = field(default_factory=dict, repr=False)
    """What it has said to questions that every bot is scored with: always the same. Twins share it."""

    def twin(self) -> "BaseModel":
        """The same tensors under modules of their own, which can be hooked into independently.

        To be made of a model that nobody is hooked into.
        """
        tensors = [*self.model.parameters(), *self.model.buffers()]
        if self.quantization:
            tensors += quantized_tensors(self.model)
        model = copy.deepcopy(self.model, {id(tensor): tensor for tensor in tensors})
        return replace(self, model=model, original=self)

    @cached_property
    def blocks_path(self) -> str:
        """The name of the list of decoder blocks inside the model, such as "model.layers"."""
        # A model that also sees has other blocks outside of its decoder, perhaps as many.
        get_decoder: Any = self.model.get_decoder
        decoder = {id(module) for module in get_decoder().modules()}
        for name, module in self.model.named_modules():
            if isinstance(module, nn.ModuleList) and len(module) == self.num_layers and id(module) in decoder:
                return str(name)
        raise BaseModelError(
            f'The blocks of "{self.id}" cannot be found, so it cannot be edited. Choose another chat model.'
        )

    @property
    def blocks(self) -> nn.ModuleList:
        """The decoder blocks, in order."""
        blocks = self.model.get_submodule(self.blocks_path)
        assert isinstance(blocks, nn.ModuleList)
        return blocks

    def component_path(self, layer: int, component: Component) -> str:
        """The name of the module inside the model whose output a component is."""
        block = f"{self.blocks_path}.{layer}"
        if component is Component.BLOCK_OUTPUT:
            return block
        names = [name for name, _ in self.model.get_submodule(block).named_children()]
        found = [n for n in names if _COMPONENTS[component].search(n) and not _AROUND_THEM.search(n)]
        if len(found) != 1:
            raise BaseModelError(
                f'Where "{self.id}" has its {component.replace("_", " ")} cannot be told, so it cannot be '
                "edited. Choose the block output."
            )
        return f"{block}.{found[0]}"

    def check_blocks(self) -> None:
        """Raises BaseModelError unless blocks hand on one state for each token: only such can be edited.

        Tries it on two tokens.
        """
        shapes = []

        def note(_block: nn.Module, _arguments: Any, output: Any) -> None:
            shapes.append(tuple(states_of(output).shape))

        with self.blocks[0].register_forward_hook(note), torch.no_grad():
            self.model(torch.zeros((1, 2), dtype=torch.long, device=self.device), use_cache=False)
        if shapes != [(1, 2, self.width)]:
            raise BaseModelError(
                f'The blocks of "{self.id}" hand on more than one state for each token, so it cannot be '
                "edited. Choose another model."
            )

    @property
    def _text_config(self) -> Any:
        return self.model.config.get_text_config()

    @property
    def num_layers(self) -> int:
        """How many decoder blocks there are."""
        return int(self._text_config.num_hidden_layers)

    @property
    def width(self) -> int:
        """Dimensions of a block's output (d in the paper)."""
        return int(self._text_config.hidden_size)

    @property
    def context_length(self) -> int:
        """How many tokens prompt and reply may have together."""
        return int(getattr(self._text_config, "max_position_embeddings", self.tokenizer.model_max_length))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @property
    def held_bytes(self) -> int:
        """About how much memory comes back when the process that holds the model ends."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return sum(t.numel() * t.itemsize for t in tensors) + OVERHEAD.get(self.device.type, 0)

    @property
    def dtype(self) -> str:
        """The precision of the weights in memory that are not quantized, such as "float32"."""
        return str(self.model.dtype).removeprefix("torch.")

    @cached_property
    def end_tokens(self) -> tuple[int, ...]:
        """Token ids that end a reply."""
        return tuple(dict.fromkeys([*_configured_ends(self.model), self.tokenizer.eos_token_id]))

    def digest(self) -> str:
        """SHA-256 over the weight files as they lie on disk, hence the same on every device and dtype."""
        # Large files take long to read, so twins ask the one that remembers.
        return self.original.digest() if self.original else self._digest

    @cached_property
    def _digest(self) -> str:
        total = hashlib.sha256()
        for path in weight_files(self.folder):
            with path.open("rb") as file:
                total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return total.hexdigest()

    @property
    def template_digest(self) -> str:
        """SHA-256 of the chat template; it fixes which tokens a bot was trained on."""
        return hashlib.sha256(str(self.tokenizer.chat_template).encode()).hexdigest()


def _configured_ends(model: PreTrainedModel) -> list[int]:
    """Token ids that end a reply by the model's own settings."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return [token_id for token_id in ids if token_id is not None]


def _complete(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, name: str) -> None:
    """Where a tokenizer does not know how a reply ends, the model may; any token can fill up a batch.

    Raises BaseModelError if neither knows: replies would never end.
    """
    if tokenizer.eos_token_id is None:
        ends = [tokenizer.convert_ids_to_tokens(token_id) for token_id in _configured_ends(model)]
        if not any(ends):
            raise BaseModelError(
                f"{name} does not say by which token a reply ends, so its bots would talk on and on. "
                'Choose a model made for chatting: its name often ends in "Instruct" or "it".'
            )
        tokenizer.eos_token = next(filter(None, ends))
    embedded: Any = model.get_input_embeddings()
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= len(embedded.weight):
        tokenizer.pad_token = tokenizer.eos_token


def states_of(output: Any) -> Tensor:
    """The hidden states [batch, tokens, width] that a module returns, alone or first in a tuple."""
    states = output[0] if isinstance(output, tuple) else output
    assert isinstance(states, Tensor)
    return states


def with_states(output: Any, states: Tensor) -> Any:
    """What a module returns, with other hidden states in it."""
    return (states, *output[1:]) if isinstance(output, tuple) else states


def load_base_model(
    name: str | Path | None = None,
    *,
    revision: str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    quantization: Quantization | str | None = None,
) -> BaseModel:
    """Load the embedded model, a folder, or a model from the Hub; "int8" and "nf4" are quantizations.

    By default on a GPU in half precision where there is one; on a processor in float32, or in bfloat16 if
    that is what fits, or what the weights were saved in and the processor is made for. Interventions compute
    in float32 in any case. Raises BaseModelError, which says what to do, where that is not possible.
    """
    device = torch.device(device) if device else default_device()
    source = find_model(name or EMBEDDED_ID, revision)
    options: dict[str, Any] = {"revision": source.revision, "trust_remote_code": False}
    with loading(source):
        config = read_config(source)
        quantization = Quantization(quantization) if quantization else saved_quantization(config)
        dtypes = [dtype] if dtype else default_dtypes(device, config.get_text_config().dtype)
        dtype = choose_dtype(source, reckon(source, config, device, dtypes, quantization), dtypes)
        placed = quantization.options(device, dtype) if quantization else {}
        model = AutoModelForCausalLM.from_pretrained(
            source.place, dtype=dtype, use_safetensors=True, **placed, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(source.place, **options)
    # By way of nn.Module: transformers' own versions have no types.
    nn.Module.eval(model).requires_grad_(False)
    if quantization:
        make_trainable(model)
    else:
        nn.Module.to(model, device)
    _complete(tokenizer, model, source.id)
    return BaseModel(model, tokenizer, source.id, source.revision, source.folder, quantization)
