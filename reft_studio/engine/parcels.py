"""Commands and events together with the files they speak of, between machines that share no disk.

A command goes out as a `Parcel` with everything that its paths lead to. There it is unpacked into a folder of
its own, and with each event comes back what has changed in it. No torch here, and nothing of Ray.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from reft_studio.engine.messages import Command, Event
from reft_studio.folders import replace_folder

Contents = bytes | dict[str, bytes]
"""What is in a file, or in the files of a folder by their names."""
Files = dict[Path, Contents]
"""Files, and folders that have no others in them: these are written as a whole."""

T = TypeVar("T")


@dataclass(frozen=True)
class Parcel:
    """A command and what is at its paths; nothing for those that are still to be written."""

    command: Command
    files: Files


@dataclass(frozen=True)
class Told:
    """An event, or None, and what was written since the last one, by the paths of the command."""

    event: Event | None
    files: Files
    logged: str = ""
    """A line for the log of the app."""


def pack(command: Command) -> Parcel:
    """Read all files of a command; raises OSError."""
    units = (unit for path in _paths(command) for unit in _units(path))
    return Parcel(command, {unit: _read(unit) for unit in units})


class Unpacked:
    """A command with its files in a folder of their own."""

    def __init__(self, parcel: Parcel, folder: Path) -> None:
        """Raises OSError if the files cannot be written."""
        self._folder = folder
        # With the names they had, as far as those mean something.
        paths = _paths(parcel.command)
        self._places = {path: folder / str(number) / path.name for number, path in enumerate(paths)}
        self.command: Command = _moved(parcel.command, self._places.__getitem__)
        for place in self._places.values():
            place.parent.mkdir(parents=True)
        write({self._place(unit): contents for unit, contents in parcel.files.items()})
        self._known = self._stamps()

    def changed(self) -> Files:
        """What has been written since this was asked last, by the paths where it came from."""
        before, self._known = self._known, self._stamps()
        return {
            unit: _read(self._place(unit)) for unit in self._known if self._known[unit] != before.get(unit)
        }

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _place(self, unit: Path) -> Path:
        """Where here something is that belongs to one of the paths of the command."""
        path = next(path for path in (unit, *unit.parents) if path in self._places)
        return self._places[path] / unit.relative_to(path)

    def _stamps(self) -> dict[Path, tuple[tuple[str, int, int, int], ...]]:
        return {
            path / unit.relative_to(place): _stamp(unit)
            for path, place in self._places.items()
            for unit in _units(place)
        }


def write(files: Mapping[Path, Contents]) -> None:
    """Write files and folders, each whole or not at all; raises OSError."""
    for path, contents in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
            fresh = Path(scratch) / "new"
            if isinstance(contents, bytes):
                fresh.write_bytes(contents)
                fresh.replace(path)
                continue
            fresh.mkdir()
            for name, data in contents.items():
                (fresh / name).write_bytes(data)
            replace_folder(fresh, path)


def _units(path: Path) -> list[Path]:
    """The files and innermost folders at a path, without what is being written; none if nothing is there."""
    if not path.is_dir():
        return [path] if path.exists() else []
    inside = [child for child in sorted(path.iterdir()) if not child.name.startswith(".")]
    if any(child.is_dir() for child in inside):
        return [unit for child in inside for unit in _units(child)]
    return [path] if inside else []


def _files(unit: Path) -> list[Path]:
    return sorted(unit.iterdir()) if unit.is_dir() else [unit]


def _read(unit: Path) -> Contents:
    if unit.is_file():
        return unit.read_bytes()
    return {file.name: file.read_bytes() for file in _files(unit)}


def _stamp(unit: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Differs when a file in it was written anew."""
    stats = {file.name: file.stat() for file in _files(unit)}
    return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats.items())


def _paths(command: Command) -> list[Path]:
    """All paths in a command, each once."""
    found: dict[Path, None] = {}

    def note(path: Path) -> Path:
        found[path] = None
        return path

    _moved(command, note)
    return list(found)


def _moved(value: T, move: Callable[[Path], Path]) -> T:
    """The same with other paths, however deep in dataclasses and tuples they are."""
    new: Any = value
    if isinstance(value, Path):
        new = move(value)
    elif isinstance(value, tuple):
        new = tuple(_moved(item, move) for item in value)
    elif is_dataclass(value) and not isinstance(value, type):
        new = replace(
            value,
            **{each.name: _moved(getattr(value, each.name), move) for each in fields(value) if each.init},
        )
    moved: T = new
    return moved
