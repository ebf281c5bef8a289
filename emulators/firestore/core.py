"""What the calls share: the databases, the open transactions, and who is told of commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from emulators.firestore.databases import Databases
from emulators.firestore.staging import Staging
from emulators.firestore.store import Store, Written
from emulators.firestore.transactions import Transactions

# A lock is not fair: without a pause a long query would take it again before a waiting call wakes.
PAUSE = 0.00005

Listener = Callable[[Store, int, list[Written]], None]


@dataclass(slots=True)
class Core:
    """The state behind every call. Whoever touches it holds the lock, never for longer than a batch takes."""

    databases: Databases
    transactions: Transactions = field(default_factory=Transactions)
    listeners: list[Listener] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

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
                time.sleep(PAUSE)

    def apply(self, staging: Staging) -> None:
        """Make staged writes visible and tell of them."""
        written = staging.apply()
        if written:
            for listener in tuple(self.listeners):
                listener(staging.store, staging.time, written)
        staging.store.prune()
