"""The index: blob id → where it is stored. As an object, and in memory.

Plaintext of an index object (sealed as metadata, named by the BLAKE3 of its bytes, integers little endian):

    0     4     number of packs P
    4     4     number of rows N
    8     40 P  packs, ascending: id 32, size u64
    …     61 N  rows, ascending: blob id 32, pack prefix 8, base prefix 8, offset u32, length u32, raw u32, kind u8

A row names its pack by the first 8 bytes of the pack's id, and the base of a patch (zeros: stored whole) by the first
8 of the blob's. So rows of different objects merge as plain bytes, and memory stays near 65 bytes a blob: rows are kept
as they are, sorted, beside one u32 of each id for `bisect`.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from operator import lt
from typing import Final, NamedTuple

from shared.errors import Corrupt, Missing
from shared.format.pack import PackEntry
from shared.format.seal import Sealer

MAGIC: Final = b"FKINDEX\x01"
LABEL: Final = b"firekeep/1/index"
ROW_BYTES: Final = 61

_ROW: Final = struct.Struct("<32s8s8sIIIB")
_PACK: Final = struct.Struct("<32sQ")
_COUNTS: Final = struct.Struct("<II")
_FIRST: Final = struct.Struct(">I57x")
_NO_BASE: Final = bytes(8)
MERGE_ROWS: Final = 1 << 17
"""Sorted runs are merged up to this many rows: few runs to look in, little to copy at a time."""
_RECENT_ROWS: Final = 1 << 14


class Packs(NamedTuple):
    """A pack an index knows: id and size in bytes."""

    id: bytes
    size: int


class Location(NamedTuple):
    """Where a blob is stored. `base_prefix` is empty for a blob stored whole."""

    kind: int
    pack: bytes
    pack_size: int
    offset: int
    length: int
    raw: int
    base_prefix: bytes


def row_of(pack: bytes, entry: PackEntry) -> bytes:
    """The index row of a blob in the pack of that id."""
    base = entry.base[:8] or _NO_BASE
    return _ROW.pack(entry.id, pack[:8], base, entry.offset, entry.length, entry.raw, entry.kind)


def encode_index(packs: Iterable[Packs], rows: Iterable[bytes], sealer: Sealer) -> bytes:
    """The object's bytes."""
    packs, rows = sorted(packs), sorted(rows)
    table = b"".join(_PACK.pack(*pack) for pack in packs)
    plain = _COUNTS.pack(len(packs), len(rows)) + table + b"".join(rows)
    return MAGIC + sealer.seal_metadata(LABEL, plain)


def parse_index(data: bytes, sealer: Sealer, what: str) -> tuple[list[Packs], list[bytes]]:
    """Packs and rows, both strictly ascending; every row lies inside a pack of the table."""
    if data[:8] != MAGIC:
        raise Corrupt(f"{what} is damaged: it does not start as an index does")
    plain = sealer.open_metadata(LABEL, data[8:], what)
    if len(plain) < _COUNTS.size:
        raise Corrupt(f"{what} is damaged: it is cut short")
    pack_count, row_count = _COUNTS.unpack_from(plain)
    start = _COUNTS.size + _PACK.size * pack_count
    if len(plain) != start + ROW_BYTES * row_count:
        raise Corrupt(f"{what} is damaged: its length does not fit its counts")
    packs = [Packs(*pack) for pack in _PACK.iter_unpack(plain[_COUNTS.size : start])]
    rows = [plain[i : i + ROW_BYTES] for i in range(start, len(plain), ROW_BYTES)]
    if not all(map(lt, packs, islice(packs, 1, None))) or not all(map(lt, rows, islice(rows, 1, None))):
        raise Corrupt(f"{what} is damaged: its rows are not ascending")
    if not {row[32:40] for row in rows} <= {pack.id[:8] for pack in packs}:
        raise Corrupt(f"{what} is damaged: a row names a pack the table does not have")
    return packs, rows


class Index:
    """Every blob known. One thread adds at a time; any number may look up meanwhile."""

    def __init__(self) -> None:
        self._runs: tuple[_Run, ...] = ()
        self._recent: dict[bytes, bytes] = {}
        self._packs: dict[bytes, Packs] = {}

    def __len__(self) -> int:
        """Rows, counting a blob stored twice twice."""
        return sum(len(run) for run in self._runs) + len(self._recent)

    def __contains__(self, blob_id: bytes) -> bool:
        return blob_id in self._recent or any(run.has(blob_id) for run in self._runs)

    def add(self, packs: Iterable[Packs], rows: list[bytes]) -> None:
        """Take in rows, ascending, and their packs."""
        self._add_packs(packs)
        if rows:
            self._add_run(_Run(rows))

    def add_recent(self, packs: Iterable[Packs], rows: Iterable[bytes]) -> None:
        """Take in the few rows of one new pack, in any order, without building a run for each."""
        self._add_packs(packs)
        self._recent.update((row[:32], row) for row in rows)
        if len(self._recent) > _RECENT_ROWS:
            self._add_run(_Run(sorted(self._recent.values())))
            self._recent = {}

    def find(self, blob_id: bytes) -> list[Location]:
        """Every place the blob is stored; empty when it is not known."""
        recent = self._recent.get(blob_id)
        rows = [recent] if recent is not None else []
        for run in self._runs:
            rows.extend(run.matching(blob_id))
        return [self._location(row) for row in rows]

    def complete(self, prefix: bytes) -> bytes | None:
        """The id that starts with these 8 bytes, if one is known."""
        for run in self._runs:
            for row in run.matching(prefix):
                return row[:32]
        return next((blob_id for blob_id in list(self._recent) if blob_id[:8] == prefix), None)

    def packs(self) -> list[Packs]:
        return sorted(self._packs.values())

    def rows(self) -> Iterator[bytes]:
        """Every row, ascending, once: index objects that replace others repeat what these say."""
        last = b""
        for row in merge(*(run.rows() for run in self._runs), sorted(self._recent.values())):
            if row != last:
                yield row
            last = row

    def _add_packs(self, packs: Iterable[Packs]) -> None:
        for pack in packs:
            if self._packs.setdefault(pack.id[:8], pack) != pack:
                raise Corrupt(f"two indexes contradict each other about pack {pack.id.hex()}")

    def _add_run(self, run: _Run) -> None:
        runs = list(self._runs)
        while runs and len(runs[-1]) <= 2 * len(run) and len(runs[-1]) + len(run) <= MERGE_ROWS:
            run = _Run(sorted({*runs.pop().rows(), *run.rows()}))
        self._runs = (*runs, run)

    def _location(self, row: bytes) -> Location:
        _, pack, base, offset, length, raw, kind = _ROW.unpack(row)
        found = self._packs.get(pack)
        if found is None:
            raise Missing(f"the index names pack {pack.hex()}… but does not list it")
        return Location(kind, found.id, found.size, offset, length, raw, b"" if base == _NO_BASE else base)


class _Run:
    """Sorted rows as one buffer."""

    def __init__(self, rows: list[bytes]) -> None:
        self._rows = b"".join(rows)
        self._first = array("I", chain.from_iterable(_FIRST.iter_unpack(self._rows)))

    def __len__(self) -> int:
        return len(self._first)

    def has(self, blob_id: bytes) -> bool:
        first, rows = int.from_bytes(blob_id[:4], "big"), self._rows
        position, count = bisect_left(self._first, first), len(self._first)
        while position < count and self._first[position] == first:
            if rows.startswith(blob_id, position * ROW_BYTES):
                return True
            position += 1
        return False

    def matching(self, prefix: bytes) -> list[bytes]:
        first, rows = int.from_bytes(prefix[:4], "big"), self._rows
        position, count = bisect_left(self._first, first), len(self._first)
        found = []
        while position < count and self._first[position] == first:
            at = position * ROW_BYTES
            if rows.startswith(prefix, at):
                found.append(rows[at : at + ROW_BYTES])
            position += 1
        return found

    def rows(self) -> Iterator[bytes]:
        return (self._rows[i : i + ROW_BYTES] for i in range(0, len(self._rows), ROW_BYTES))
