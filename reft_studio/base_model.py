"""The base model: a frozen causal language model with its tokenizer.

Device and dtype are decided here and nowhere else. Weights are read from safetensors only, and no code from
a model's repository is ever run.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import errors as hub_errors
from huggingface_hub import hf_hub_download
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from reft_studio.errors import BaseModelError
from reft_studio.recipe import Component
from reft_studio.settings import EMBEDDED_MODEL

EMBEDDED_ID = "embedded"

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

    @cached_property
    def blocks_path(self) -> str:
        """The name of the list of decoder blocks inside the model, such as "model.layers"."""
        for name, module in self.model.named_modules():
            if isinstance(module, nn.ModuleList) and len(module) == self.num_layers:
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
    def dtype(self) -> str:
        """The precision of the weights in memory, such as "float32"."""
        return str(self.model.dtype).removeprefix("torch.")

    @cached_property
    def end_tokens(self) -> tuple[int, ...]:
        """Token ids that end a reply."""
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return tuple(dict.fromkeys(i for i in (*ids, self.tokenizer.eos_token_id) if i is not None))

    def digest(self) -> str:
        """SHA-256 over the weight files as they lie on disk, hence the same on every device and dtype."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        total = hashlib.sha256()
        for name in _weight_files(self.folder):
            with (self.folder / name).open("rb") as file:
                total.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return total.hexdigest()

    @property
    def template_digest(self) -> str:
        """SHA-256 of the chat template; it fixes which tokens a bot was trained on."""
        return hashlib.sha256(str(self.tokenizer.chat_template).encode()).hexdigest()


def load_base_model(
    name: str | Path | None = None,
    *,
    revision: str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> BaseModel:
    """Load the embedded model, a folder, or a model from the Hub.

    By default on a GPU in bfloat16 where there is one, else on the CPU in float32. Raises BaseModelError,
    which says what to do, where that is not possible.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    model_id, folder, commit = _find(name or EMBEDDED_ID, revision)
    source = str(folder) if commit is None else model_id
    options: dict[str, Any] = {"revision": commit, "trust_remote_code": False}
    try:
        _check_causal(AutoConfig.from_pretrained(source, **options), model_id)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, use_safetensors=True, **options)
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except (OSError, ValueError, ImportError) as error:
        raise BaseModelError(
            f'The model "{model_id}" cannot be loaded: {str(error).splitlines()[0]} '
            "It has to be a chat model of the transformers library with safetensors weights. "
            "Choose another one."
        ) from error
    # By way of nn.Module: transformers' own versions have no types.
    nn.Module.to(model, device)
    nn.Module.eval(model).requires_grad_(False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return BaseModel(model, tokenizer, model_id, commit, folder)


def _find(name: str | Path, revision: str | None) -> tuple[str, Path, str | None]:
    """The id, the folder of the weights, and the commit if the model comes from the Hub."""
    folder = EMBEDDED_MODEL if name == EMBEDDED_ID else Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BaseModelError(
                f'The folder "{folder}" holds no model: there is no config.json in it. '
                "Choose a folder that transformers' save_pretrained has written, or a Hub id."
            )
        embedded = folder.resolve() == EMBEDDED_MODEL.resolve()
        return (EMBEDDED_ID if embedded else folder.resolve().name), folder, None
    if name == EMBEDDED_ID or isinstance(name, Path) or folder.is_absolute() or name.startswith((".", "~")):
        raise BaseModelError(f'There is no folder "{folder}". Check the path, or give a Hub id.')
    folder = _fetch_config(name, revision).parent
    return name, folder, folder.name


def _fetch_config(hub_id: str, revision: str | None) -> Path:
    """Download or find config.json, and with it learn whether the model is there and which commit it is."""
    try:
        return Path(hf_hub_download(hub_id, "config.json", revision=revision))
    except hub_errors.HFValidationError:
        problem, advice = "is not a name that the Hub knows", 'Names look like "owner/model".'
    except hub_errors.GatedRepoError:
        problem = "is only given to people who were granted access"
        advice = f'Ask for it at https://huggingface.co/{hub_id}, then log in with "hf auth login".'
    except hub_errors.RepositoryNotFoundError:
        problem = "does not exist on the Hub, or is private"
        advice = 'Check the spelling; for a private model log in with "hf auth login".'
    except hub_errors.RevisionNotFoundError:
        problem, advice = (
            f'has no revision "{revision}"',
            "Check its page on the Hub, or leave the revision out.",
        )
    except (hub_errors.LocalEntryNotFoundError, hub_errors.OfflineModeIsEnabled):
        problem = "is not on this computer and the Hub cannot be reached"
        advice = "Check the network connection, or use the embedded model."
    except hub_errors.EntryNotFoundError:
        problem, advice = "has no config.json, so it is not a transformers model", "Choose another one."
    except hub_errors.HfHubHTTPError as error:
        problem, advice = f"could not be fetched ({error})", "Try again in a few minutes."
    raise BaseModelError(f'The model "{hub_id}" {problem}. {advice}')


def _check_causal(config: Any, model_id: str) -> None:
    architectures = config.architectures or []
    if architectures and not set(architectures) & set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()):
        raise BaseModelError(
            f'The model "{model_id}" ({", ".join(architectures)}) does not write text. Choose a chat model.'
        )


def _weight_files(folder: Path) -> list[str]:
    """The files that transformers reads the weights from: one, or the shards named in an index."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not index.is_file():
        return ["model.safetensors"]
    return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
