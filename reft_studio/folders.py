"""Folders that are replaced or deleted whole or not at all, whoever is killed in the middle. No torch here.

A folder cannot be renamed over another one. So the earlier one steps aside under a name of its own, from
which `settle` brings it back if the fresh one never came.
"""

import os
import shutil
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path

_EARLIER, _DELETED = ".earlier", ".deleted"


def replace_folder(fresh: Path, folder: Path) -> None:
    """Put `fresh`, which is on the same disk, where `folder` is or shall be."""
    settle(folder)
    for file in fresh.glob("*"):
        write_through(file)
    earlier = _aside(folder, _EARLIER)
    if folder.exists():
        folder.rename(earlier)
    try:
        fresh.rename(folder)
    except OSError:
        settle(folder)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def settle(folder: Path) -> None:
    """Finish what was begun: if there is no fresh folder, the earlier one is back in its place."""
    earlier = _aside(folder, _EARLIER)
    if not earlier.exists():
        return
    if folder.exists():
        shutil.rmtree(earlier, ignore_errors=True)
    else:
        # Somebody else may settle the same one, or put the fresh one there in this moment.
        with suppress(OSError):
            earlier.rename(folder)


def delete_folder(folder: Path, forget: Callable[[], None]) -> None:
    """Delete a folder and, by `forget`, what is known of it elsewhere; if that fails it is back."""
    deleted = _aside(folder, _DELETED)
    if folder.exists():
        folder.rename(deleted)
    try:
        forget()
    except BaseException:
        if deleted.exists():
            deleted.rename(folder)
        raise
    shutil.rmtree(deleted, ignore_errors=True)


def settle_all(parent: Path, is_known: Callable[[str], bool]) -> None:
    """Finish everything that was begun in here, and throw scratch folders away.

    A folder that was being deleted is back if something by its name `is_known` still.
    """
    for left in parent.glob(".*"):
        name = left.name[1:]
        if name.endswith(_EARLIER):
            settle(parent / name.removesuffix(_EARLIER))
        elif name.endswith(_DELETED) and is_known(name := name.removesuffix(_DELETED)):
            left.rename(parent / name)
        else:
            shutil.rmtree(left, ignore_errors=True)


def sweep(parent: Path, kept: Set[Path]) -> None:
    """Delete all that is in a folder but these, whoever put it there; what cannot be deleted stays."""
    for left in set(parent.glob("*")) - kept:
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def write_through(file: Path) -> None:
    """Have the disk itself take what was written, so that a power cut after a rename leaves no empty file."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())


def size_of(folder: Path) -> int:
    """How many bytes its files have; none if it is not there."""
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())


def _aside(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}{kind}")
