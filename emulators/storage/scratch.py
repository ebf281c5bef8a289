"""The emulator's directory of content files, and what is being received into it.

A directory that nobody named is a temporary one and goes with the emulator; one left behind by an emulator that was
killed is removed by the next (its lock is free). In a directory that was named, files stay, and those that nothing
refers to are removed at the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import google_crc32c

from emulators.storage.content import IN_MEMORY, Content, Stored, read_blocks
from emulators.storage.records import Held
from shared.errors import Corrupt, StorageFull

KEPT_IN_MEMORY = 64 * 1024  # above it, a file of its own is cheaper than a row of the shelf
_ZEROS = bytes(1 << 20)
_HOLE = 64 * 1024
_PREFIX = "firekeep-storage-"


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
        """Raises StorageFull when the disk does not take it; the spool is of no use then."""
        self._crc = google_crc32c.extend(self._crc, block)
        self._md5.update(block)
        self.size += len(block)
        if self._file is None and self.size <= self._scratch.in_memory:
            self._parts.append(block)
            return
        try:
            if self._file is None:
                self._file = self._spill()
            _append(self._file, block)
        except OSError as problem:
            raise self._scratch.full(problem) from problem

    def _spill(self) -> IO[bytes]:
        self._path, file = self._scratch.create()
        for part in self._parts:
            file.write(part)
        self._parts.clear()
        return file

    def hold(self) -> Held:
        """Sees to it that all is in a file. Raises StorageFull."""
        try:
            if self._file is None:
                self._file = self._spill()
            self._file.truncate(self.size)
            self._file.flush()
        except OSError as problem:
            raise self._scratch.full(problem) from problem
        return int(self._path.name), self.size, self._crc

    def resume(self, number: int, size: int, crc32c: int) -> None:
        """Goes on, when new, with a file that was held. Raises Corrupt when it is not what was written."""
        self._path = self._scratch.path(number)
        for block in read_blocks(self._path, 0, size):
            self._crc = google_crc32c.extend(self._crc, block)
            self._md5.update(block)
        if self._crc != crc32c:
            raise Corrupt(f"reading {self._path}: its CRC32C is not that of what was written")
        self._file = self._path.open("r+b")
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size

    def finish(self) -> Content:
        """What was written. The spool must not be used any more. Raises StorageFull."""
        if self._file is None:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            return Content((data,) if data else (), self.size, self._crc, self._md5.digest())
        self.hold()
        status = os.fstat(self._file.fileno())
        self._file.close()
        stored = Stored(self._path, self.size, self._crc, (status.st_size, status.st_mtime_ns))
        return Content((stored,), self.size, self._crc, self._md5.digest())

    def close(self) -> None:
        """Leaves what was written as it is."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def discard(self) -> None:
        """Forgets what was written."""
        self._parts.clear()
        # What the file still buffers may not fit the disk, and is not wanted.
        self.close()
        if self._file is not None:
            self._path.unlink(missing_ok=True)


def _append(file: IO[bytes], block: bytes) -> None:
    # Long runs of zeros become holes, so that a sparse file does not fill the disk.
    if len(block) >= _HOLE and _ZEROS.startswith(block):
        file.seek(len(block), os.SEEK_CUR)
    else:
        file.write(block)


class Scratch:
    """The directory of content files: a temporary one, or `kept`."""

    def __init__(self, kept: Path | None = None) -> None:
        self.in_memory = IN_MEMORY if kept is None else KEPT_IN_MEMORY
        self._numbers = itertools.count()
        self._kept = kept is not None
        self._path, self._lock = _temporary() if kept is None else (kept, None)
        self._path.mkdir(parents=True, exist_ok=True)

    def spool(self) -> Spool:
        return Spool(self)

    def number(self) -> int:
        """Names a piece: never the same twice, in later runs either while something refers to it."""
        return next(self._numbers)

    def begin(self, numbers: set[int]) -> None:
        """Removes the files that are none of `numbers`, and gives out greater numbers from now on."""
        for path in self._path.iterdir():
            if path.name.isdecimal() and int(path.name) not in numbers:
                path.unlink()
        self._numbers = itertools.count(max(numbers, default=-1) + 1)

    def path(self, number: int) -> Path:
        return self._path / str(number)

    def full(self, problem: OSError) -> StorageFull:
        return StorageFull(f"writing content to {self._path}: {problem.strerror}")

    def create(self) -> tuple[Path, IO[bytes]]:
        path = self.path(self.number())
        return path, path.open("xb")

    def close(self) -> None:
        if not self._kept:
            shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _temporary() -> tuple[Path, int | None]:
    """A new locked directory, and its lock."""
    # It is locked before it bears the name that others look for.
    new = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
    lock = _lock(new)
    path = new.rename(new.with_name(new.name.removeprefix("new-")))
    _remove_abandoned(path.parent)
    return path, lock


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
