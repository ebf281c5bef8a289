"""Transactions: what they read stays as it is until they end.

Locking is pessimistic, as for the service's server clients. What a read-write transaction has read, others may read
and may not change. A commit that would waits for transactions that began before it, and ends those that began after
it: they are told ABORTED when they commit. A transaction that is tried again keeps its place in line; and while a
first try reads at once, from then on it takes turns with others to read, so that it is not in vain again.

A transaction that has been ended so goes on reading the past it began to read.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from emulators.firestore.errors import Refusal, aborted, invalid
from emulators.firestore.locks import Intent, Locks
from emulators.firestore.plan import Plan
from emulators.firestore.store import Row, Store
from emulators.firestore.wire import MICROS

LIFETIME = 270 * MICROS
# Seconds without a call, as in the service.
IDLE = 60.0
# The service lets a client that is gone keep its locks for IDLE; crashes are tested here, and often.
PATIENCE = 2.0
LONGEST_WAIT = 30.0
REMEMBERED = 10_000

CONTENTION = "Too much contention on these documents. Please try again."
CROSSED = (
    "Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the same "
    "data, requiring Firestore to abort at least one in order to enforce serializability."
)


class Staged(Protocol):
    """A commit on its way, at a time: what it is about to do."""

    time: int

    @property
    def intents(self) -> list[Intent]:
        """Each document it changes."""


S = TypeVar("S", bound=Staged)
# That of the first try, and which try it is.
Place = tuple[int, int]


@dataclass(slots=True)
class Transaction:
    """An open transaction. `place` is its place in line, `again` that it has been tried before.

    `past` is the time to read at when that is not now: of a read-only one, and of one that `lost` to another.
    """

    identity: bytes
    store: Store
    born: int
    place: Place
    again: bool
    used: float
    past: int | None = None
    read_only: bool = False
    locks: Locks = field(default_factory=Locks)
    lost: Refusal | None = None
    busy: int = 0

    def lose(self, time: int, why: Refusal) -> None:
        """Give up all locks: `time` is the last at which everything read was true."""
        self.locks.clear()
        self.lost = why
        self.past = time


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a request reads at: a time, the transaction it belongs to, and that one's id when the request began it."""

    time: int
    transaction: Transaction | None = None
    begun: bytes = b""

    def narrow(self, plan: Plan, found: int, last: list[Row]) -> None:
        """A query has been run, and `last` is the last of its results: a limit may have let it look at less."""
        if self.transaction is not None and last and found == plan.limit and not plan.nearest:
            self.transaction.locks.narrow(plan, last[0])


def micros(timestamp: Any) -> int:
    """A Timestamp message in microseconds, rounded down."""
    return int(timestamp.seconds * MICROS + timestamp.nanos // 1000)


class Transactions:
    """The open transactions of all databases. Whoever calls holds `lock`, which is let go of while waiting.

    `seconds` is a clock that only goes on; `patience` is how long an idle transaction may hold up others.
    """

    def __init__(self, lock: threading.RLock, seconds: Callable[[], float], patience: float) -> None:
        self._ended = threading.Condition(lock)
        self._seconds = seconds
        self._patience = patience
        self._places = 0
        self._open: dict[bytes, Transaction] = {}
        self._finished: OrderedDict[bytes, tuple[Place, bool]] = OrderedDict()

    # Life

    def begin(self, store: Store, options: Any) -> Transaction:
        """Open a transaction as TransactionOptions says."""
        now = store.now()
        self._expire(now)
        place = self._next_place()
        before = self._place_before(options.read_write.retry_transaction)
        opened = Transaction(
            identity=secrets.token_bytes(16),
            store=store,
            born=now,
            # Threads that share one function of Python's client mix up whom they try again: no two have one place.
            place=(before[0], place[1]) if before else place,
            again=before is not None,
            used=self._seconds(),
        )
        if options.HasField("read_only"):
            opened.read_only, opened.past = True, now
            if options.read_only.HasField("read_time"):
                opened.past = store.check_time(micros(options.read_only.read_time))
        self._open[opened.identity] = opened
        return opened

    def _next_place(self) -> Place:
        self._places += 1
        return self._places, self._places

    def _place_before(self, identity: bytes) -> Place | None:
        if identity in self._open:
            return self._open[identity].place
        return self._finished[identity][0] if identity in self._finished else None

    def _expire(self, now: int) -> None:
        # In the order they were opened, so the first that lives on ends the search.
        while self._open and (oldest := next(iter(self._open.values()))).born < now - LIFETIME:
            self.finish(oldest)

    def find(self, store: Store, identity: bytes) -> Transaction:
        """An open transaction of a database."""
        self._expire(store.now())
        found = self._open.get(identity)
        if found is not None and not found.busy and found.used < self._seconds() - IDLE:
            self.finish(found)
            found = None
        if found is None or found.store is not store:
            raise invalid("The referenced transaction has expired or is no longer valid.")
        found.used = self._seconds()
        return found

    def finish(self, transaction: Transaction, committed: bool = False) -> None:
        """Close a transaction. Its place is remembered for when it is tried again."""
        self._open.pop(transaction.identity, None)
        transaction.locks.clear()
        self._finished[transaction.identity] = (transaction.place, committed)
        if len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)
        self._ended.notify_all()

    def roll_back(self, store: Store, identity: bytes) -> None:
        """Close a transaction that is not to be committed; one whose commit failed is closed already."""
        if identity not in self._finished or self._finished[identity][1]:
            self.finish(self.find(store, identity))

    # Reading

    def snapshot(self, store: Store, request: Any, reads: Locks) -> Snapshot:
        """What a request's consistency selector asks for. A read-write transaction locks what it `reads`."""
        kind = request.WhichOneof("consistency_selector")
        if kind == "read_time":
            return Snapshot(store.check_time(micros(request.read_time)))
        if kind == "transaction":
            return self._read(self.find(store, request.transaction), reads, b"")
        if kind == "new_transaction":
            opened = self.begin(store, request.new_transaction)
            return self._read(opened, reads, opened.identity)
        return Snapshot(store.now())

    def _read(self, transaction: Transaction, reads: Locks, begun: bytes) -> Snapshot:
        self._until(lambda: self._before(transaction, reads), transaction)
        if transaction.past is not None:
            transaction.store.check_age(transaction.past)
            return Snapshot(transaction.past, transaction, begun)
        transaction.locks.add(reads)
        return Snapshot(transaction.store.now(), transaction, begun)

    def _before(self, transaction: Transaction, reads: Locks) -> list[Transaction]:
        """Whom a read waits for. Those that were in vain once take turns, in order unless that would be for ever."""
        if transaction.past is not None:
            return []
        return [
            other
            for other in self._others(transaction.store, transaction)
            if (other.again or transaction.again)
            and (other.place < transaction.place or (other.again and not other.busy))
            and other.locks.overlap(reads)
        ]

    def _others(self, store: Store, transaction: Transaction | None) -> Iterator[Transaction]:
        return (
            other
            for other in self._open.values()
            if other.locks and other.store is store and other is not transaction
        )

    # Committing

    def clear(self, store: Store, transaction: Transaction | None, stage: Callable[[], S]) -> S:
        """Stage a commit until nobody is in its way: those before it have ended, those after it have lost.

        ABORTED when its own transaction has lost, or when it takes too long.
        """
        place = transaction.place if transaction is not None else self._next_place()

        def holders() -> list[Transaction]:
            if transaction is not None and transaction.lost is not None:
                raise transaction.lost
            others = list(self._others(store, transaction))
            intents = staged.intents if others else []
            return [other for other in others if any(map(other.locks.forbid, intents))]

        def ahead() -> list[Transaction]:
            return [holder for holder in holders() if holder.place < place]

        staged = stage()
        while ahead():
            self._until(ahead, transaction)
            staged = stage()
        behind = holders()
        for holder in behind:
            holder.lose(staged.time - 1, aborted(CROSSED))
        if behind:
            self._ended.notify_all()
        return staged

    def _until(self, holders: Callable[[], list[Transaction]], transaction: Transaction | None) -> None:
        """Wait until there are no `holders`."""
        end = self._seconds() + LONGEST_WAIT
        if transaction is not None:
            transaction.busy += 1
            self._ended.notify_all()
        try:
            while found := holders():
                now = self._seconds()
                if now >= end:
                    raise aborted(CONTENTION)
                left = min(self._left(holder, now) for holder in found)
                if left > 0:
                    self._ended.wait(min(left, end - now))
        finally:
            if transaction is not None:
                transaction.busy -= 1
                transaction.used = self._seconds()

    def _left(self, holder: Transaction, now: float) -> float:
        """Seconds that a holder may go on holding. One with none left loses."""
        left = LONGEST_WAIT if holder.busy else holder.used + self._patience - now
        if left <= 0:
            holder.lose(holder.store.now(), aborted(CONTENTION))
        return left
