"""What a stream listens to: some documents, or a query. A target remembers which documents its client holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from emulators.firestore.errors import Refusal, invalid, unsupported
from emulators.firestore.paths import document_path, key_of, parent_path, path_of
from emulators.firestore.plan import Plan, make_plan
from emulators.firestore.render import document_of
from emulators.firestore.run import results, sort_row
from emulators.firestore.store import Row, Store, Version, Written
from emulators.firestore.transactions import micros
from emulators.firestore.wire import field, signed, text, timestamp

_TOKEN = 8


class Target(ABC):
    """What the two kinds share. `held` has the time of each document's version at the client.

    `backlog` collects commits until the first results are out; `reset` says that the client must forget what it holds.
    """

    def __init__(self, store: Store, identity: int, since: int | None, reset: bool) -> None:
        self.store = store
        self.identity = identity
        self.reset = reset
        self.backlog: list[tuple[int, list[Written]]] | None = []
        self.held: dict[bytes, int] = {}
        self._since = since

    @property
    def resumed(self) -> bool:
        """Whether the client goes on from what it holds."""
        return self._since is not None

    def begin(self, time: int) -> Iterator[list[bytes]]:
        """The first answers, by batches: all there is, or what has changed since the client left."""
        if self._since is not None:
            for batch in self._find(self._since):
                self.held.update((key, version.time) for key, version in batch)
                yield []
        found: set[bytes] = set()
        for batch in self._find(time):
            found.update(key for key, _ in batch)
            yield [answer for row in batch for answer in self._show(*row)]
        yield [answer for key in self.held.keys() - found for answer in self._hide(key, time)]

    @abstractmethod
    def follow(self, time: int, written: list[Written]) -> Iterator[bytes]:
        """The answers to a commit."""

    @abstractmethod
    def _find(self, time: int) -> Iterator[list[Row]]:
        """What there is at a time, by batches."""

    def _show(self, key: bytes, version: Version) -> Iterator[bytes]:
        if self.held.get(key) != version.time:
            self.held[key] = version.time
            yield field(3, self._render(version) + b"\x28" + signed(self.identity))

    def _render(self, version: Version) -> bytes:
        assert version.frame is not None
        return version.frame

    def _hide(self, key: bytes, time: int) -> Iterator[bytes]:
        """A document is no longer among the results: it is deleted, or it does not match."""
        if self.held.pop(key, None) is not None:
            yield self._gone(key, time)

    def _gone(self, key: bytes, time: int) -> bytes:
        name = text(1, f"{self.store.root}/{path_of(key)}")
        if self.store.at(key, time) is None:
            return field(4, name + timestamp(4, time) + b"\x30" + signed(self.identity))
        return field(6, name + b"\x10" + signed(self.identity) + timestamp(4, time))


class DocumentsTarget(Target):
    """Documents by name."""

    def __init__(
        self, store: Store, identity: int, since: int | None, reset: bool, keys: frozenset[bytes]
    ) -> None:
        super().__init__(store, identity, since, reset)
        self._keys = keys

    def _find(self, time: int) -> Iterator[list[Row]]:
        yield [(key, version) for key in self._keys if (version := self.store.at(key, time)) is not None]

    def begin(self, time: int) -> Iterator[list[bytes]]:
        """As for every target; of a document that is not there the client is told so."""
        yield from super().begin(time)
        if self._since is None:
            yield [self._gone(key, time) for key in self._keys if self.store.at(key, time) is None]

    def follow(self, time: int, written: list[Written]) -> Iterator[bytes]:
        """The changes to these documents."""
        for change in written:
            if change.key not in self._keys:
                continue
            if change.after.frame is None:
                yield from self._hide(change.key, time)
            else:
                yield from self._show(change.key, change.after)


class QueryTarget(Target):
    """The results of a query."""

    def __init__(self, store: Store, identity: int, since: int | None, reset: bool, plan: Plan) -> None:
        super().__init__(store, identity, since, reset)
        self._plan = plan

    def _find(self, time: int) -> Iterator[list[Row]]:
        return results(self._plan, time)

    def _render(self, version: Version) -> bytes:
        return self._plan.render(version)

    def follow(self, time: int, written: list[Written]) -> Iterator[bytes]:
        """The changes to the results. A limit lets unchanged documents in and out, so then the query runs again."""
        touched = [change for change in written if self._concerns(change)]
        if not touched:
            return
        if self._plan.limit is not None or self._plan.offset:
            yield from self._compare(time)
            return
        for change in touched:
            if self._matches(change):
                yield from self._show(change.key, change.after)
            else:
                yield from self._hide(change.key, time)

    def _concerns(self, change: Written) -> bool:
        return self._plan.reaches(change.key, change.path)

    def _matches(self, change: Written) -> bool:
        if change.after.frame is None:
            return False
        return sort_row(self._plan, change.key, document_of(change.after)) is not None

    def _compare(self, time: int) -> Iterator[bytes]:
        rows = [row for batch in results(self._plan, time) for row in batch]
        found = {key for key, _ in rows}
        for key in self.held.keys() - found:
            yield from self._hide(key, time)
        for row in rows:
            yield from self._show(*row)


def resume_token(time: int, life: bytes) -> bytes:
    """What a client shows to go on from a time, in the history it was told of."""
    return time.to_bytes(_TOKEN, "big") + life


def _resume_time(store: Store, asked: Any, life: bytes) -> tuple[int | None, bool]:
    """When the client's state is of, and whether that is too long ago to go on from."""
    kind = asked.WhichOneof("resume_type")
    if kind is None or (kind == "resume_token" and not asked.resume_token):
        return None, False
    token = asked.resume_token
    if kind == "resume_token" and len(token) < _TOKEN:
        raise invalid("The resume token is invalid.")
    if kind == "resume_token" and token[_TOKEN:] != life:
        return None, True
    since = int.from_bytes(token[:_TOKEN], "big") if kind == "resume_token" else micros(asked.read_time)
    try:
        return store.check_time(since), False
    except Refusal:
        return None, True


def make_target(store: Store, identity: int, asked: Any, life: bytes) -> Target:
    """The target a client asks for. `life` is that of resume tokens which mean something here."""
    since, reset = _resume_time(store, asked, life)
    kind = asked.WhichOneof("target_type")
    if kind == "documents":
        prefix = len(store.root) + 1
        names = [
            (name, name[prefix:]) for name in asked.documents.documents if name.startswith(store.root + "/")
        ]
        if len(names) < len(asked.documents.documents):
            raise invalid("A document to listen to is not in the database of the request.")
        return DocumentsTarget(
            store, identity, since, reset, frozenset(key_of(document_path(*pair)) for pair in names)
        )
    if kind == "query":
        parent = asked.query.parent
        path = parent_path(parent, parent[len(store.root) + 1 :])
        if asked.query.structured_query.HasField("find_nearest"):
            raise unsupported("Listening to the nearest vectors")
        return QueryTarget(
            store, identity, since, reset, make_plan(store, path, asked.query.structured_query)
        )
    raise invalid("A target has neither documents nor a query.")
