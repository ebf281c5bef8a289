"""COUNTs at one instant: what decides how to read, and proves in the end that nothing was left out."""

from __future__ import annotations

from datetime import datetime

from shared.errors import Corrupt
from shared.format.key import cursor_of
from shared.sources.firestore import requests
from shared.sources.firestore.answers import count_in
from shared.sources.firestore.service import Service

Range = tuple[bytes, bytes]
"""Keys in [start, end); either empty for no bound."""


def cuts_of(service: Service, span: Range) -> tuple[requests.Cut | None, requests.Cut | None]:
    """A key range as query cursors."""
    start, end = span
    return (_cut(service, start) if start else None, _cut(service, end) if end else None)


def _cut(service: Service, bound: bytes) -> requests.Cut:
    path, before = cursor_of(bound)
    return service.name(path.encode()), before


def range_query(service: Service, span: Range, *, limit: int = 0, names_only: bool = False) -> bytes:
    """The whole-database query over a key range."""
    return requests.names_query(*cuts_of(service, span), limit=limit, names_only=names_only)


class Count:
    """A COUNT under way. `value` waits for it."""

    def __init__(self, service: Service, request: bytes) -> None:
        self._pending = service.ask_all("RunAggregationQuery", request, "counting documents")

    def value(self) -> int:
        for message in self._pending.answer():
            found = count_in(message)
            if found is not None:
                return found
        raise Corrupt("counting documents: the answer holds no count")


def count_range(service: Service, span: Range, at: datetime) -> Count:
    """Every document in a key range, whatever its collection."""
    return Count(service, requests.count(service.documents, range_query(service, span), at))


def count_own(service: Service, path: bytes, span: Range, at: datetime) -> Count:
    """The collection's own documents in a key range, without what is below them."""
    parent, _, collection = path.rpartition(b"/")
    query = requests.names_query(*cuts_of(service, span), collection=collection, descendants=False)
    return Count(service, requests.count(service.name(parent), query, at))
