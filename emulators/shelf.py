"""Where an emulator keeps its state when asked to: a file of (kind, key) → value, written as the state changes.

Promises: what `write` was given is all there or not at all, whenever the process is killed; a file is open in one
process at a time; a file written by another version of this module is refused, never misread. It is SQLite's
write-ahead log without a sync at every commit: a killed process loses nothing, a machine that loses power may lose
the last moments.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from emulators.locking import lock_file
from shared.errors import BadInput, StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 1
_BATCH = 1000
# Another process may hold up writes while it makes a copy (`emulators.archive`).
_WAIT_S = 60.0
_DELETE = "DELETE FROM state WHERE kind = ? AND key = ?"

Change = tuple[str, bytes, bytes | None]
"""(kind, key, value); None drops the key."""


class Shelf:
    """One emulator's file. Safe from many threads."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises Unavailable while another process has it, BadInput if it is not ours."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._mutex = threading.Lock()
        self._lock = lock_file(path.with_name(path.name + ".lock"))
        try:
            self._base = _open(path)
        except BaseException:
            os.close(self._lock)
            raise

    def write(self, changes: Iterable[Change]) -> None:
        """Keeps all of the changes, or none. Raises StorageFull when the file cannot take them."""
        try:
            with self._mutex, self._base:
                for dropped, rows in groupby(changes, lambda change: change[2] is None):
                    if dropped:
                        self._base.executemany(_DELETE, (row[:2] for row in rows))
                    else:
                        self._base.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError as problem:
            raise StorageFull(f"keeping state in {self.path}: {problem}") from problem

    def items(self, kind: str) -> Iterator[tuple[bytes, bytes]]:
        """The keys of a kind in ascending order, with their values; by batches, so that memory stays bounded."""
        after: bytes | None = None
        while rows := self._batch(kind, after):
            yield from rows
            after = rows[-1][0]

    def _batch(self, kind: str, after: bytes | None) -> list[tuple[bytes, bytes]]:
        more = "" if after is None else " AND key > ?"
        values = (kind,) if after is None else (kind, after)
        query = f"SELECT key, value FROM state WHERE kind = ?{more} ORDER BY key LIMIT {_BATCH}"
        with self._mutex:
            return self._base.execute(query, values).fetchall()

    def copy(self, to: Path) -> None:
        """A copy of the file as it is now, complete in itself. `to` must not exist."""
        with self._mutex:
            self._base.execute("VACUUM INTO ?", (str(to),))

    def close(self) -> None:
        """Leaves one file behind, without a log beside it."""
        with self._mutex:
            self._base.close()
        os.close(self._lock)


def _open(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, check_same_thread=False, timeout=_WAIT_S)
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        # Where keys come in no order, each write touches pages of its own: fewer check points and more memory for them.
        base.execute("PRAGMA wal_autocheckpoint = 4000")
        base.execute("PRAGMA cache_size = -16000")
        found = base.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, VERSION):
            raise BadInput(f"opening {path}: it is of version {found}, this one reads version {VERSION}")
        with base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS state"
                " (kind TEXT, key BLOB, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
            base.execute(f"PRAGMA user_version = {VERSION}")
    except sqlite3.DatabaseError as problem:
        base.close()
        raise BadInput(
            f"opening {path}: it is not a state file, or it is damaged: {problem}",
            hint="choose another directory",
        ) from problem
    except BaseException:
        base.close()
        raise
    return base
