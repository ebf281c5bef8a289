"""What objects are made of: immutable bytes, in memory when small and in temporary files when large.

Content is a sequence of pieces that others may share, so copying and composing move no data. A file goes when
the last content that needs it does; the whole directory goes with the emulator. A directory left behind by one
that was killed is removed by the next (its lock is free).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import google_crc32c

IN_MEMORY = 1 << 20
_BLOCK = 1 << 20
_ZEROS = bytes(_BLOCK)
_HOLE = 64 * 1024
_PREFIX = "firekeep-storage-"


class Stored:
    """A file of its own that is removed when nobody refers to it any more."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        weakref.finalize(self, _remove, str(path))


def _remove(path: str) -> None:
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

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes themselves, in blocks of bounded size."""
        for piece, first, last in self.spans(start, self.size if end is None else end):
            if isinstance(piece, bytes):
                yield piece[first:last]
                continue
            with piece.path.open("rb") as file:
                file.seek(first)
                for at in range(first, last, _BLOCK):
                    yield file.read(min(_BLOCK, last - at))


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
        for block in content.blocks():
            crc = google_crc32c.extend(crc, block)
    return Content(tuple(pieces), sum(content.size for content in contents), crc, None)


class Spool:
    """Content being received: appended to block by block, hashed on the way."""

    def __init__(self, scratch: Scratch) -> None:
        self.size = 0
        self._scratch = scratch
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._path = Path()
        self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, block: bytes) -> None:
        self._crc = google_crc32c.extend(self._crc, block)
        self._md5.update(block)
        self.size += len(block)
        if self._file is None and self.size <= IN_MEMORY:
            self._parts.append(block)
            return
        if self._file is None:
            self._file = self._spill()
        _append(self._file, block)

    def _spill(self) -> IO[bytes]:
        self._path, file = self._scratch.create()
        for part in self._parts:
            file.write(part)
        self._parts.clear()
        return file

    def finish(self) -> Content:
        """What was written. The spool must not be used any more."""
        if self._file is None:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            return Content((data,) if data else (), self.size, self._crc, self._md5.digest())
        self._file.truncate(self.size)
        self._file.close()
        return Content((Stored(self._path, self.size),), self.size, self._crc, self._md5.digest())

    def discard(self) -> None:
        """Forgets what was written."""
        self._parts.clear()
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _append(file: IO[bytes], block: bytes) -> None:
    # Long runs of zeros become holes, so that a sparse file does not fill the disk.
    if len(block) >= _HOLE and _ZEROS.startswith(block):
        file.seek(len(block), os.SEEK_CUR)
    else:
        file.write(block)


class Scratch:
    """The emulator's directory of temporary files, made when the first one is needed."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        # It is locked before it bears the name that others look for.
        new = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
        self._lock = _lock(new)
        self._path = new.rename(new.with_name(new.name.removeprefix("new-")))
        _remove_abandoned(self._path.parent)

    def spool(self) -> Spool:
        return Spool(self)

    def take(self, data: bytes) -> Content:
        """Content of bytes that are at hand."""
        spool = self.spool()
        if data:
            spool.write(data)
        return spool.finish()

    def create(self) -> tuple[Path, IO[bytes]]:
        path = self._path / str(next(self._numbers))
        return path, path.open("wb")

    def close(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _lock(directory: Path) -> int | None:
    """A locked descriptor of the directory, None when another process holds it or it is not ours."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        lock = _lock(directory)
        if lock is not None:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)
