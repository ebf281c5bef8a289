"""Objects as files in a folder: a disk, a mounted share, the embedded stack.

A put writes a temporary file, flushes it, links it to its name (which fails if the name is taken) and flushes the
folder; so a name never shows part of an object, whatever dies. Replacing, deleting and holding are serialized
between processes by file locks. What is ours but no object starts with a dot, which no key can:

    .tmp/     files being written; what a crash leaves there is removed after a day
    .holds/   the instant until which the object of the same path may not be deleted
    .locks/   lock files
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from blake3 import blake3

from shared.clock import Clock
from shared.errors import BadInput, Conflict, Corrupt, Denied, NotFound
from shared.providers.contract import ABSENT, WHOLE, Span, Stat, Version, checked_key, checked_prefix
from shared.providers.files import PLAIN, folder, locked, our_errors, read_exactly, write_all

_STALE: Final = timedelta(days=1)
_TEMPORARY: Final = ".tmp"
_HOLDS: Final = ".holds"

_Entries = list[tuple[str, Stat | None]]
"""Names in a folder as keys; folders end with `/`, which is how their keys sort, and have no Stat."""


class LocalProvider:
    """A folder as an object store. `random(n)` gives n bytes, to name temporary files."""

    def __init__(self, root: Path, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._root = root.absolute()
        self._clock = clock
        self._random = random
        self._tidied = False

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        parts, name = _split(key)
        with (
            our_errors("writing", key),
            self._temporary(data) as (temporaries, temporary),
            folder(self._root, parts, create=True) as target,
        ):
            if expect != ABSENT:
                with self._alone(key):
                    return self._replace(key, expect, temporaries, temporary, target)
            version = _version(_lstat(temporary, temporaries))
            os.link(temporary, name, src_dir_fd=temporaries, dst_dir_fd=target, follow_symlinks=False)
            os.fsync(target)
            return version

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        if span.start < 0 or (span.length is not None and span.length < 0):
            raise BadInput(f"reading {key!r}: a span cannot be negative")
        with our_errors("reading", key), self._opened(key) as descriptor:
            size = os.fstat(descriptor).st_size
            length = size - span.start if span.length is None else span.length
            fits = 0 <= length <= size - span.start
            data = read_exactly(descriptor, span.start, length) if fits else b""
            if not fits or len(data) != length:
                raise Corrupt(f"reading {key!r} from byte {span.start} on failed: it has only {size} bytes")
            return data

    def stat(self, key: str) -> Stat:
        with our_errors("looking at", key), self._opened(key) as descriptor:
            return self._told(key, os.fstat(descriptor))

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        parent, _, stem = checked_prefix(prefix).rpartition("/")
        return self._walk(parent, stem, after)

    def delete(self, key: str) -> None:
        parts, name = _split(key)
        if not self._exists(key):
            return
        with our_errors("deleting", key), self._alone(key), folder(self._root, parts) as target:
            self._check_free("deleting", key)
            try:
                os.unlink(name, dir_fd=target)
            except FileNotFoundError:
                return
            os.fsync(target)
            self._forget_hold(key)

    def hold(self, key: str, until: datetime) -> None:
        if until.tzinfo is None:
            raise BadInput(f"holding {key!r}: the time has no zone")
        parts, name = _split(key)
        self.stat(key)
        with our_errors("holding", key), self._alone(key):
            present = self._held_until(key)
            if present is not None and present >= until:
                return
            text = until.astimezone(UTC).isoformat().encode()
            with (
                self._temporary(text) as (temporaries, temporary),
                folder(self._root, [_HOLDS, *parts], create=True) as holds,
            ):
                os.rename(temporary, name, src_dir_fd=temporaries, dst_dir_fd=holds)
                os.fsync(holds)

    def _replace(self, key: str, expect: Version, temporaries: int, temporary: str, target: int) -> Version:
        name = _split(key)[1]
        try:
            present = _lstat(name, target)
        except FileNotFoundError:
            raise Conflict(f"replacing {key!r} failed: it does not exist any more") from None
        if _version(present) != expect:
            raise Conflict(f"replacing {key!r} failed: it has changed since it was read")
        self._check_free("replacing", key)
        # A file system may reuse the inode, and its clock may stand still: the time alone must tell versions apart.
        later = max(self._now_ns(), present.st_mtime_ns + 1)
        os.utime(temporary, ns=(later, later), dir_fd=temporaries, follow_symlinks=False)
        os.rename(temporary, name, src_dir_fd=temporaries, dst_dir_fd=target)
        os.fsync(target)
        return _version(_lstat(name, target))

    def _alone(self, key: str) -> AbstractContextManager[None]:
        return locked(self._root, blake3(key.encode()).hexdigest(1))

    @contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        parts, name = _split(key)
        with folder(self._root, parts) as parent:
            descriptor = os.open(name, os.O_RDONLY | PLAIN, dir_fd=parent)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise NotFound(f"there is no object {key!r}, only objects below it")
            if not stat.S_ISREG(mode):
                raise Denied(f"object {key!r} is not a plain file")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _temporary(self, data: bytes) -> Iterator[tuple[int, str]]:
        """A flushed file of `data` that is gone afterwards, unless it was renamed: its folder and its name."""
        name = self._random(16).hex()
        with folder(self._root, [_TEMPORARY], create=True) as temporaries:
            self._tidy(temporaries)
            try:
                self._write(temporaries, name, data)
                yield temporaries, name
            finally:
                _unlink_if_there(name, temporaries)

    def _write(self, temporaries: int, name: str, data: bytes) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o600, dir_fd=temporaries)
        try:
            write_all(descriptor, data)
            now = self._now_ns()
            os.utime(descriptor, ns=(now, now))
        finally:
            os.close(descriptor)

    def _tidy(self, temporaries: int) -> None:
        """Once in a provider's life: remove what writers that died long ago left behind."""
        if self._tidied:
            return
        self._tidied = True
        oldest = (self._clock.now() - _STALE).timestamp()
        for name in _names(temporaries):
            try:
                if _lstat(name, temporaries).st_mtime < oldest:
                    os.unlink(name, dir_fd=temporaries)
            except FileNotFoundError:
                continue

    def _exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except NotFound:
            return False
        return True

    def _told(self, key: str, found: os.stat_result) -> Stat:
        modified = datetime.fromtimestamp(found.st_mtime_ns / 1e9, UTC)
        return Stat(key, found.st_size, _version(found), modified, self._held_until(key))

    def _held_until(self, key: str) -> datetime | None:
        parts, name = _split(key)
        try:
            with folder(self._root, [_HOLDS, *parts]) as holds:
                descriptor = os.open(name, os.O_RDONLY | PLAIN, dir_fd=holds)
        except FileNotFoundError:
            return None
        try:
            return datetime.fromisoformat(read_exactly(descriptor, 0, 64).decode())
        except ValueError:
            # Whoever damages the note must not thereby lift the hold.
            raise Corrupt(f"the hold on {key!r} is damaged", hint=f"look at {_HOLDS}/{key}") from None
        finally:
            os.close(descriptor)

    def _check_free(self, action: str, key: str) -> None:
        until = self._held_until(key)
        if until is not None and until > self._clock.now():
            raise Denied(f"{action} {key!r} failed: it is held until {until.isoformat()}")

    def _forget_hold(self, key: str) -> None:
        parts, name = _split(key)
        try:
            with folder(self._root, [_HOLDS, *parts]) as holds:
                os.unlink(name, dir_fd=holds)
        except FileNotFoundError:
            return

    def _walk(self, parent: str, stem: str, after: str) -> Iterator[Stat]:
        """Objects below a folder, in order of their keys; one folder at a time is in memory."""
        for path, found in self._entries(parent, stem):
            if found is not None:
                if path > after:
                    yield found
            elif after.startswith(path) or after < path:
                yield from self._walk(path.removesuffix("/"), "", after)

    def _entries(self, parent: str, stem: str) -> _Entries:
        lead = f"{parent}/" if parent else ""
        entries: _Entries = []
        try:
            with our_errors("listing", parent), folder(self._root, lead.split("/")[:-1]) as descriptor:
                for name in _names(descriptor):
                    if name.startswith(stem) and _is_key(lead + name):
                        entries.extend(self._entry(lead + name, name, descriptor))
        except NotFound:
            return []
        return sorted(entries, key=lambda entry: entry[0])

    def _entry(self, key: str, name: str, parent: int) -> _Entries:
        try:
            found = _lstat(name, parent)
        except FileNotFoundError:
            return []
        if stat.S_ISDIR(found.st_mode):
            return [(key + "/", None)]
        if not stat.S_ISREG(found.st_mode):
            # Passing it over would hide an object that somebody moved elsewhere and linked.
            raise Denied(f"listing {key!r} failed: it is not a plain file", hint="links are not followed")
        return [(key, self._told(key, found))]

    def _now_ns(self) -> int:
        since = self._clock.now() - datetime(1970, 1, 1, tzinfo=UTC)
        return (since // timedelta(microseconds=1)) * 1000


def _split(key: str) -> tuple[list[str], str]:
    *parts, name = checked_key(key).split("/")
    return parts, name


def _is_key(key: str) -> bool:
    try:
        checked_key(key)
    except BadInput:
        return False
    return True


def _names(descriptor: int) -> Iterator[str]:
    with os.scandir(descriptor) as entries:
        yield from (entry.name for entry in entries)


def _lstat(name: str, parent: int) -> os.stat_result:
    return os.stat(name, dir_fd=parent, follow_symlinks=False)


def _version(found: os.stat_result) -> Version:
    return Version(f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}")


def _unlink_if_there(name: str, parent: int) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
