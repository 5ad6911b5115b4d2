"""Taking in bots from elsewhere. What is fetched is only named and measured here; `Bot.load` judges it."""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from reft_studio.errors import BotError
from reft_studio.manifest import BOT_FILES, CARD_FILE, MANIFEST_FILE, TENSOR_FILE
from reft_studio.share.refusals import said_plainly

_LINK = re.compile(
    r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?"
    r"(?P<repo>[\w.-]+/[\w.-]+?)(?:\.git)?(?:(?:/tree/|@)(?P<revision>[\w./-]+?))?/?"
)


_PYREFT_CONFIG = "config.json"
_PYREFT_FILE = re.compile(r"config\.json|intkey_[\w#.\[\]-]{1,200}\.bin", re.ASCII)
_HEAD_CHARACTERS = 10_000
_PYREFT_BYTES = 64_000_000
_MOST_PYREFT_FILES = 500


@dataclass(frozen=True)
class Fetched:
    """A folder with a bot's files, as they were at one commit."""

    folder: Path
    repo_id: str
    commit: str
    from_pyreft: bool = False
    """Whether pyreft saved it: then it says neither its base model nor which tokens it edits."""
    license: str | None = None
    """What the card says of it, as the Hub's short name."""


def fetch(api: HfApi, link: str, folder: Path, *, most_bytes: int = sum(BOT_FILES.values())) -> Fetched:
    """Download a bot's files, and nothing else of its repository, to a new folder.

    `link` is the address of its page, or "owner/name", or "owner/name@revision". Raises ShareError if it
    cannot be had, and BotError if it is no bot or has more than `most_bytes`.
    """
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
        limits = _wanted(repo_id, there)
        listed = api.get_paths_info(repo_id, sorted(limits), revision=commit)
    sizes = {file.path: file.size for file in listed if isinstance(file, RepoFile)}
    for name, size in sizes.items():
        if size > limits[name]:
            raise BotError(f'"{repo_id}" cannot be a bot: its {name} is far too large ({size:,} bytes).')
    if (total := sum(sizes.values())) > most_bytes:
        raise BotError(
            f'"{repo_id}" has {total:,} bytes, and {most_bytes:,} are the most that this app takes.'
        )
    with said_plainly(repo_id):
        for name in sizes:
            api.hf_hub_download(repo_id, name, revision=commit, local_dir=folder)
    return Fetched(folder, repo_id, commit, MANIFEST_FILE not in sizes, _license(folder / CARD_FILE))


def _wanted(repo_id: str, there: set[str]) -> dict[str, int]:
    """The files to fetch, with the most bytes that each may have."""
    if {MANIFEST_FILE, TENSOR_FILE} <= there:
        return {name: limit for name, limit in BOT_FILES.items() if name in there}
    edits = {name for name in there if _PYREFT_FILE.fullmatch(name)} - {_PYREFT_CONFIG}
    if edits and _PYREFT_CONFIG in there and len(edits) <= _MOST_PYREFT_FILES and MANIFEST_FILE not in there:
        card = {CARD_FILE: BOT_FILES[CARD_FILE]} if CARD_FILE in there else {}
        return {_PYREFT_CONFIG: 1_000_000, **dict.fromkeys(sorted(edits), _PYREFT_BYTES), **card}
    missing = min({MANIFEST_FILE, TENSOR_FILE} - there)
    raise BotError(f'"{repo_id}" is not a bot of ReFT Studio: it has no {missing}. Check the link.')


def _license(card: Path) -> str | None:
    """What the head of a card says. Not read as YAML: a few hundred bytes of that can fill a memory."""
    try:
        with card.open(encoding="utf-8") as file:
            head = file.read(_HEAD_CHARACTERS)
    except (OSError, ValueError):
        return None
    found = re.match(r"---\n(?:(?!---)[^\n]*\n)*?license: *([\w.-]{1,60}) *\n", head, re.ASCII)
    return found[1] if found else None
