"""A disk without room, for tests: no file may become larger than the database's log is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

only_where_disks_can_be_full = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux keeps to these limits"
)


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
