"""A pack: many sealed blobs in one object, with a sealed table of them at its end.

    0       8   magic "FKPACK", version u16
    8       …   sealed blobs, one after the other, no gaps
    …       …   sealed table: 77 bytes a blob, in the order they lie in the pack
    end-8   4   length of the sealed table
    end-4   4   magic "FKPE"

Integers are little endian. The object's name is the BLAKE3 of its bytes. A pack is self-describing: the index can
be made again from packs alone.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from shared.errors import Corrupt, Unsupported
from shared.format.seal import Sealed, Sealer, name_of

VERSION: Final = 1
MAGIC: Final = b"FKPACK"
END: Final = b"FKPE"
HEADER: Final = struct.pack("<6sH", MAGIC, VERSION)
LABEL: Final = b"firekeep/1/pack table"
MAX_BYTES: Final = (1 << 32) - 1

_ENTRY: Final = struct.Struct("<32sBIII32s")
_TRAILER: Final = struct.Struct("<I4s")
_NO_BASE: Final = bytes(32)


class PackEntry(NamedTuple):
    """Where a blob lies in its pack. `length` is stored bytes, `raw` plaintext bytes, `base` empty or an id."""

    id: bytes
    kind: int
    offset: int
    length: int
    raw: int
    base: bytes


class PackBuilder:
    """Collects sealed blobs until they are put as one object."""

    def __init__(self) -> None:
        self.entries: list[PackEntry] = []
        self.size = len(HEADER)
        self._parts: list[bytes] = [HEADER]

    def add(self, kind: int, blob_id: bytes, sealed: Sealed) -> None:
        self.entries.append(PackEntry(blob_id, kind, self.size, len(sealed.data), sealed.raw, sealed.base))
        self._parts.append(sealed.data)
        self.size += len(sealed.data)

    def finish(self, sealer: Sealer) -> tuple[bytes, bytes]:
        """Name (32 bytes) and bytes of the object."""
        rows = b"".join(_ENTRY.pack(*entry) for entry in self.entries)
        table = sealer.seal_metadata(LABEL, rows)
        data = b"".join([*self._parts, table, _TRAILER.pack(len(table), END)])
        return name_of(data), data


def parse_pack(data: bytes, sealer: Sealer, what: str) -> list[PackEntry]:
    """The table of a whole pack. Corrupt when header, table and blobs do not account for every byte."""
    if len(data) < len(HEADER) + _TRAILER.size or data[:6] != MAGIC:
        raise Corrupt(f"{what} is damaged: it does not start as a pack does")
    if data[:8] != HEADER:
        raise Unsupported(f"{what} has a pack version this release does not know", hint="update firekeep")
    length, end = _TRAILER.unpack_from(data, len(data) - _TRAILER.size)
    start = len(data) - _TRAILER.size - length
    if end != END or start < len(HEADER):
        raise Corrupt(f"{what} is damaged: it does not end as a pack does")
    rows = sealer.open_metadata(LABEL, data[start : start + length], what)
    if len(rows) % _ENTRY.size:
        raise Corrupt(f"{what} is damaged: its table is cut short")
    entries = [_entry(row) for row in _ENTRY.iter_unpack(rows)]
    position = len(HEADER)
    for entry in entries:
        if entry.offset != position:
            raise Corrupt(f"{what} is damaged: its blobs do not follow one another")
        position += entry.length
    if position != start:
        raise Corrupt(f"{what} is damaged: its table does not cover its blobs")
    return entries


def _entry(row: tuple[bytes, int, int, int, int, bytes]) -> PackEntry:
    return PackEntry(*row[:5], b"" if row[5] == _NO_BASE else row[5])
