"""Cutting a large key range into parts of about equal counts.

Where to cut is known from the previous snapshot, or asked of the service (PartitionQuery on the collection groups
that a look at the range's beginning shows), or from the parents' names. A cut is only ever a place between two
documents, so a bad guess costs balance, never a record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from shared.format.key import key_of_name
from shared.sources.firestore import requests
from shared.sources.firestore.answers import cuts_in, document_in
from shared.sources.firestore.counting import Count, Range, count_range, range_query
from shared.sources.firestore.service import Service

_GLANCE = 64
"""Names looked at to learn which collections are in a range."""
_CHOICES = 4
"""Possible cuts considered for each part."""
_IN_FLIGHT = 16

Piece = tuple[Range, int]
"""A key range and the documents in it."""


def cut(service: Service, whole: Piece, parts: int, known: Sequence[bytes], at: datetime) -> list[Piece]:
    """Ranges that follow one another and cover `whole`, with their counts; one when no place to cut is found."""
    span, total = whole
    inside = sorted({key for key in known if span[0] < key and (not span[1] or key < span[1])})
    if len(inside) < parts - 1:
        inside = sorted({*inside, *_asked(service, span, parts * _CHOICES, at)})
    places = _thinned(inside, parts * _CHOICES)
    bounds = [span[0], *places, span[1]]
    spans = list(pairwise(bounds))
    return _joined(list(counted(service, spans, at)), total / parts) if places else [whole]


def counted(service: Service, spans: Sequence[Range], at: datetime) -> Iterator[Piece]:
    """Each range with its count, several counts under way."""
    waiting: deque[tuple[Range, Count]] = deque()
    for span in spans:
        waiting.append((span, count_range(service, span, at)))
        if len(waiting) > _IN_FLIGHT:
            first, under_way = waiting.popleft()
            yield first, under_way.value()
    for first, under_way in waiting:
        yield first, under_way.value()


def _joined(pieces: list[Piece], size: float) -> list[Piece]:
    """Neighbours put together to about `size` documents."""
    out: list[Piece] = []
    for span, number in pieces:
        if out and out[-1][1] + number / 2 <= size:
            (start, _), before = out[-1]
            out[-1] = ((start, span[1]), before + number)
        else:
            out.append((span, number))
    return out


def _thinned(keys: list[bytes], most: int) -> list[bytes]:
    """At most `most` of them, evenly."""
    if len(keys) <= most:
        return keys
    return [keys[i * len(keys) // most] for i in range(most)]


def _asked(service: Service, span: Range, many: int, at: datetime) -> Iterator[bytes]:
    """Keys within the range at which the service would cut its collection groups."""
    names = _glance(service, span, at)
    for collection in sorted({name.split(b"/")[-2] for name in names}):
        for key in _partition(service, collection, many, at):
            if span[0] < key and (not span[1] or key < span[1]):
                yield key


def _glance(service: Service, span: Range, at: datetime) -> list[bytes]:
    """The first names of a range."""
    query = range_query(service, span, limit=_GLANCE, names_only=True)
    request = requests.run_query(service.documents, query, at)
    answers = service.ask_all("RunQuery", request, "looking at a range's first names").answer()
    return [found[0] for found in (document_in(raw, service.prefix) for raw in answers) if found]


def _partition(service: Service, collection: bytes, many: int, at: datetime) -> Iterator[bytes]:
    token = b""
    while True:
        request = requests.partition(service.documents, collection, many, token, at)
        names, token = cuts_in(
            service.ask("PartitionQuery", request, "asking where to cut a collection").answer(),
            service.prefix,
        )
        for name in names:
            yield key_of_name(name, 0)
        if not token:
            return
