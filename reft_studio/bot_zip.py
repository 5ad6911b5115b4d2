"""A bot's zip, whoever it comes from. No torch here: the page unpacks what it is given."""

import stat
import zipfile
import zlib
from pathlib import Path

from reft_studio.errors import BotError
from reft_studio.manifest import BOT_FILES, MANIFEST_FILE, not_a_bot

_PIECE = 1_000_000
"""Bytes in memory at a time, whatever a zip unpacks to."""


def unpack_bot(path: Path, folder: Path, *, most_bytes: int = sum(BOT_FILES.values())) -> None:
    """Unpack the files that a bot may have, and nothing else, into a `folder` that is there.

    Raises BotError for anything else: other files, paths, links, doubles, passwords, more than `most_bytes`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, folder, most_bytes)
    except FileNotFoundError:
        raise BotError(f'There is no file "{path}". Check its name and folder.') from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise not_a_bot(f"the zip cannot be read ({error})") from error


def _unpack(archive: zipfile.ZipFile, folder: Path, most_bytes: int) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    unknown = sorted(set(names) - set(BOT_FILES))
    if unknown or len(set(names)) < len(names):
        raise not_a_bot(f"it contains {unknown[0][:100]!r}" if unknown else "a file is in it twice")
    # What it says of itself first: of a zip that is no bot nothing large is unpacked.
    for member in sorted(members, key=lambda member: member.filename != MANIFEST_FILE):
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 0x1:
            raise not_a_bot(f"{member.filename} is a link or has a password")
        limit = min(BOT_FILES[member.filename], most_bytes)
        written = 0
        # The size that it states may be a lie: what comes out counts, too.
        if member.file_size > limit:
            raise not_a_bot(f"{member.filename} is far too large")
        with archive.open(member) as packed, (folder / member.filename).open("xb") as file:
            while piece := packed.read(_PIECE):
                written += file.write(piece)
                if written > limit:
                    raise not_a_bot(f"{member.filename} is far too large")
        most_bytes -= written
