"""The file system beneath the local provider: folders entered without following links, errors in our own words."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import BadInput, Conflict, Denied, FirekeepError, NotFound, StorageFull, Unavailable

_MEANINGS: Final[tuple[tuple[set[int], type[FirekeepError], str, str], ...]] = (
    ({errno.ENOENT}, NotFound, "there is no such object", ""),
    ({errno.EEXIST}, Conflict, "there is such an object already", ""),
    (
        {errno.ENOSPC, errno.EDQUOT, errno.EFBIG},
        StorageFull,
        "",
        "free some space or move the repository, then try again",
    ),
    (
        {errno.EACCES, errno.EPERM, errno.EROFS},
        Denied,
        "",
        "check owner and permissions of the folder, and that its file system is mounted for writing",
    ),
    (
        {errno.ELOOP, errno.ENOTDIR},
        Denied,
        "a link or a plain file stands where a folder is expected",
        "a repository holds plain files in plain folders; links are not followed",
    ),
    ({errno.ENAMETOOLONG}, BadInput, "the name is too long for this file system", "use a shorter one"),
)

PLAIN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Flags for opening a file: never through a symbolic link, never waiting for a pipe's other end."""


@contextmanager
def our_errors(action: str, key: str) -> Iterator[None]:
    """Every OSError of the body leaves as an error of ours that names action and object."""
    try:
        yield
    except OSError as error:
        raise translate(error, f"{action} {key!r} failed") from error


def translate(error: OSError, what: str) -> FirekeepError:
    """The error of ours for one of the system's."""
    for numbers, kind, why, hint in _MEANINGS:
        if error.errno in numbers:
            return kind(f"{what}: {why or os.strerror(error.errno)}", hint=hint)
    return Unavailable(f"{what}: {os.strerror(error.errno) if error.errno else error}")


@contextmanager
def folder(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder, entered part by part from `root`, no link followed on the way."""
    if create:
        _make_root(root)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            inner = _enter(descriptor, part, create)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def locked(root: Path, name: str) -> Iterator[None]:
    """Alone among all threads and processes that lock `name` of the same root."""
    with folder(root, [".locks"], create=True) as locks:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | PLAIN, 0o600, dir_fd=locks)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write and flush to the medium."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def read_exactly(descriptor: int, start: int, length: int) -> bytes:
    """Up to `length` bytes from `start`; fewer only when the file ends."""
    parts: list[bytes] = []
    while length > 0:
        part = os.pread(descriptor, length, start)
        if not part:
            break
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _make_root(root: Path) -> None:
    if not root.is_dir():
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(root.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _enter(parent: int, name: str, create: bool) -> int:
    try:
        return _open_folder(parent, name)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        return _open_folder(parent, name)  # somebody was quicker
    return _open_folder(parent, name)


def _open_folder(parent: int, name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except NotADirectoryError:
        if stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            # Below an object there are no objects, and no room for any.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None
        raise
