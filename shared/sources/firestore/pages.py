"""A collection's own documents by ListDocuments pages: the cheapest read there is.

The next page is asked for before the current one is handed out, so the service works while we do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.sources.firestore import requests
from shared.sources.firestore.answers import split_page
from shared.sources.firestore.service import Pending, Service

Chunk = tuple[list[bytes], list[bytes]]
"""Paths (names without the database's prefix) and values of consecutive documents."""


class Pages:
    """The pages of one collection; the first is asked for at once. `missing`: absent parents are listed too, with
    an empty value."""

    def __init__(
        self, service: Service, path: bytes, at: datetime, size: int, *, missing: bool = False
    ) -> None:
        parent, _, collection = path.rpartition(b"/")
        self._service = service
        self._target = (service.name(parent), collection)
        self._at = at
        self._size = size
        self._missing = missing
        self._pending: Pending[bytes] | None = self._ask(b"")

    @property
    def ended(self) -> bool:
        """Whether the last page has been handed out. (True also tells that no call is under way.)"""
        return self._pending is None

    def __iter__(self) -> Iterator[Chunk]:
        try:
            while self._pending is not None:
                yield self.next()
        finally:
            self.close()

    def next(self) -> Chunk:
        """The next page; only while not `ended`."""
        raw = self._pending.answer() if self._pending is not None else b""
        names, values, token = split_page(raw, self._service.prefix)
        self._pending = self._ask(token) if token else None
        return names, values

    def close(self) -> None:
        """Let go of a page that nobody waits for."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None

    def _ask(self, token: bytes) -> Pending[bytes]:
        request = requests.list_documents(*self._target, self._size, token, self._at, missing=self._missing)
        return self._service.ask("ListDocuments", request, "listing documents")
