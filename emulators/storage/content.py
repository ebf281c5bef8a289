"""What objects are made of: immutable bytes, in memory when small and in files when large.

Content is a sequence of pieces that others may share, so copying and composing move no data. A file goes when
the last content that needs it does, unless it is kept across runs: then nothing but its release lets it go.
A file that is not what was written is found before a byte of it is given.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from shared.errors import Corrupt, Missing

IN_MEMORY = 1 << 20
_BLOCK = 1 << 20


class Stored:
    """A file of its own, which is removed when nobody refers to it any more and it is not `kept`."""

    def __init__(self, path: Path, size: int, crc32c: int, seen: tuple[int, int] | None = None) -> None:
        """`seen` is the size and the time of change at which its bytes were known to be right."""
        self.path = path
        self.size = size
        self.crc32c = crc32c
        self._seen = seen
        self._kept = [False]
        weakref.finalize(self, _remove, str(path), self._kept)

    def keep(self, kept: bool) -> None:
        self._kept[0] = kept

    def check(self) -> None:
        """Raises Missing, or Corrupt, unless the file holds what was written; it is read when it has changed."""
        seen = self.check_size()
        if seen != self._seen:
            crc = 0
            for block in read_blocks(self.path, 0, self.size):
                crc = google_crc32c.extend(crc, block)
            if crc != self.crc32c:
                raise Corrupt(f"reading {self.path}: its CRC32C is not that of what was written")
            self._seen = seen

    def check_size(self) -> tuple[int, int]:
        """The size and the time of change. Raises Missing, or Corrupt when the size is wrong."""
        try:
            status = self.path.stat()
        except FileNotFoundError as problem:
            raise Missing(f"reading {self.path}: the file is not there") from problem
        if status.st_size != self.size:
            raise Corrupt(f"reading {self.path}: it has {status.st_size} bytes, of {self.size} written")
        return status.st_size, status.st_mtime_ns


def _remove(path: str, kept: list[bool]) -> None:
    if not kept[0]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  # pathlib may be gone when the interpreter ends


Piece = bytes | Stored


@dataclass(frozen=True, slots=True)
class Content:
    """`md5` is None for composed content, which has none."""

    pieces: tuple[Piece, ...]
    size: int
    crc32c: int
    md5: bytes | None

    def spans(self, start: int, end: int) -> Iterator[tuple[Piece, int, int]]:
        """The pieces that hold the bytes from `start` up to before `end`, and which part of each."""
        at = 0
        for piece in self.pieces:
            size = piece_size(piece)
            first, last = max(start - at, 0), min(end - at, size)
            if first < last:
                yield piece, first, last
            at += size

    def check(self, start: int = 0, end: int | None = None) -> None:
        """Raises Missing or Corrupt when a file that holds these bytes is not what was written."""
        for piece, _, _ in self.spans(start, self.size if end is None else end):
            if isinstance(piece, Stored):
                piece.check()

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes themselves, in blocks of bounded size."""
        for piece, first, last in self.spans(start, self.size if end is None else end):
            if isinstance(piece, bytes):
                yield piece[first:last]
            else:
                yield from read_blocks(piece.path, first, last)


def read_blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    """A file's bytes from `start` up to before `end`."""
    with path.open("rb") as file:
        file.seek(start)
        for at in range(start, end, _BLOCK):
            yield file.read(min(_BLOCK, end - at))


def piece_size(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size


EMPTY = Content((), 0, 0, hashlib.md5(b"", usedforsecurity=False).digest())


def join(contents: list[Content]) -> Content:
    """One after the other, sharing their pieces; small neighbours are put together."""
    pieces: list[Piece] = []
    for piece in itertools.chain.from_iterable(content.pieces for content in contents):
        last = pieces[-1] if pieces else None
        if isinstance(piece, bytes) and isinstance(last, bytes) and len(piece) + len(last) <= IN_MEMORY:
            pieces[-1] = last + piece
        else:
            pieces.append(piece)
    crc = contents[0].crc32c
    for content in contents[1:]:
        content.check()
        for block in content.blocks():
            crc = google_crc32c.extend(crc, block)
    return Content(tuple(pieces), sum(content.size for content in contents), crc, None)
