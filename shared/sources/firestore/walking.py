"""Few documents over large subcollections: depth first, every collection by pages where that pays.

The order of the walk is key order: a document, then its subcollections by id, then its next sibling. Whether a
collection has anything below it is told by two counts, so only parents are asked for their subcollections. Parents
that hold little are read by one stream over their range instead: per parent the walk costs about as much as
`PARENT_COST` streamed documents.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from shared.format.key import after_subtree, key_of_name
from shared.sources.firestore import requests
from shared.sources.firestore.answers import texts_in
from shared.sources.firestore.counting import Range, count_own, count_range
from shared.sources.firestore.pages import Chunk, Pages
from shared.sources.firestore.service import Pending, Service
from shared.sources.firestore.streams import stream

PARENT_COST = 64
"""Streamed documents that cost as much as one parent's calls (measured: 2 ms against 30 us)."""

AHEAD = 4
"""Collections and parents asked about before their turn comes."""

_T = TypeVar("_T")


def collection_ids(service: Service, path: bytes, at: datetime) -> list[bytes]:
    """The collections directly under a document (or the root, when empty) in key order."""
    return _ids_of(service, path, at, _ask_ids(service, path, at, b""))


def _ask_ids(service: Service, path: bytes, at: datetime, token: bytes) -> Pending[bytes]:
    request = requests.list_collection_ids(service.name(path), token, at)
    return service.ask("ListCollectionIds", request, "listing collections")


def _ids_of(service: Service, path: bytes, at: datetime, pending: Pending[bytes]) -> list[bytes]:
    found, token = texts_in(pending.answer())
    while token:
        more, token = texts_in(_ask_ids(service, path, at, token).answer())
        found += more
    return sorted(found, key=lambda name: key_of_name(name, 0))


class Walk:
    """Everything in `span` below a document or the root (`document`), or in a collection (`collection`)."""

    def __init__(self, service: Service, span: Range, at: datetime, page_size: int) -> None:
        self._service = service
        self._span = span
        self._at = at
        self._size = page_size

    def document(self, path: bytes, pending: Pending[bytes] | None = None) -> Iterator[Chunk]:
        """What is below a document; the document itself is its collection's."""
        pending = pending or _ask_ids(self._service, path, self._at, b"")
        names = _ids_of(self._service, path, self._at, pending)
        paths = (path + b"/" + name if path else name for name in names)
        spans = ((inner, self._clip(_whole(inner))) for inner in paths)
        opened = (_Open(self._service, inner, span, self._at, self._size) for inner, span in spans if span)
        for each in _ahead(opened, AHEAD):
            yield from self._collection(each)

    def collection(self, path: bytes) -> Iterator[Chunk]:
        """A collection's documents, each followed by what is below it."""
        span = self._clip(_whole(path))
        if span:
            yield from self._collection(_Open(self._service, path, span, self._at, self._size))

    def _collection(self, opened: _Open) -> Iterator[Chunk]:
        try:
            total = opened.count.value()
            if not total:
                return
            first = opened.pages.next()
            if self._is_flat(opened, first, total):
                yield from self._flat(opened, first)
            else:
                yield from self._parents(opened, first, total)
        finally:
            opened.pages.close()

    def _is_flat(self, opened: _Open, first: Chunk, total: int) -> bool:
        """Whether the collection's own documents are all there is in the span."""
        if opened.pages.ended and opened.whole:
            return sum(map(bool, first[1])) == total
        return count_own(self._service, opened.path, opened.span, self._at).value() == total

    def _flat(self, opened: _Open, chunk: Chunk) -> Iterator[Chunk]:
        """By pages from the beginning; from the middle a stream, as a page cannot start there."""
        if opened.span[0] > opened.key:
            yield from stream(self._service, opened.span, self._at)
            return
        yield from self._until_end(chunk)
        while not opened.pages.ended:
            chunk = opened.pages.next()
            yield from self._until_end(chunk)
            if chunk[0] and self._behind(chunk[0][-1]):
                return

    def _until_end(self, chunk: Chunk) -> Iterator[Chunk]:
        """The existing documents of a page before the span's end."""
        names, values = chunk
        if not all(values) or (names and self._behind(names[-1])):
            kept = [(n, v) for n, v in zip(names, values, strict=True) if v and not self._behind(n)]
            names, values = [n for n, _ in kept], [v for _, v in kept]
        if names:
            yield names, values

    def _behind(self, name: bytes) -> bool:
        end = self._span[1]
        return bool(end) and key_of_name(name, 0) >= end

    def _parents(self, opened: _Open, first: Chunk, total: int) -> Iterator[Chunk]:
        """Page by page of parents: each descended into, or all of a page's range streamed when they hold little."""
        start, end = opened.span
        names, values = first
        poor = 0
        while True:
            last = opened.pages.ended
            until = end if last or not names else min(end, after_subtree(key_of_name(names[-1], 0)))
            here = self._clip((start, until))
            if here:
                held = (
                    total
                    if last and here == opened.span
                    else count_range(self._service, here, self._at).value()
                )
                inside = [(n, v) for n, v in zip(names, values, strict=True) if self._clip(_whole(n))]
                poor = poor + 1 if len(inside) * PARENT_COST > held else 0
                if poor == 2:
                    yield from stream(self._service, (here[0], end), self._at)
                    return
                yield from stream(self._service, here, self._at) if poor else self._descend(inside)
            if last or (end and until >= end):
                return
            start = until
            names, values = opened.pages.next()

    def _descend(self, parents: list[tuple[bytes, bytes]]) -> Iterator[Chunk]:
        asked = ((n, v, _ask_ids(self._service, n, self._at, b"")) for n, v in parents)
        for name, value, pending in _ahead(asked, AHEAD):
            if value and self._clip((key_of_name(name, 0), key_of_name(name, 0) + b"\x00")):
                yield [name], [value]
            yield from self.document(name, pending)

    def _clip(self, span: Range) -> Range | None:
        """What of a range lies in the walk's own; None when nothing does."""
        start = max(span[0], self._span[0])
        end = min(span[1], self._span[1]) if self._span[1] else span[1]
        return (start, end) if start < end else None


class _Open:
    """A collection whose count and first page are under way."""

    def __init__(self, service: Service, path: bytes, span: Range, at: datetime, size: int) -> None:
        self.path = path
        self.span = span
        self.key, end = _whole(path)
        self.whole = span == (self.key, end)
        self.count = count_range(service, span, at)
        self.pages = Pages(service, path, at, size, missing=True)


def _whole(path: bytes) -> Range:
    key = key_of_name(path, 0)
    return key, after_subtree(key)


def _ahead(items: Iterator[_T], many: int) -> Iterator[_T]:
    """The items, each made `many` turns before it is needed: making one starts its call."""
    waiting: deque[_T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > many:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
