"""Where a base model comes from: the embedded folder, another folder, or the Hub."""

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from httpx2 import HTTPError
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub import errors as hub_errors
from safetensors import safe_open

from reft_studio.errors import BaseModelError
from reft_studio.settings import EMBEDDED_MODEL

EMBEDDED_ID = "embedded"
_HALF = ".incomplete"
"""How the Hub's client ends the names of files that it is fetching."""

_UNREACHABLE = (
    "is not on this computer and the Hub cannot be reached",
    "Check the network connection, or use the embedded model.",
)


@dataclass(frozen=True)
class ModelSource:
    """A model whose config is on this computer; its weights may not be yet."""

    id: str
    """"embedded", a Hub id, or the name of a folder."""
    folder: Path
    revision: str | None
    """The commit on the Hub."""

    @property
    def place(self) -> str:
        """What transformers is to be asked for."""
        return str(self.folder) if self.revision is None else self.id

    @property
    def is_here(self) -> bool:
        """Whether its weights are on this computer."""
        return all(path.is_file() for path in weight_files(self.folder))

    def count_parameters(self) -> int | None:
        """How many parameters the model has, read from the headers of its weight files without fetching them.

        None if the Hub cannot be asked. Raises BaseModelError for a model without safetensors weights.
        """
        if self.is_here:
            return sum(map(_parameters_in, weight_files(self.folder)))
        if self.revision is None:
            return None
        try:
            metadata = HfApi().get_safetensors_metadata(self.id, revision=self.revision)
        except hub_errors.NotASafetensorsRepoError as error:
            raise BaseModelError(
                f'The model "{self.id}" has no safetensors weights, and others are not read because they may '
                "run code. Choose another one."
            ) from error
        except (hub_errors.HfHubHTTPError, hub_errors.OfflineModeIsEnabled, HTTPError):
            return None
        return sum(metadata.parameter_count.values())


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads the weights from: one, or the shards named in an index."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if single.is_file() or not index.is_file():
        return [single]
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(names))]


def _parameters_in(path: Path) -> int:
    # Not as torch's tensors: for these as much memory as the file has is asked for, also if nothing is read.
    with safe_open(path, framework="numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def split_pinned(name: str) -> tuple[str, str | None]:
    """A Hub id and the revision behind an "@", if there is one."""
    hub_id, _, revision = name.partition("@")
    return hub_id, revision or None


def find_model(name: str | Path, revision: str | None) -> ModelSource:
    """Find a model and fetch its config if need be; raises BaseModelError if it is not there.

    A Hub id may have its revision in it, as in "owner/model@v1"; one that is given beside it counts more.
    """
    folder = EMBEDDED_MODEL if name == EMBEDDED_ID else Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BaseModelError(
                f'The folder "{folder}" holds no model: there is no config.json in it. '
                "Choose a folder that transformers' save_pretrained has written, or a Hub id."
            )
        embedded = folder.resolve() == EMBEDDED_MODEL.resolve()
        return ModelSource(EMBEDDED_ID if embedded else folder.resolve().name, folder, None)
    if name == EMBEDDED_ID or isinstance(name, Path) or folder.is_absolute() or name.startswith((".", "~")):
        raise BaseModelError(f'There is no folder "{folder}". Check the path, or give a Hub id.')
    hub_id, pinned = split_pinned(name)
    folder = _fetch_config(hub_id, revision or pinned).parent
    return ModelSource(hub_id, folder, folder.name)


def leave_no_half() -> None:
    """Remove what of a model this process has half fetched, which nobody could go on from. Before it ends."""
    with suppress(psutil.Error):
        for file in psutil.Process().open_files():
            if file.path.endswith(_HALF):
                with suppress(OSError):
                    Path(file.path).unlink()


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
        problem, advice = _UNREACHABLE
    except hub_errors.EntryNotFoundError:
        problem, advice = "has no config.json, so it is not a transformers model", "Choose another one."
    except hub_errors.HfHubHTTPError as error:
        problem, advice = f"could not be fetched ({error})", "Try again in a few minutes."
    except HTTPError:
        problem, advice = _UNREACHABLE
    raise BaseModelError(f'The model "{hub_id}" {problem}. {advice}')
