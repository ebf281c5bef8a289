"""The documents on a shelf: each commit before it is answered, and all of them again at the next start.

On the shelf are, by kind:
    database  PROJECT/DATABASE → its number
    document  number, key of the name, time → create time, frame; without a frame it was deleted then
    pruned    number → the time before which versions are gone
    clock     → a time that no answer has reached yet
    life      → what resume tokens of this history carry; whoever makes a copy that lives on its own drops it
Numbers are four bytes, times eight. The order of keys is that of names, and by time within a name.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from emulators.firestore.databases import Databases
from emulators.firestore.errors import Refusal, exhausted
from emulators.firestore.store import Store, Version, Written
from emulators.shelf import Change, Shelf
from shared.errors import StorageFull

log = logging.getLogger(__name__)

_NUMBER = 4
_TIME = 8
# How far the time on the shelf is ahead of what was answered: one write in so many microseconds.
AHEAD = 1_000_000


class KeptClock:
    """A clock that is never behind what it said in an earlier run, whatever happened to the machine's.

    A process that was killed has said nothing later than the shelf knows, which is at most AHEAD of its last word:
    so long it waits, and when that does not help, it goes on from there.
    """

    def __init__(self, shelf: Shelf, clock: Callable[[], int], pause: Callable[[float], None]) -> None:
        self._shelf = shelf
        self._clock = clock
        self._limit = _int(dict(shelf.items("clock")).get(b"", b""))
        behind = self._limit - clock()
        if 0 < behind <= AHEAD:
            pause(behind / 1_000_000)
        self._offset = max(0, self._limit - clock())
        self._last = 0

    def __call__(self) -> int:
        """Microseconds since 1970."""
        self._last = self._clock() + self._offset
        if self._last >= self._limit:
            self._reach(self._last + AHEAD)
        return self._last

    def _reach(self, limit: int) -> None:
        self._limit = limit
        try:
            self._shelf.write([("clock", b"", _bytes(limit))])
        except StorageFull as problem:
            # Commits bring their own times, and are refused now. Reads go on.
            log.warning("%s", problem)

    def close(self) -> None:
        """No more time will be told: the next run need not wait."""
        if self._last:
            self._reach(self._last + 1)


class Keeper:
    """Writes the commits of all databases to a shelf. Whoever calls holds the core's lock."""

    def __init__(self, shelf: Shelf, databases: Databases) -> None:
        """Reads what the shelf has into `databases`, which are empty."""
        self._shelf = shelf
        self._databases = databases
        self._numbers = {name.decode(): number for name, number in shelf.items("database")}
        self._recall()
        self._keep_life()

    def keep(self, store: Store, written: list[Written]) -> None:
        """All changes of a commit, or none: RESOURCE_EXHAUSTED when they cannot be kept."""
        name = _name(store)
        number = self._numbers.get(name)
        changes: list[Change] = []
        if number is None:
            number = (len(self._numbers) + 1).to_bytes(_NUMBER, "big")
            changes.append(("database", name.encode(), number))
        for one in written:
            value = _bytes(one.after.created) + (one.after.frame or b"")
            changes.append(("document", number + one.key + _bytes(one.after.time), value))
        self._write(changes + _forgotten(store, number))
        self._numbers[name] = number
        store.dropped = []

    def prune(self) -> None:
        """Lets go of what the stores have let go of, as far as no commit has done so."""
        for store in self._databases:
            number = self._numbers.get(_name(store))
            if store.dropped and number is not None:
                # What cannot be written now is so the next time.
                with contextlib.suppress(Refusal):
                    self._write(_forgotten(store, number))
                    store.dropped = []

    def clear(self, project: str, database: str) -> None:
        """Forgets a database with its past."""
        store = self._databases.store(project, database)
        number = self._numbers.get(_name(store))
        if number is None:
            return
        changes = _forgotten(store, number)
        for key, newest in store.versions.items():
            version: Version | None = newest
            while version is not None:
                changes.append(("document", number + key + _bytes(version.time), None))
                version = version.older
        self._write(changes)

    def _write(self, changes: list[Change]) -> None:
        try:
            self._shelf.write(changes)
        except StorageFull as problem:
            log.error("%s", problem)
            raise exhausted(f"The change cannot be kept, and was not made: {problem}") from problem

    def keep_life(self) -> None:
        """The databases' history is another from now on."""
        self._shelf.write([("life", b"", self._databases.life)])

    def _keep_life(self) -> None:
        life = dict(self._shelf.items("life")).get(b"")
        if life is None:
            self.keep_life()
        else:
            self._databases.life = life

    def _recall(self) -> None:
        pruned = {number: _int(time) for number, time in self._shelf.items("pruned")}
        names = {number: name.partition("/") for name, number in self._numbers.items()}
        for number, rows in groupby(self._shelf.items("document"), lambda row: row[0][:_NUMBER]):
            project, _, database = names[number]
            self._databases.store(project, database).recall(_documents(rows), pruned.pop(number, 0))
        for number, time in pruned.items():
            project, _, database = names[number]
            self._databases.store(project, database).recall((), time)


def _documents(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, Version]]:
    """Key and newest version of each document of a database."""
    last: bytes | None = None
    newest: Version | None = None
    for row, value in rows:
        key = row[_NUMBER:-_TIME]
        if key != last and last is not None and newest is not None:
            yield last, newest
            newest = None
        last = key
        newest = Version(_int(row[-_TIME:]), _int(value[:_TIME]), value[_TIME:] or None, newest)
    if last is not None and newest is not None:
        yield last, newest


def _forgotten(store: Store, number: bytes) -> list[Change]:
    """What the store has let go of since it was last written."""
    if not store.dropped:
        return []
    changes: list[Change] = [("document", number + key + _bytes(time), None) for key, time in store.dropped]
    return [*changes, ("pruned", number, _bytes(store.pruned))]


def _name(store: Store) -> str:
    return f"{store.project}/{store.database}"


def _bytes(time: int) -> bytes:
    return time.to_bytes(_TIME, "big")


def _int(time: bytes) -> int:
    return int.from_bytes(time, "big")
