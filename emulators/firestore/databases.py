"""Every database of every project in this process. They come to be when they are first named."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from emulators.firestore.paths import split_database
from emulators.firestore.store import Store

LIFE_BYTES = 8


class Databases:
    """The stores by project and database. `clock` and `horizon` are in microseconds.

    `life` tells the times of one history from those of another: resume tokens carry it. `kept`: the stores remember
    what they let go of, until it is gone where they are kept as well.
    """

    def __init__(self, clock: Callable[[], int], horizon: int, *, kept: bool = False) -> None:
        self.life = secrets.token_bytes(LIFE_BYTES)
        self._kept = kept
        self._clock = clock
        self._horizon = horizon
        self._stores: dict[tuple[str, str], Store] = {}

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores.values())

    def store(self, project: str, database: str) -> Store:
        """The store of a database."""
        found = self._stores.get((project, database))
        if found is None:
            found = self._stores[project, database] = Store(project, database, self._clock, self._horizon)
            found.dropped = [] if self._kept else None
        return found

    def locate(self, name: str) -> tuple[Store, str]:
        """The store of a resource name, and the path in it: empty for the root of the documents."""
        project, database, path = split_database(name)
        return self.store(project, database), path

    def clear(self, project: str, database: str) -> None:
        """Forget a database with its past. No events are made."""
        self.life = secrets.token_bytes(LIFE_BYTES)
        self._stores.pop((project, database), None)
