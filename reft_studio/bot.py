"""A bot: what a training learned, with all it takes to use it again. A plain value, never a pickle.

On disk, as a folder or a zip:

    bot.json                  the manifest
    intervention.safetensors  the tensors, float32
    demonstrations.jsonl      only if the author chose to include them
    README.md                 the model card, when published

Everything read is checked against the manifest before a tensor is built from it.
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from reft_studio.base_model import BaseModel
from reft_studio.bot_zip import unpack_bot
from reft_studio.demonstrations import Demonstration
from reft_studio.errors import BotError
from reft_studio.folders import replace_folder, settle
from reft_studio.lora import LoRA, linear_sizes, lora_from_tensors, lora_tensor_shapes, lora_to_tensors
from reft_studio.manifest import (
    BOT_FILES,
    DEMONSTRATIONS_FILE,
    MANIFEST_FILE,
    TENSOR_FILE,
    BaseRecord,
    Manifest,
    not_a_bot,
    read_manifest,
    write_manifest,
)
from reft_studio.recipe import Recipe
from reft_studio.table_files import write_demonstrations
from reft_studio.weights import Weights, from_tensors, tensor_shapes, to_tensors

_SAFETENSORS_HEADER_LIMIT = 1_000_000


@dataclass(frozen=True, eq=False)
class Bot:
    """A manifest and the learned edits, as float32 tensors on the CPU."""

    manifest: Manifest
    weights: Weights
    lora: LoRA = field(default_factory=dict)

    @classmethod
    def from_training(
        cls,
        base: BaseModel,
        recipe: Recipe,
        weights: Weights,
        lora: LoRA,
        *,
        name: str,
        system_prompt: str | None,
        stopped_after: int | None = None,
    ) -> Self:
        """A bot fresh from its training, without probes and score."""
        sizes = linear_sizes(base)
        manifest = Manifest(
            name=name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            base=BaseRecord.of(base),
            recipe=recipe,
            stopped_after=stopped_after,
            lora={name: sizes[name] for name in lora},
            system_prompt=system_prompt,
            libraries={library: version(library) for library in ("torch", "transformers", "pyvene", "peft")},
        )
        return cls(manifest, weights, lora)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything learned, by name."""
        return to_tensors(self.weights) | lora_to_tensors(self.lora)

    def __eq__(self, other: object) -> bool:
        """Same manifest and the same tensors, bit for bit."""
        if not isinstance(other, Bot):
            return NotImplemented
        mine, theirs = self.tensors(), other.tensors()
        return self.manifest == other.manifest and all(torch.equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]  # tensors have no hash by value

    def check_base(self, base: BaseModel) -> None:
        """Raises BotError unless the bot was made for this base model with this chat template."""
        made_for = self.manifest.base
        if made_for.digest != base.digest():
            if made_for.id == base.id:
                raise BotError(
                    f'This bot was made for another version of the base model "{base.id}" than the one '
                    "that is loaded. Load that version, or train the bot again on this one, with the same "
                    "examples."
                )
            raise BotError(
                f'This bot was made for the base model "{made_for.id}" and the one that is loaded, '
                f'"{base.id}", has other weights. Load "{made_for.id}" to talk to it.'
            )
        if not self.manifest.lora.items() <= linear_sizes(base).items():
            raise BotError(
                f'The bot changes parts that the base model "{base.id}" does not have. '
                "The file may be damaged: download or train the bot again."
            )
        if made_for.template_digest != base.template_digest:
            raise BotError(
                f'The chat template of "{base.id}" has changed since this bot was made. Load the version of '
                "the model that it was made with, or train the bot again."
            )

    def save(self, folder: str | Path, demonstrations: Sequence[Demonstration] | None = None) -> None:
        """Write the bot; an earlier bot in `folder` is replaced, whole or not at all.

        Demonstrations are included only if given: they may be private. Raises BotError if the folder holds
        anything that is not a bot.
        """
        folder = Path(folder).expanduser().absolute()
        check_target(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            fresh = Path(scratch) / "new"
            fresh.mkdir()
            self._write(fresh, demonstrations)
            replace_folder(fresh, folder)

    def _write(self, folder: Path, demonstrations: Sequence[Demonstration] | None) -> None:
        write_manifest(self.manifest, folder)
        save_file(self.tensors(), folder / TENSOR_FILE)
        if demonstrations is not None:
            write_demonstrations(demonstrations, folder / DEMONSTRATIONS_FILE)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a bot's folder; raises BotError if it is not one or is damaged."""
        folder = Path(folder).expanduser()
        settle(folder)
        for name in BOT_FILES:
            # It might be anybody's file that would be read, kept and published.
            if (folder / name).is_symlink():
                raise not_a_bot(f"{name} is a link to another file; copy the file itself")
        manifest = read_manifest(folder / MANIFEST_FILE)
        recipe, lora = manifest.recipe, manifest.lora
        shapes = tensor_shapes(recipe, manifest.base.width) | lora_tensor_shapes(lora, recipe.lora_rank)
        tensors = _read_tensors(folder / TENSOR_FILE, shapes)
        return cls(manifest, from_tensors(recipe, tensors), lora_from_tensors(list(lora), tensors))

    def save_zip(self, path: str | Path, demonstrations: Sequence[Demonstration] | None = None) -> None:
        """Write the bot as one file, whole or not at all."""
        path = Path(path).expanduser().absolute()
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
            folder = Path(scratch) / "bot"
            folder.mkdir()
            self._write(folder, demonstrations)
            packed = Path(scratch) / "packed.zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(folder.iterdir()):
                    archive.write(file, file.name)
            packed.replace(path)

    @classmethod
    def load_zip(cls, path: str | Path) -> Self:
        """Read a zip written by `save_zip`, whoever it comes from; raises BotError for anything else."""
        with unpacked(path) as folder:
            return cls.load(folder)


@contextmanager
def unpacked(path: str | Path) -> Iterator[Path]:
    """The files of a bot's zip in a folder, for as long as the block; BotError if it is none."""
    with tempfile.TemporaryDirectory() as scratch:
        unpack_bot(Path(path).expanduser(), Path(scratch))
        yield Path(scratch)


def check_target(folder: Path) -> None:
    """Raises BotError if a bot cannot be saved there because something else is there."""
    if folder.exists() and not (
        folder.is_dir() and {file.name for file in folder.iterdir()} <= set(BOT_FILES)
    ):
        raise BotError(f'"{folder}" holds something that is not a bot. Choose a new folder.')


def _read_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """The tensors of a file that holds exactly these names and shapes in float32, all of them finite."""
    if not path.is_file():
        raise not_a_bot(f"there is no {TENSOR_FILE} in it")
    numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
    size = path.stat().st_size
    if size > min(4 * numbers + _SAFETENSORS_HEADER_LIMIT, BOT_FILES[TENSOR_FILE]):
        raise not_a_bot(f"{TENSOR_FILE} is larger than its recipe allows")
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            described = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in found.items()}
            if described != {name: (shape, "F32") for name, shape in shapes.items()}:
                raise not_a_bot(f"the tensors in {TENSOR_FILE} do not fit its recipe")
            tensors: dict[str, Any] = {name: file.get_tensor(name) for name in shapes}
    except SafetensorError as error:
        raise not_a_bot(f"{TENSOR_FILE} cannot be read ({error})") from None
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise not_a_bot(f"{TENSOR_FILE} contains numbers that are not finite")
    return tensors
