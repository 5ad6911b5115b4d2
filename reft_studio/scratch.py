"""A folder for what one process needs while it runs, which is gone in the end whoever ends that process."""

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from filelock import FileLock, Timeout

SECONDS_OFFERED = 600
"""The page has a copy of its own as soon as it has been told of a file."""
_PREFIX, _LOCK, _OFFERED = "reft-studio-", "lock", "offered-"


class Scratch:
    """A folder beside those of others. Who is killed leaves one behind; the next that is made removes it."""

    def __init__(self, parent: Path | None = None) -> None:
        """In the system's folder for such things, or in another; raises OSError."""
        parent = parent or Path(gettempdir())
        self.folder, self._lock = _held(parent)
        _sweep(parent, self.folder)

    def close(self) -> None:
        """Delete it with all that is in it."""
        # Windows deletes no file that is held.
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def offered_file(scratch: Path, name: str) -> Path:
    """Where to write a file for somebody to fetch; those of some time ago are deleted."""
    folder = Path(mkdtemp(prefix=_OFFERED, dir=scratch))
    # By the clock of the disk, which the others were dated by too.
    earliest = folder.stat().st_mtime - SECONDS_OFFERED
    for earlier in scratch.glob(f"{_OFFERED}*"):
        with suppress(OSError):
            if earlier.stat().st_mtime < earliest:
                shutil.rmtree(earlier, ignore_errors=True)
    return folder / name


def _held(parent: Path) -> tuple[Path, FileLock]:
    """A new folder with a lock in it that the system lets go of when this process ends."""
    while True:
        folder = Path(mkdtemp(prefix=_PREFIX, dir=parent))
        lock = FileLock(folder / _LOCK)
        lock.acquire()
        # Somebody may have swept it away in the moment in which it was not held yet. Then the lock has made
        # it again, for everyone to look into, or it is that of a file that is no more.
        if (folder / _LOCK).exists():
            folder.chmod(0o700)
            return folder, lock


def _sweep(parent: Path, ours: Path) -> None:
    """Remove folders that nobody holds any more. Those of other users are theirs, whatever is in them."""
    owner = ours.stat().st_uid
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            if folder.lstat().st_uid == owner and (folder / _LOCK).exists():
                with FileLock(folder / _LOCK, blocking=False):
                    shutil.rmtree(folder, ignore_errors=True)
