"""One database: every document's versions, and the sorted names that lists and queries walk.

Times are microseconds since 1970. Commit times strictly increase, and are later than every time that was read at, so
what was read at a time stays true. A store is not safe from several threads at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from emulators.firestore.errors import failed, invalid
from emulators.firestore.keys import KeySet
from emulators.firestore.paths import KEY_END, key_of, path_of, segment_end
from emulators.firestore.wire import field, timestamp

BATCH = 512
# Counts at a time in the past are corrected by walking this log; further back they walk the names.
LOG = 100_000


class Version:
    """A document as it was from `time` until the next version; `frame` is None where it was deleted."""

    __slots__ = ("created", "frame", "older", "time")

    def __init__(self, time: int, created: int, frame: bytes | None, older: Version | None) -> None:
        self.time = time
        self.created = created
        self.frame = frame
        self.older = older


Row = tuple[bytes, Version]


class Index:
    """The names of one collection, one collection group or the database: those alive, and those in the past only."""

    __slots__ = ("dead", "live")

    def __init__(self) -> None:
        self.live = KeySet()
        self.dead: KeySet | None = None

    def bear(self, key: bytes, again: bool) -> None:
        """A document has come to be; `again` when it had been before, within the horizon."""
        if again and self.dead is not None:
            self.dead.remove(key)
        self.live.add(key)

    def kill(self, key: bytes) -> None:
        """A document has been deleted."""
        self.live.remove(key)
        if self.dead is None:
            self.dead = KeySet()
        self.dead.add(key)

    def recall(self, key: bytes, alive: bool) -> None:
        """A document that is kept, once when all of them are read again."""
        if alive:
            self.live.add(key)
        else:
            self.dead = self.dead or KeySet()
            self.dead.add(key)

    def forget(self, key: bytes) -> bool:
        """A deleted document is not to be seen at any time; whether the index is now empty."""
        if self.dead is not None:
            self.dead.remove(key)
            if not self.dead:
                self.dead = None
        return not self.live and self.dead is None

    def names(self, low: bytes, high: bytes, most: int, reverse: bool, past: bool) -> list[bytes]:
        """At most `most` names of a range in order, with those of the past when asked."""
        take = KeySet.descending if reverse else KeySet.ascending
        found = take(self.live, low, high, most)
        if past and self.dead is not None:
            gone = take(self.dead, low, high, most)
            if gone:
                found = sorted(found + gone, reverse=reverse)[:most]
        return found


@dataclass(frozen=True, slots=True)
class Scope:
    """The names to walk: those of an index with low <= key < high."""

    index: Index
    low: bytes
    high: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit did to one document. The versions' frames tell what was there before and after."""

    key: bytes
    path: str
    before: Version | None
    after: Version


_NONE = Index()


class Store:
    """The documents of one database of one project."""

    def __init__(self, project: str, database: str, clock: Callable[[], int], horizon: int) -> None:
        self.project = project
        self.database = database
        self.root = f"projects/{project}/databases/{database}/documents"
        self._clock = clock
        self._horizon = horizon
        self._latest = 0
        self._pruned = 0
        self._died = 0
        self.versions: dict[bytes, Version] = {}
        self.everything = Index()
        self._collections: dict[bytes, Index] = {}
        self._groups: dict[str, Index] = {}
        self._log: deque[tuple[int, bytes, int, Index, Index]] = deque(maxlen=LOG)
        self._log_from = 0
        self._history: deque[tuple[int, bytes, str]] = deque()
        self.dropped: list[tuple[bytes, int]] | None = None
        """Where documents are kept: keys and times of the versions let go of, for the keeper to take."""

    @property
    def pruned(self) -> int:
        """The time before which versions may be gone."""
        return self._pruned

    # Time

    def now(self) -> int:
        """A time to read at. Later commits get later times."""
        self._latest = max(self._clock(), self._latest)
        return self._latest

    def commit_time(self) -> int:
        """A time for a commit, later than all before it."""
        self._latest = max(self._clock(), self._latest + 1)
        return self._latest

    def check_time(self, time: int) -> int:
        """The time again, once it can be read at."""
        if time > self.now():
            raise invalid("The requested read_time is in the future.")
        self.check_age(time)
        return time

    def check_age(self, time: int) -> None:
        """Refuse a time whose versions may be gone."""
        if time < self._clock() - self._horizon or time < self._pruned:
            raise failed("The requested snapshot version is too old.")

    # Reading

    def collection(self, path: str) -> Index:
        """The names of the documents right in a collection."""
        return self._collections.get(key_of(path), _NONE)

    def group(self, identifier: str) -> Index:
        """The names of the documents in all collections of an id."""
        return self._groups.get(identifier, _NONE)

    def at(self, key: bytes, time: int) -> Version | None:
        """A document as it was at a time, None if it was not there."""
        version = self.versions.get(key)
        while version is not None and version.time > time:
            version = version.older
        return version if version is not None and version.frame is not None else None

    def scan(
        self, scope: Scope, time: int, *, reverse: bool = False, batch: int = BATCH
    ) -> Iterator[list[Row]]:
        """The documents of a scope at a time, in order, by batches, which may be empty. Writes may come in between."""
        low, high = scope.low, scope.high
        while low < high:
            self.check_age(time)
            names = scope.index.names(low, high, batch, reverse, time < self._died)
            yield self._alive(names, time)
            if len(names) < batch:
                return
            if reverse:
                high = names[-1]
            else:
                low = names[-1] + b"\x00"

    def _alive(self, names: list[bytes], time: int) -> list[Row]:
        rows = []
        versions = self.versions
        for key in names:
            # Most documents are as of their newest version: `at` without a call a document.
            version = versions.get(key)
            if version is None or version.time > time or version.frame is None:
                version = self.at(key, time)
            if version is not None:
                rows.append((key, version))
        return rows

    def count(self, scope: Scope, time: int) -> int:
        """How many documents a scope had at a time, without looking at documents."""
        index, low, high = scope.index, scope.low, scope.high
        if low >= high:
            return 0
        if time < self._log_from:
            return sum(map(len, self.scan(scope, time)))
        number = index.live.count_below(high) - index.live.count_below(low)
        for when, key, step, collection, group in reversed(self._log):
            if when <= time:
                break
            if low <= key < high and (index is collection or index is group or index is self.everything):
                number -= step
        return number

    def children(self, parent: bytes, after: bytes, time: int) -> Iterator[bytes]:
        """The keys one segment below `parent` that lead to a document at a time, in order, from `after` on.

        Below a document these are its collections, below a collection its documents, the missing ones among them.
        """
        low = max(parent + b"\x00", after)
        while True:
            found = self._first(low, parent + KEY_END, time)
            if found is None:
                return
            child = found[: segment_end(found, len(parent))]
            yield child
            low = child + KEY_END

    def _first(self, low: bytes, high: bytes, time: int) -> bytes | None:
        names = self.everything.names(low, high, 1, False, time < self._died)
        if not names or self.at(names[0], time) is not None:
            return names[0] if names else None
        rows = (row for batch in self.scan(Scope(self.everything, low, high), time) for row in batch)
        return next((key for key, _ in rows), None)

    # Writing

    def plan(self, path: str, key: bytes, body: bytes | None, time: int) -> Written | None:
        """What becomes of a document with a name and fields, or without them when it is to go. None: it was not there.

        Nothing changes before `write` is given the answer.
        """
        before = self.versions.get(key)
        alive = before is not None and before.frame is not None
        if body is None:
            if before is None or not alive:
                return None
            return Written(key, path, before, Version(time, before.created, None, before))
        created = before.created if before is not None and alive else time
        times = timestamp(3, created) + timestamp(4, time)
        return Written(key, path, before, Version(time, created, field(1, body + times), before))

    def write(self, written: Written) -> None:
        """Make a planned change; at most one to a document for a time."""
        key, path, before, after = written.key, written.path, written.before, written.after
        alive = before is not None and before.frame is not None
        if after.frame is None:
            self._die(path, key, after.time)
        elif not alive:
            self._bear(path, key, after.time, before is not None)
        self.versions[key] = after
        if before is not None:
            self._history.append((after.time, key, path))

    def _indexes(self, path: str) -> tuple[Index, Index]:
        parent = path.rpartition("/")[0]
        key, identifier = key_of(parent), parent.rpartition("/")[2]
        collection = self._collections.get(key)
        if collection is None:
            collection = self._collections[key] = Index()
        group = self._groups.get(identifier)
        if group is None:
            group = self._groups[identifier] = Index()
        return collection, group

    def _bear(self, path: str, key: bytes, time: int, again: bool) -> None:
        collection, group = self._indexes(path)
        for index in (collection, group, self.everything):
            index.bear(key, again)
        self._note((time, key, 1, collection, group))

    def _die(self, path: str, key: bytes, time: int) -> None:
        collection, group = self._indexes(path)
        for index in (collection, group, self.everything):
            index.kill(key)
        self._died = time
        self._note((time, key, -1, collection, group))

    def _note(self, entry: tuple[int, bytes, int, Index, Index]) -> None:
        if len(self._log) == LOG:
            self._log_from = self._log[0][0]
        self._log.append(entry)

    # What is kept

    def recall(self, documents: Iterable[tuple[bytes, Version]], pruned: int) -> None:
        """Take in the documents that are kept, each with its past, in the order of names, before anything else happens.

        `pruned` is the time before which versions were let go of.
        """
        last, indexes = None, (self.everything,) * 2
        for key, newest in documents:
            path = path_of(key)
            parent = path.rpartition("/")[0]
            if parent != last:
                last, indexes = parent, self._indexes(path)
            alive = newest.frame is not None
            for index in (*indexes, self.everything):
                index.recall(key, alive)
            self.versions[key] = newest
            if newest.older is not None or not alive:
                self._recall_past(key, path, newest)
            self._latest = max(self._latest, newest.time)
        self._history = deque(sorted(self._history))
        self._pruned = pruned
        self._log_from = self._latest

    def _recall_past(self, key: bytes, path: str, newest: Version) -> None:
        if newest.frame is None:
            self._died = max(self._died, newest.time)
        version = newest
        while version.older is not None:
            self._history.append((version.time, key, path))
            version = version.older

    # Forgetting

    def prune(self) -> None:
        """Let go of the versions that no time within the horizon can see. Costs what it lets go."""
        cut = self._clock() - self._horizon
        while self._history and self._history[0][0] <= cut:
            _, key, path = self._history.popleft()
            self._pruned = cut
            self._prune_document(path, key, cut)

    def _prune_document(self, path: str, key: bytes, cut: int) -> None:
        version = newest = self.versions.get(key)
        while version is not None and version.time > cut:
            version = version.older
        if version is None or newest is None:
            return
        self._drop(key, version.older)
        version.older = None
        if version is newest and version.frame is None:
            self._drop(key, version)
            del self.versions[key]
            self._forget(path, key)

    def _drop(self, key: bytes, version: Version | None) -> None:
        while version is not None and self.dropped is not None:
            self.dropped.append((key, version.time))
            version = version.older

    def _forget(self, path: str, key: bytes) -> None:
        parent = path.rpartition("/")[0]
        group = parent.rpartition("/")[2]
        self.everything.forget(key)
        if self._collections[key_of(parent)].forget(key):
            del self._collections[key_of(parent)]
        if self._groups[group].forget(key):
            del self._groups[group]
