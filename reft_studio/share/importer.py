"""Taking in bots from elsewhere. What is fetched is only named and measured here; `Bot.load` judges it."""

import json
import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from reft_studio.bot_zip import unpack_bot
from reft_studio.errors import BotError
from reft_studio.manifest import BOT_FILES, CARD_FILE, MANIFEST_FILE, TENSOR_FILE
from reft_studio.share.download import download
from reft_studio.share.refusals import said_plainly

_LINK = re.compile(
    r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?"
    r"(?P<repo>[\w.-]+/[\w.-]+?)(?:\.git)?(?:(?:/tree/|@)(?P<revision>[\w./-]+?))?/?"
)


_PYREFT_CONFIG = "config.json"
_PYREFT_FILE = re.compile(r"config\.json|intkey_[\w#.\[\]-]{1,200}\.bin", re.ASCII)
_CONFIG_BYTES = 1_000_000
_HEAD_CHARACTERS = 10_000
_PYREFT_BYTES = 64_000_000
_MOST_PYREFT_FILES = 500


@dataclass(frozen=True)
class Fetching:
    """One file is on its way; told again as it grows."""

    file: str
    number: int
    """The first is 1."""
    total: int
    share: float = 0.0
    """How much of it is there: 1 is all."""


@dataclass(frozen=True)
class Fetched:
    """A folder with a bot's files; of one from the Hub, as they were at one commit."""

    folder: Path
    name: str
    """What to call it where it does not say so itself."""
    commit: str | None = None
    from_pyreft: bool = False
    """Whether pyreft saved it: then it says neither its base model nor which tokens it edits."""
    license: str | None = None
    """What the card says of it, as the Hub's short name."""
    base_model: str | None = None
    """Which one the card names."""


def fetch(api: HfApi, link: str, folder: Path, *, most_bytes: int = sum(BOT_FILES.values())) -> Fetched:
    """Download a bot's files, and nothing else of its repository, to a new folder.

    `link` is the address of its page, or "owner/name", or "owner/name@revision". Raises ShareError if it
    cannot be had, and BotError if it is no bot or has more than `most_bytes`.
    """
    *_, fetched = fetching(api, link, folder, most_bytes=most_bytes)
    assert isinstance(fetched, Fetched)
    return fetched


def fetching(
    api: HfApi, link: str, folder: Path, *, most_bytes: int = sum(BOT_FILES.values())
) -> Generator[Fetching | Fetched, None, None]:
    """The same piece by piece. Who has seen enough closes it; the files that had come are in the folder."""
    matched = _LINK.fullmatch(link.strip())
    if not matched:
        raise BotError(
            'This is not a link to a bot. It looks like "https://huggingface.co/me/emoji-bot" or '
            '"me/emoji-bot".'
        )
    repo_id = matched["repo"]
    with said_plainly(repo_id):
        # One commit from here on: what was measured is what is fetched.
        info = api.model_info(repo_id, revision=matched["revision"])
        commit, there = info.sha, {sibling.rfilename for sibling in info.siblings or []}
        assert commit
        limits = _wanted(f'"{repo_id}"', there)
        listed = api.get_paths_info(repo_id, sorted(limits), revision=commit)
    sizes = {file.path: file.size for file in listed if isinstance(file, RepoFile) and file.path in limits}
    _check_sizes(f'"{repo_id}"', sizes, limits, most_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, size) in enumerate(sizes.items(), start=1):
        yield Fetching(name, number, len(sizes))
        with closing(download(api, repo_id, name, commit, folder / name, size)) as growing:
            for done in growing:
                yield Fetching(name, number, len(sizes), done / size)
    yield _fetched(folder, repo_id.partition("/")[2], commit)


def gather(files: Sequence[Path], folder: Path, *, most_bytes: int = sum(BOT_FILES.values())) -> Fetched:
    """Copy a bot's files, as somebody has chosen them, to a new folder: one zip, or those of a folder.

    Others among them are left out. Raises BotError if they make no bot or have more than `most_bytes`.
    """
    folder.mkdir(parents=True)
    if len(files) == 1 and files[0].suffix.lower() == ".zip":
        unpack_bot(files[0], folder, most_bytes=most_bytes)
        return _fetched(folder, files[0].stem)
    named = _named({path.name: path for path in files})
    limits = _wanted("This", set(named))
    sizes = {name: named[name].stat().st_size for name in limits}
    _check_sizes("This", sizes, limits, most_bytes)
    for name in limits:
        shutil.copyfile(named[name], folder / name)
    return _fetched(folder, "")


def _named(files: dict[str, Path]) -> dict[str, Path]:
    """The files by the names that they had: on its way through a browser pyreft's lose their "#"."""
    config = files.get(_PYREFT_CONFIG)
    if config is None or config.stat().st_size > _CONFIG_BYTES:
        return files
    try:
        keys = json.loads(config.read_bytes())["sorted_keys"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return files
    names = [f"intkey_{key}.bin" for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    lost = {name.replace("#", ""): name for name in names if _PYREFT_FILE.fullmatch(name)}
    return {lost.get(name, name): path for name, path in files.items()}


def _check_sizes(what: str, sizes: dict[str, int], limits: dict[str, int], most_bytes: int) -> None:
    for name, size in sizes.items():
        if size > limits[name]:
            raise BotError(f"{what} cannot be a bot: its {name} is far too large ({size:,} bytes).")
    if (total := sum(sizes.values())) > most_bytes:
        raise BotError(f"{what} has {total:,} bytes, and {most_bytes:,} are the most that this app takes.")


def _fetched(folder: Path, name: str, commit: str | None = None) -> Fetched:
    from_pyreft = (folder / _PYREFT_CONFIG).exists() and not (folder / MANIFEST_FILE).exists()
    head = _head(folder / CARD_FILE)
    return Fetched(folder, name, commit, from_pyreft, _said(head, "license"), _said(head, "base_model"))


def _wanted(what: str, there: set[str]) -> dict[str, int]:
    """The files to fetch, with the most bytes that each may have."""
    if {MANIFEST_FILE, TENSOR_FILE} <= there:
        return {name: limit for name, limit in BOT_FILES.items() if name in there}
    edits = {name for name in there if _PYREFT_FILE.fullmatch(name)} - {_PYREFT_CONFIG}
    if edits and _PYREFT_CONFIG in there and len(edits) <= _MOST_PYREFT_FILES and MANIFEST_FILE not in there:
        card = {CARD_FILE: BOT_FILES[CARD_FILE]} if CARD_FILE in there else {}
        return {_PYREFT_CONFIG: _CONFIG_BYTES, **dict.fromkeys(sorted(edits), _PYREFT_BYTES), **card}
    missing = min({MANIFEST_FILE, TENSOR_FILE} - there)
    raise BotError(f"{what} is not a bot of ReFT Studio: it has no {missing}. Check what you have chosen.")


def _head(card: Path) -> str:
    """What a card begins with."""
    try:
        with card.open(encoding="utf-8") as file:
            return file.read(_HEAD_CHARACTERS)
    except (OSError, ValueError):
        return ""


def _said(head: str, field: str) -> str | None:
    """What it says of one thing. Not read as YAML: a few hundred bytes of that can fill a memory."""
    found = re.match(
        rf"---\n(?:(?!---)[^\n]*\n)*?{field}: *([\w.-]{{1,60}}(?:/[\w.-]{{1,100}})?) *\n", head, re.ASCII
    )
    return found[1] if found else None
