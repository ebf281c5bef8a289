"""Reading the kept state at the start: every row and the size of every file is checked, and what a killed run left
half-done is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import google_crc32c
from sortedcontainers import SortedDict

from emulators.journal import claim
from emulators.storage.content import Piece, Stored
from emulators.storage.model import Bucket, Entry, Version
from emulators.storage.records import (
    BUCKET,
    FORMAT,
    LAST,
    PIECE,
    SESSION,
    VERSION,
    Place,
    number_key,
    read_bucket,
    read_version,
    unpack,
)
from shared.errors import Corrupt, IntegrityError, Missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emulators.shelf import Shelf
    from emulators.storage.keeping import Keeping
    from emulators.storage.service import Service

_HINT = "bring the directory back from an export, or choose another"


def load(service: Service, keeping: Keeping) -> None:
    """Fills a new service from its shelf, if it has one. Raises Missing or Corrupt, naming the object, when its
    content is not what was written."""
    shelf = service.store.journal.shelf
    if shelf is None:
        return
    claim(shelf, FORMAT)
    try:
        _load(shelf, service, keeping)
    except (KeyError, TypeError, ValueError) as problem:
        raise Corrupt(f"reading {shelf.path}: a row is damaged: {problem!r}", hint=_HINT) from problem


def _load(shelf: Shelf, service: Service, keeping: Keeping) -> None:
    store, scratch = service.store, service.scratch
    pieces = _Pieces(shelf, scratch.path)
    buckets = [read_bucket(row) for _, row in shelf.items(BUCKET)]
    store.buckets.update({bucket.name: bucket for bucket in buckets})
    last = [bucket.generation for bucket in buckets]
    last += [int.from_bytes(row, "big") for _, row in shelf.items(LAST)]
    entries: dict[str, dict[str, Entry]] = {bucket.name: {} for bucket in buckets}
    for _, row in shelf.items(VERSION):
        version, places = pieces.version(row)
        keeping.loaded(version.content, places)
        _place(store.buckets[version.bucket], entries[version.bucket], version)
        last.append(version.generation)
    for bucket in buckets:
        bucket.entries = SortedDict(entries[bucket.name])
    store.last = max(last, default=0)
    scratch.begin(pieces.numbers | service.sessions.load(shelf.items(SESSION), scratch))


def _place(bucket: Bucket, entries: dict[str, Entry], version: Version) -> None:
    """Versions come in the order of their generations."""
    if version.soft_deleted is not None:
        bucket.add_soft(version)
        return
    entry = entries.setdefault(version.name, Entry())
    if version.archived is None:
        entry.live = version
    else:
        entry.archived.append(version)


class _Pieces:
    """Each piece once, whoever shares it; `numbers` are those of all there are."""

    def __init__(self, shelf: Shelf, path: Callable[[int], Path]) -> None:
        self.numbers: set[int] = set()
        self._path = path
        self._rows = dict(shelf.items(PIECE))
        self._files: dict[int, Stored] = {}

    def version(self, row: bytes) -> tuple[Version, list[Place]]:
        document = unpack(row, VERSION)
        try:
            return read_version(document, self._piece)
        except IntegrityError as problem:
            where = f"{document['bucket']}/{document['name']}#{document['generation']}"
            raise type(problem)(f"reading the content of {where}: {problem.message}", hint=_HINT) from problem

    def _piece(self, place: Place) -> Piece:
        file, number, size, crc32c = place
        self.numbers.add(number)
        return self._file(number, size, crc32c) if file else self._row(number, crc32c)

    def _row(self, number: int, crc32c: int) -> bytes:
        data = self._rows.get(number_key(number))
        if data is None:
            raise Missing(f"its row {number} is not there")
        if google_crc32c.value(data) != crc32c:
            raise Corrupt(f"the CRC32C of its row {number} is not that of what was written")
        return data

    def _file(self, number: int, size: int, crc32c: int) -> Stored:
        stored = self._files.get(number)
        if stored is None:
            stored = self._files[number] = Stored(self._path(number), size, crc32c)
            stored.keep(True)
            stored.check_size()
        return stored
