"""Taking in bots from elsewhere. What is fetched is only named and measured here; `Bot.load` judges it."""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from reft_studio.errors import BotError
from reft_studio.manifest import BOT_FILES, MANIFEST_FILE, TENSOR_FILE
from reft_studio.share.hub import said_plainly

_LINK = re.compile(
    r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?"
    r"(?P<repo>[\w.-]+/[\w.-]+?)(?:\.git)?(?:(?:/tree/|@)(?P<revision>[\w./-]+?))?/?"
)


@dataclass(frozen=True)
class Fetched:
    """A folder with a bot's files, as they were at one commit."""

    folder: Path
    repo_id: str
    commit: str


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
        commit = api.repo_info(repo_id, revision=matched["revision"]).sha
        assert commit
        listed = api.get_paths_info(repo_id, list(BOT_FILES), revision=commit)
    sizes = {file.path: file.size for file in listed if isinstance(file, RepoFile)}
    if missing := {MANIFEST_FILE, TENSOR_FILE} - set(sizes):
        raise BotError(f'"{repo_id}" is not a bot of ReFT Studio: it has no {min(missing)}. Check the link.')
    for name, size in sizes.items():
        if size > BOT_FILES[name]:
            raise BotError(f'"{repo_id}" cannot be a bot: its {name} is far too large ({size:,} bytes).')
    if (total := sum(sizes.values())) > most_bytes:
        raise BotError(
            f'"{repo_id}" has {total:,} bytes, and {most_bytes:,} are the most that this app takes.'
        )
    with said_plainly(repo_id):
        for name in sizes:
            api.hf_hub_download(repo_id, name, revision=commit, local_dir=folder)
    return Fetched(folder, repo_id, commit)
