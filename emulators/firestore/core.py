"""What the calls share: the databases, the open transactions, and who is told of commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from emulators.firestore import clock
from emulators.firestore.databases import Databases
from emulators.firestore.keeping import Keeper
from emulators.firestore.staging import Staging
from emulators.firestore.store import Store, Written
from emulators.firestore.transactions import PATIENCE, Transaction, Transactions

# A lock is not fair: without a pause a long query would take it again before a waiting call wakes.
LET_IN = 0.00005

Listener = Callable[[Store, int, list[Written]], None]


@dataclass(slots=True)
class Core:
    """The state behind every call. Whoever touches it holds the lock, never for longer than a batch takes."""

    databases: Databases
    patience: float = PATIENCE
    keeper: Keeper | None = None
    """Where commits are kept, if they are."""
    listeners: list[Listener] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    transactions: Transactions = field(init=False)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.lock, clock.seconds, self.patience)

    def batches(self, source: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
        """Batches, each made under the lock; an empty one is a place to let others have it."""
        while True:
            with self.lock:
                batch = next(source, None)
            if batch is None:
                return
            if batch:
                yield batch
            else:
                clock.pause(LET_IN)

    def commit(
        self, store: Store, stage: Callable[[], Staging], transaction: Transaction | None = None
    ) -> Staging:
        """Keep staged writes, make them visible and tell of them. Having had to wait for others, they are staged again.

        A commit that cannot be kept is refused, and nothing has changed.
        """
        staging = self.transactions.clear(store, transaction, stage)
        written = staging.changes()
        if written:
            if self.keeper is not None:
                self.keeper.keep(store, written)
            for change in written:
                store.write(change)
            for listener in tuple(self.listeners):
                listener(store, staging.time, written)
        store.prune()
        return staging
