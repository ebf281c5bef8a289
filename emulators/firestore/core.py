"""What the calls share: the databases, the open transactions, and who is told of commits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulators.firestore.databases import Databases
from emulators.firestore.staging import Staging
from emulators.firestore.store import Store, Written
from emulators.firestore.transactions import Transactions

Listener = Callable[[Store, int, list[Written]], None]


@dataclass(slots=True)
class Core:
    """The state behind every call. Belongs to the server's one thread."""

    databases: Databases
    transactions: Transactions = field(default_factory=Transactions)
    listeners: list[Listener] = field(default_factory=list)

    def apply(self, staging: Staging) -> None:
        """Make staged writes visible and tell of them."""
        written = staging.apply()
        if written:
            for listener in tuple(self.listeners):
                listener(staging.store, staging.time, written)
        staging.store.prune()
