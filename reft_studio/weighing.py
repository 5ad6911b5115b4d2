"""What a base model needs of this machine and in which precision it is loaded, decided from its metadata."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from httpx2 import HTTPError
from safetensors import SafetensorError
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from reft_studio.base_ref import BaseRef
from reft_studio.device import default_device, default_dtypes
from reft_studio.errors import BaseModelError
from reft_studio.fit import Fit, Shape, Weight, estimate_fit
from reft_studio.model_source import ModelSource, find_model
from reft_studio.quantization import Quantization


def weigh(base: BaseRef) -> Weight:
    """Find a base model and reckon what it needs; nothing big is fetched.

    Raises BaseModelError for one that is not there, is no chat model, or cannot be quantized so here.
    """
    device, source = default_device(), find_model(base.name, None)
    with loading(source):
        config = read_config(source)
        text = config.get_text_config()
        dtypes = default_dtypes(device, text.dtype)
        if base.quantization:
            base.quantization.options(device, dtypes[0])
        fits = reckon(source, config, device, dtypes, base.quantization)
    to_fetch = 0 if source.is_here else (source.count_parameters() or 0) * (text.dtype or dtypes[0]).itemsize
    return Weight(text.num_hidden_layers, text.hidden_size, fits, to_fetch)


@contextmanager
def loading(source: ModelSource) -> Iterator[None]:
    """What goes wrong in the libraries while a model is read becomes a BaseModelError."""
    try:
        yield
    except (OSError, HTTPError) as error:
        if source.revision and not source.is_here:
            raise BaseModelError(
                f'The model "{source.id}" could not be fetched to its end. Look whether there is a network '
                "connection and room on the disk, then try again: what was fetched is kept."
            ) from error
        raise BaseModelError(_not_loaded(source, error)) from error
    except (ValueError, ImportError, SafetensorError) as error:
        raise BaseModelError(_not_loaded(source, error)) from error


def _not_loaded(source: ModelSource, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return (
        f'The model "{source.id}" cannot be loaded: {reason} '
        "It has to be a chat model of the transformers library with safetensors weights. "
        "Choose another one."
    )


def read_config(source: ModelSource) -> Any:
    """The config of a model that writes text; BaseModelError for another kind."""
    config = AutoConfig.from_pretrained(source.place, revision=source.revision, trust_remote_code=False)
    architectures = config.architectures or []
    if architectures and not set(architectures) & set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()):
        raise BaseModelError(
            f'The model "{source.id}" ({", ".join(architectures)}) does not write text. Choose a chat model.'
        )
    return config


def reckon(
    source: ModelSource,
    config: Any,
    device: torch.device,
    dtypes: Sequence[torch.dtype],
    quantization: Quantization | None,
) -> tuple[Fit, ...]:
    """What a model needs in each of these precisions; nothing where its size cannot be learned."""
    parameters = source.count_parameters()
    if parameters is None:
        return ()
    shape = Shape.of(config.get_text_config())
    return tuple(estimate_fit(parameters, shape, device, dtype, quantization) for dtype in dtypes)


def choose_dtype(source: ModelSource, fits: Sequence[Fit], dtypes: Sequence[torch.dtype]) -> torch.dtype:
    """The first one in which the model fits; one whose size is not known is taken to fit.

    Raises BaseModelError, before anything big is fetched, for a model that memory is not enough for.
    """
    if not fits:
        return dtypes[0]
    for dtype, fit in zip(dtypes, fits, strict=True):
        if fit:
            return dtype
    raise BaseModelError(
        f'The model "{source.id}" is too big for this machine. {fits[-1]} '
        "Choose a smaller one, or close other programs."
    )
