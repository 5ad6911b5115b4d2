"""Bots in pyreft's form: a config.json and one pickle per edit, read without running anything, and written.

Of a foreign folder nothing is believed: its classes come from a closed table, its tensors are read by torch's
restricted unpickler from uncompressed archives of limited size, and their names and shapes are checked.
"""

import json
import re
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Annotated, Any

import torch
from pydantic import BaseModel as Schema
from pydantic import Field, ValidationError
from torch import Tensor

from reft_studio.base_model import BaseModel
from reft_studio.bot import Bot
from reft_studio.errors import BotError
from reft_studio.positions import Tokens, parse_positions
from reft_studio.recipe import Activation, Component, Method, Recipe
from reft_studio.weights import ReFTWeights, Site

CONFIG_FILE = "config.json"
_MODULE = "pyreft.interventions"
_CLASSES = {
    f"<class '{_MODULE}.LoreftIntervention'>": Method.LOREFT,
    f"<class '{_MODULE}.NoreftIntervention'>": Method.NOREFT,
}
_MOST_BYTES = 64_000_000
_CANNOT_BE_READ = (
    zipfile.BadZipFile, UnpicklingError, RuntimeError, EOFError, ArithmeticError,
    AssertionError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What torch throws at malformed files."""
_BLOCK = re.compile(r"(?:\w+\.)*(?:layers|h|blocks)\[(\d{1,3})\](?:\.output)?")
_HOW_ORTHONORMAL = 2e-2
"""Published files are often in bfloat16."""


class _Config(Schema):
    """What counts of pyvene's config.json."""

    intervention_types: list[str] = Field(min_length=1, max_length=1000)
    representations: list[Annotated[list[Any], Field(min_length=5, max_length=20)]]
    sorted_keys: list[Annotated[str, Field(pattern=r"^[\w#.\[\]-]{1,200}$")]]


def read_pyreft(folder: str | Path, base: BaseModel, *, positions: str, name: str = "My bot") -> Bot:
    """A bot from a folder that pyreft or pyvene has saved, for `base`.

    Such a folder says neither the base model nor which tokens are edited, so whoever reads it has to know:
    pyreft's own examples edit the last token of the prompt, "l1". Raises BotError for anything that is not
    such a folder of LoReFT or NoReFT edits on block outputs of a model like `base`.
    """
    folder = Path(folder).expanduser()
    config = _read_config(folder / CONFIG_FILE)
    method = _CLASSES[config.intervention_types[0]]
    layers = [_layer(representation) for representation in config.representations]
    twice = {layers.count(layer) for layer in layers} == {2}
    if len(set(layers)) * (2 if twice else 1) != len(layers):
        raise _unusable("its layers have different numbers of edits")
    sites = {
        # A layer's second edit is the one of the last tokens: pyreft lists the first tokens' edits first.
        key: Site(
            layer, tokens=(Tokens.LAST if layer in layers[:row] else Tokens.FIRST) if twice else Tokens.ALL
        )
        for row, (key, layer) in enumerate(zip(config.sorted_keys, layers, strict=True))
    }
    weights = {
        site: _read_edit(folder / f"intkey_{key}.bin", method, base.width) for key, site in sites.items()
    }
    ranks = {edit.R.shape[0] for edit in weights.values()}
    parsed = parse_positions(positions)
    if len(ranks) > 1 or max(layers) >= base.num_layers:
        raise _unusable(f'it was not made for a model with {base.num_layers} blocks, such as "{base.id}"')
    if twice and not (parsed.first and parsed.last):
        raise _unusable('it edits first and last tokens apart, so give positions such as "f1+l1"')
    recipe = Recipe.for_model(
        base.num_layers,
        base.width,
        method=method,
        layers=tuple(sorted(set(layers))),
        rank=ranks.pop(),
        positions=positions,
        shared=not twice,
    )
    return Bot.from_training(base, recipe, weights, {}, name=name, system_prompt=None)


def write_pyreft(bot: Bot, folder: str | Path) -> None:
    """Write the folder that `pyreft.ReftModel.load` reads; which tokens are edited, it has no place for.

    Raises BotError if the folder is there, and for what pyreft has no form for: other methods than LoReFT,
    other places than block outputs, activations, and a LoRA.
    """
    recipe = bot.manifest.recipe
    if (recipe.method, recipe.component, recipe.activation) != (
        Method.LOREFT,
        Component.BLOCK_OUTPUT,
        Activation.LINEAR,
    ) or bot.lora:
        raise BotError(
            "Only plain LoReFT on block outputs has a form in pyreft. Save this bot as it is instead."
        )
    # All first tokens' edits come before the last tokens', as in pyreft's own lists.
    edits = sorted(bot.weights.items(), key=lambda item: (item[0].tokens is Tokens.LAST, item[0].layer))
    keys = [
        f"layer_{site.layer}_comp_block_output_unit_pos_nunit_1#{int(site.tokens is Tokens.LAST)}"
        for site, _ in edits
    ]
    config = {
        "intervention_types": [f"<class '{_MODULE}.LoreftIntervention'>"] * len(edits),
        "representations": [
            [site.layer, "block_output", "pos", 1, recipe.rank, *[None] * 9] for site, _ in edits
        ],
        "sorted_keys": keys,
        "intervention_dimensions": [bot.manifest.base.width] * len(edits),
        "intervention_constant_sources": [True] * len(edits),
        "mode": "parallel",
    }
    folder = Path(folder).expanduser()
    if folder.exists():
        raise BotError(f'"{folder}" is there already. Choose a new folder.')
    folder.mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for key, (_, edit) in zip(keys, edits, strict=True):
        # pyreft compares what it has loaded with what it got, to the last bit but one.
        tensors = {"weight": edit.W, "bias": edit.b, "rotate_layer": edit.R.T.contiguous()}
        torch.save(tensors, folder / f"intkey_{key}.bin")


def _unusable(reason: str) -> BotError:
    return BotError(f"This pyreft bot cannot be used: {reason}.")


def _read_config(path: Path) -> _Config:
    if not path.is_file() or path.stat().st_size > 1_000_000:
        raise BotError(f'"{path.parent}" is no pyreft bot: there is no {CONFIG_FILE} of a usable size in it.')
    try:
        config = _Config.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise _unusable(f"{CONFIG_FILE}, {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    if len({len(config.intervention_types), len(config.representations), len(config.sorted_keys)}) > 1:
        raise _unusable(f"the lists in {CONFIG_FILE} have different lengths")
    kinds = set(config.intervention_types)
    if len(kinds) > 1 or not kinds <= set(_CLASSES):
        raise _unusable(f"its kind of edit is not known here ({min(kinds - set(_CLASSES) or kinds)[:100]})")
    return config


def _layer(representation: list[Any]) -> int:
    """Of a block's output, named as such or as a module path."""
    layer, component, unit = representation[:3]
    if isinstance(component, str) and (path := _BLOCK.fullmatch(component)):
        return int(path[1])
    if component == "block_output" and unit == "pos" and isinstance(layer, int) and 0 <= layer < 1000:
        return layer
    raise _unusable(f"it edits something else than the output of a block ({str(component)[:100]})")


def _read_edit(path: Path, method: Method, width: int) -> ReFTWeights:
    tensors = _read_tensors(path)
    names = {
        Method.LOREFT: ("rotate_layer", "weight", "bias"),
        Method.NOREFT: ("proj_layer.weight", "learned_source.weight", "learned_source.bias"),
    }[method]
    if set(tensors) != set(names):
        raise _unusable(f"{path.name} holds {sorted(tensors)[:5]} instead of {sorted(names)}")
    R, W, b = (tensors[name] for name in names)
    R = R.T if method is Method.LOREFT and R.dim() == 2 else R
    rank = b.shape[0] if b.dim() == 1 else 0
    if not 0 < rank <= width or R.shape != (rank, width) or W.shape != (rank, width):
        raise _unusable(f"the tensors in {path.name} do not fit a model of width {width}")
    R, W, b = (tensor.float().contiguous() for tensor in (R, W, b))
    if not all(torch.isfinite(tensor).all() for tensor in (R, W, b)):
        raise _unusable(f"{path.name} contains numbers that are not finite")
    if method is Method.LOREFT:
        if (R @ R.T - torch.eye(rank)).abs().max() > _HOW_ORTHONORMAL:
            raise _unusable(f"the rotation in {path.name} is not orthonormal")
        R = _orthonormal(R)
    return ReFTWeights(R, W, b, method)


def _orthonormal(R: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows; one that has them up to float32 is left as it is."""
    if (R @ R.T - torch.eye(R.shape[0])).abs().max() < 1e-5:
        return R
    U, _, V = torch.linalg.svd(R, full_matrices=False)
    nearest: Tensor = U @ V
    return nearest.contiguous()


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise _unusable(f"there is no {path.name} of a usable size")
    try:
        with path.open("rb") as file:
            # Torch goes by the first bytes, and reads what is no archive in an older, laxer way.
            if file.read(4) != b"PK\x03\x04":
                raise _unusable(f"{path.name} was not written by torch")
        with zipfile.ZipFile(path) as archive:
            # Compressed, a small file could fill the memory; torch itself never compresses.
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise _unusable(f"{path.name} was not written by torch")
        loaded = torch.load(path, weights_only=True, map_location="cpu")
    except _CANNOT_BE_READ as error:
        raise _unusable(f"{path.name} cannot be read, or would run code") from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, Tensor) for tensor in loaded.values()):
        raise _unusable(f"{path.name} holds something else than tensors")
    if any(
        tensor.is_meta or tensor.layout is not torch.strided or not tensor.is_floating_point()
        for tensor in loaded.values()
    ):
        raise _unusable(f"{path.name} holds tensors of a strange kind")
    return {str(name): tensor.detach() for name, tensor in loaded.items()}
