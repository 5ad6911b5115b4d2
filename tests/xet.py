"""What the Hub's storage for chunks of large files (Xet) knows, here a folder that hf_xet itself writes.

The client splits, hashes, compresses and reassembles as always; only the network between is missing.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hf_xet import XetFileInfo, XetSession

_RECORD = 48
_HAS_VERIFICATION, _HAS_METADATA = 1 << 31, 1 << 30


def file_hash(storage: Path, sha256: str) -> str:
    """Under which name a file is kept; KeyError if there is none with this content."""
    return {digest: name for name, digest, _ in _files(storage)}[sha256]


def stored(storage: Path, sha256: str) -> bytes:
    """What a file holds, put together from its chunks."""
    ((name, size),) = {(name, size) for name, digest, size in _files(storage) if digest == sha256}
    with TemporaryDirectory() as scratch:
        with XetSession().new_file_download_group(endpoint=f"local://{storage}") as group:
            group.start_download_file(XetFileInfo(name, size), f"{scratch}/file")
        return Path(scratch, "file").read_bytes()


def _files(storage: Path) -> Iterator[tuple[str, str, int]]:
    """Name, SHA-256 and size of each, from the beginning of each shard: records of 48 bytes."""
    for shard in (storage / "xet" / "xorbs" / "shards").glob("*.mdb"):
        data, at = shard.read_bytes(), _RECORD
        while data[at : at + 32] != b"\xff" * 32:
            flags, parts = struct.unpack_from("<II", data, at + 32)
            name, sizes = _hex(data, at), range(at + _RECORD, at + (1 + parts) * _RECORD, _RECORD)
            size = sum(struct.unpack_from("<I", data, part + 36)[0] for part in sizes)
            at += (1 + parts * (2 if flags & _HAS_VERIFICATION else 1)) * _RECORD
            assert flags & _HAS_METADATA
            yield name, _hex(data, at), size
            at += _RECORD


def _hex(data: bytes, at: int) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack_from("<4Q", data, at))
