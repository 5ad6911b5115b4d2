"""Disks without room, for tests: a real small one, and one that gives a process no room for more."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psutil
import pytest

only_where_disks_can_be_full = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux keeps to these limits"
)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """As long as this block, a folder is a disk of its own; who may not mount one skips the test."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only an administrator can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def filled_up(folder: Path) -> Iterator[None]:
    """As long as this block, there is not a byte left on the disk of a folder."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError as error:
        assert error.errno == errno.ENOSPC
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def full_disk(folder: Path, pid: int | None = None) -> Iterator[None]:
    """As long as this block, a process (this one) can write nothing more to the database in a folder."""
    process, size = psutil.Process(pid), (folder / "studio.sqlite3-wal").stat().st_size
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, before)


def small(folder: Path) -> AbstractContextManager[None]:
    """Enough for a database, and soon full."""
    return small_disk(folder, megabytes=2)


DISKS = {"a limit": (nullcontext, full_disk), "a small disk": (small, filled_up)}
"""What makes a folder one whose disk can be full, and what fills it up."""
