"""The arithmetic of an estimate: what there is, what the last backup was like, and what follows. No I/O.

What the last backup cannot tell is assumed, and the assumptions made are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.models.prices import Prices

Exactness = Literal["exact", "at most", "at least"]

COUNTED_AT_ONCE: Final = 1_000
"""Index entries that a COUNT is billed one read for."""
_COUNTS = 3
"""How often a backup counts its documents: as a whole, by collection, and by parts."""
_LISTED_AT_ONCE = 1_000
_OBJECT = 4 << 20
"""Bytes of one object of a repository."""
_OBJECTS = 4
"""Objects that even the smallest backup writes."""
_TYPICAL: Final = {ENTRIES: 1_000, MEDIA: 500_000, SETTINGS: 2_000, USERS: 600}
"""Bytes of a record, of files their own."""
_STORED: Final = {ENTRIES: 0.4, MEDIA: 0.9, SETTINGS: 0.4, USERS: 0.4}
"""Bytes stored for a byte that was read: pictures and films are compressed already."""
_RATE: Final = {ENTRIES: 5_000, MEDIA: 200, SETTINGS: 50, USERS: 3_000}
"""Records in a second."""
_BYTE_RATE = 25_000_000
"""Bytes of files in a second."""
_START_S = 1.0


@dataclass(frozen=True)
class Found:
    """What there is of one content. `bytes` is None when nobody can know without reading it."""

    records: int
    bytes: int | None = None
    exactness: Exactness = "exact"


@dataclass(frozen=True)
class Past:
    """The last backup: its records and their bytes by content, what it stored and downloaded, and its seconds."""

    id: str
    contents: Mapping[str, Found]
    stored: int
    downloaded: int
    seconds: float

    @property
    def bytes(self) -> int:
        return sum(found.bytes or 0 for found in self.contents.values())


@dataclass(frozen=True)
class Estimate:
    """`seconds` from the request to the commit; `usd` by what is paid for, once; `usd_per_month` for keeping it."""

    contents: Mapping[str, Found]
    bytes: int
    stored: int
    reads: int
    seconds: float
    usd: Mapping[str, float]
    usd_per_month: float
    assumptions: tuple[str, ...] = ()
    counted: int = 0
    """Documents' reads that counting for this estimate was billed."""

    @property
    def exactness(self) -> Exactness:
        """Of the whole: as good as the least of its parts."""
        told = {found.exactness for found in self.contents.values()}
        return "at least" if "at least" in told else "at most" if "at most" in told else "exact"


def work_out(found: Mapping[str, Found], past: Past | None, prices: Prices) -> Estimate:
    """What a backup of all this will take, if it is like the last one."""
    assumed: list[str] = []
    like = past if past and found.keys() <= past.contents.keys() else None
    sized = {name: _sized(name, one, past, assumed) for name, one in found.items()}
    total = sum(one.bytes or 0 for one in sized.values())
    stored = _stored(sized, like, assumed)
    downloaded = _downloaded(sized, past)
    documents = sized[ENTRIES].records if ENTRIES in sized else 0
    counted = ceil(documents / COUNTED_AT_ONCE) if ENTRIES in sized else 0
    reads = documents + _COUNTS * counted
    seconds = _seconds(sized, downloaded, like, assumed)
    return Estimate(
        contents=sized,
        bytes=total,
        stored=stored,
        reads=reads,
        seconds=seconds,
        usd={
            "documentsRead": reads / 100_000 * prices.documents_read,
            "objects": _objects(sized, stored, downloaded, prices),
            "network": downloaded / 1e9 * prices.network,
            "compute": seconds * prices.compute,
        },
        usd_per_month=stored / 1e9 * prices.storage,
        assumptions=tuple(assumed),
        counted=counted,
    )


def _sized(name: str, found: Found, past: Past | None, assumed: list[str]) -> Found:
    if found.bytes is not None or not found.records:
        return Found(found.records, found.bytes or 0, found.exactness)
    before = past.contents.get(name) if past else None
    if before and before.records and before.bytes:
        return Found(found.records, round(found.records * before.bytes / before.records), found.exactness)
    assumed.append(f"{_TYPICAL[name]:,} bytes for each of {name}: no backup of them tells better")
    return Found(found.records, found.records * _TYPICAL[name], found.exactness)


def _stored(sized: Mapping[str, Found], past: Past | None, assumed: list[str]) -> int:
    if past and past.bytes:
        return round(sum(one.bytes or 0 for one in sized.values()) * past.stored / past.bytes)
    assumed += [f"{name} are stored in {_STORED[name]:.0%} of their bytes" for name in sized]
    return round(sum((one.bytes or 0) * _STORED[name] for name, one in sized.items()))


def _downloaded(sized: Mapping[str, Found], past: Past | None) -> int:
    """Bytes of files that have to be read: as large a share of them as the last time."""
    files = (sized[MEDIA].bytes or 0) if MEDIA in sized else 0
    before = (past.contents[MEDIA].bytes or 0) if past and MEDIA in past.contents else 0
    return round(files * min(1.0, past.downloaded / before)) if past and before else files


def _seconds(sized: Mapping[str, Found], downloaded: int, past: Past | None, assumed: list[str]) -> float:
    expected = _work(sized, downloaded)
    if past and past.seconds > 0:
        return expected * past.seconds / _work(past.contents, past.downloaded)
    told = ", ".join(f"{_RATE[name]:,} {name}" for name in sized)
    assumed.append(f"a second is enough for {told}" + (" or 25 MB of files" if MEDIA in sized else ""))
    return expected


def _work(contents: Mapping[str, Found], downloaded: int) -> float:
    """Seconds that this would take at the assumed rates; the last backup's own tells by how much they are wrong."""
    by_records = sum(one.records / _RATE[name] for name, one in contents.items())
    return _START_S + by_records + downloaded / _BYTE_RATE


def _objects(sized: Mapping[str, Found], stored: int, downloaded: int, prices: Prices) -> float:
    """US dollars for calls of object stores: writing the repository, listing and reading files."""
    files = sized[MEDIA] if MEDIA in sized else Found(0, 0)
    fetched = files.records * downloaded / files.bytes if files.bytes else 0
    written = _OBJECTS + ceil(stored / _OBJECT) + ceil(files.records / _LISTED_AT_ONCE)
    return written / 1_000 * prices.object_writes + fetched / 1_000 * prices.object_reads
