"""Transactions: a snapshot to read at, and at the commit the proof that nothing read has changed since.

Contention is optimistic: whoever commits first wins, the other is told ABORTED and tries again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulators.firestore.errors import aborted, invalid
from emulators.firestore.store import Row, Store
from emulators.firestore.wire import MICROS

LIFETIME = 270 * MICROS
Check = Callable[[int], list[tuple[bytes, int]]]


@dataclass(slots=True)
class Transaction:
    """An open transaction. `reads` are the documents asked for; `checks` repeat the queries made."""

    identity: bytes
    store: Store
    time: int
    read_only: bool
    born: int
    reads: set[bytes] = field(default_factory=set)
    checks: list[tuple[Check, list[tuple[bytes, int]]]] = field(default_factory=list)

    def read(self, key: bytes) -> None:
        """A document was asked for, there or not."""
        if not self.read_only:
            self.reads.add(key)

    def watch(self, check: Check) -> None:
        """A query was made: `check` answers what it finds at a time."""
        if not self.read_only:
            self.checks.append((check, check(self.time)))

    def confirm(self) -> None:
        """Refuse with ABORTED when something that was read has changed."""
        if self.read_only or self.store.changed <= self.time:
            return
        for key in self.reads:
            version = self.store.versions.get(key)
            if version is not None and version.time > self.time:
                raise aborted("Too much contention on these documents. Please try again.")
        now = self.store.now()
        for check, seen in self.checks:
            if check(now) != seen:
                raise aborted("Too much contention on these documents. Please try again.")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a request reads at: a time, the transaction it belongs to, and that one's id when the request began it."""

    time: int
    transaction: Transaction | None = None
    begun: bytes = b""


def digest(rows: list[Row]) -> list[tuple[bytes, int]]:
    """What identifies a result: which documents, as of when."""
    return [(key, version.time) for key, version in rows]


def micros(timestamp: Any) -> int:
    """A Timestamp message in microseconds, rounded down."""
    return int(timestamp.seconds * MICROS + timestamp.nanos // 1000)


class Transactions:
    """The open transactions of all databases."""

    def __init__(self) -> None:
        self._open: dict[bytes, Transaction] = {}

    def begin(self, store: Store, options: Any) -> Transaction:
        """Open a transaction as TransactionOptions says."""
        read_only = options.HasField("read_only")
        time = store.now()
        if read_only and options.read_only.HasField("read_time"):
            time = store.check_time(micros(options.read_only.read_time))
        self._expire(store.now())
        opened = Transaction(secrets.token_bytes(16), store, time, read_only, store.now())
        self._open[opened.identity] = opened
        return opened

    def _expire(self, now: int) -> None:
        # In the order they were opened, so the first that lives on ends the search.
        while self._open and (oldest := next(iter(self._open.values()))).born < now - LIFETIME:
            del self._open[oldest.identity]

    def find(self, store: Store, identity: bytes) -> Transaction:
        """An open transaction of a database."""
        self._expire(store.now())
        found = self._open.get(identity)
        if found is None or found.store is not store:
            raise invalid("The referenced transaction has expired or is no longer valid.")
        return found

    def finish(self, store: Store, identity: bytes) -> Transaction:
        """Close a transaction, committed or not."""
        found = self.find(store, identity)
        del self._open[identity]
        return found

    def snapshot(self, store: Store, request: Any) -> Snapshot:
        """What a request's consistency selector asks for."""
        kind = request.WhichOneof("consistency_selector")
        if kind == "read_time":
            return Snapshot(store.check_time(micros(request.read_time)))
        if kind == "transaction":
            found = self.find(store, request.transaction)
            store.check_age(found.time)
            return Snapshot(found.time, found)
        if kind == "new_transaction":
            opened = self.begin(store, request.new_transaction)
            return Snapshot(opened.time, opened, opened.identity)
        return Snapshot(store.now())
