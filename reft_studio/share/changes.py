"""What an upload would change of what is on the Hub."""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from huggingface_hub.hf_api import RepoSibling

File = Path | bytes
"""What to upload: a file on this computer, or its content."""


def size_of(content: File) -> int:
    """In bytes."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


class Change(StrEnum):
    """Of one file."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    REMOVED = "removed"


def compare(there: Iterable[RepoSibling], files: Mapping[str, File]) -> dict[str, Change]:
    """What becomes of each file, by name, when `files` take the place of all that is `there`.

    The files there must come with what the Hub knows of their contents (`files_metadata=True`).
    """
    known = {file.rfilename: file for file in there}
    becomes = {
        name: Change.NEW
        if name not in known
        else Change.SAME
        if _is_same(known[name], content)
        else Change.CHANGED
        for name, content in files.items()
    }
    return becomes | dict.fromkeys(sorted(known.keys() - files.keys()), Change.REMOVED)


def _is_same(file: RepoSibling, content: File) -> bool:
    data = content if isinstance(content, bytes) else content.read_bytes()
    if file.lfs is not None:
        return file.lfs.sha256 == hashlib.sha256(data).hexdigest()
    # The name that git gives to a content.
    return file.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
