"""A directory as a source of files, so that what a backup does can be measured on what other tools read.

A bucket's listing tells checksums; here they come from a file made with the corpus. A file's generation is the time
of its last change. It exists for measuring only: there is no guard against whoever changes a file meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from bench.corpus import Corpus
from shared.errors import BadInput, Corrupt, NotFound
from shared.format.media import Media, decode, encode
from shared.sources.contract import Batch, Method, Outcome, Part, Plan, Result, Scope, Write

_BATCH = 500
_THREADS = 8
_PREFIX = b"bench\x00"


class DirectorySource:
    """The files of a corpus. `into` is where `apply` writes; by default, where they are read."""

    def __init__(self, corpus: Corpus, into: Path | None = None) -> None:
        self._corpus = corpus
        self._into = into or corpus.files

    def instant(self) -> datetime:
        return self.now()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        return Plan(at, (Part(0, b"", b"", Method.LIST, None, at),), None)

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        told = json.loads(self._corpus.listing.read_text())
        names = sorted(name for name in told if _key(name) > after)
        for at in range(0, len(names), _BATCH):
            some = names[at : at + _BATCH]
            yield [_key(name) for name in some], [self._record(name, told[name]) for name in some]

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        told = json.loads(self._corpus.listing.read_text())
        return [self._record(_name(key), told[_name(key)]) if _name(key) in told else None for key in keys]

    def decode(self, event: object) -> bytes:
        raise BadInput("a directory sends no events")

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write files, several at once."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(self._write, writes))

    def fetch(self, key: bytes, value: bytes, start: int, length: int) -> bytes:
        try:
            descriptor = os.open(self._corpus.files / _name(key), os.O_RDONLY)
        except FileNotFoundError:
            raise NotFound("reading a file: it is gone") from None
        try:
            if os.fstat(descriptor).st_mtime_ns != decode(value).generation:
                raise NotFound("reading a file: it has changed")
            data = os.pread(descriptor, length, start)
        finally:
            os.close(descriptor)
        if len(data) != length:
            raise Corrupt("reading a file: it is shorter than it was")
        return data

    def _record(self, name: str, crc32c: str) -> bytes:
        found = (self._corpus.files / name).stat()
        fields = {
            "size": found.st_size,
            "generation": found.st_mtime_ns,
            "metageneration": 1,
            "crc32c": crc32c,
        }
        return encode(Media(fields))

    def _write(self, write: Write) -> Outcome:
        path = self._into / _name(write.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb", buffering=0) as file:
            for data in write.body() if write.body else ():
                file.write(data)
        return Outcome(write.key, Result.DONE)


def _key(name: str) -> bytes:
    return _PREFIX + name.encode()


def _name(key: bytes) -> str:
    return key.removeprefix(_PREFIX).decode()
