"""Requests of `google.firestore.v1.Firestore` as wire bytes.

Field numbers are those of googleapis `google/firestore/v1/{firestore,query,write,common}.proto`; a test holds them
against the client library's own messages. Written by hand because documents travel as bytes as well, and because
importing the library's types costs a cold start more than everything else here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from shared.format import wire

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY_NAME = wire.message(4, wire.message(1, wire.message(2, b"__name__")) + b"\x10\x01")
_NAMES_ONLY = wire.message(1, wire.message(2, wire.message(2, b"__name__")))

Cut = tuple[bytes, bool]
"""A document's full name, and whether the cut is before it."""


def timestamp(at: datetime) -> bytes:
    """A protobuf Timestamp's payload, to the microsecond."""
    micros = (at - _EPOCH) // (at.resolution)
    seconds, rest = divmod(micros, 1_000_000)
    out = b"\x08" + wire.varint(seconds & (1 << 64) - 1) if seconds else b""
    return out + b"\x10" + wire.varint(rest * 1000) if rest else out


def _text(number: int, text: bytes) -> bytes:
    return wire.message(number, text) if text else b""


def _at(number: int, at: datetime | None) -> bytes:
    return wire.message(number, timestamp(at)) if at else b""


def list_documents(
    parent: bytes, collection: bytes, size: int, token: bytes, at: datetime, *, missing: bool = False
) -> bytes:
    """One page of a collection's own documents in name order; `missing` adds absent ones with subcollections."""
    return b"".join(
        (
            wire.message(1, parent),
            wire.message(2, collection),
            b"\x18" + wire.varint(size),
            _text(4, token),
            _at(10, at),
            b"\x60\x01" if missing else b"",
        )
    )


def list_collection_ids(parent: bytes, token: bytes, at: datetime) -> bytes:
    """The collections directly under a document or the root, by pages."""
    return wire.message(1, parent) + b"\x10" + wire.varint(1000) + _text(3, token) + _at(4, at)


def names_query(
    start: Cut | None = None,
    end: Cut | None = None,
    *,
    collection: bytes = b"",
    descendants: bool = True,
    limit: int = 0,
    names_only: bool = False,
) -> bytes:
    """A StructuredQuery in name order between two cuts. Without a collection: everything under the parent."""
    selector = _text(2, collection) + (b"\x18\x01" if descendants else b"")
    return b"".join(
        (
            _NAMES_ONLY if names_only else b"",
            wire.message(2, selector),
            _BY_NAME,
            b"\x2a" + _wrapped(limit) if limit else b"",
            wire.message(7, _cursor(start)) if start else b"",
            wire.message(8, _cursor(end)) if end else b"",
        )
    )


def _cursor(cut: Cut) -> bytes:
    name, before = cut
    return wire.message(1, wire.message(5, name)) + (b"\x10\x01" if before else b"")


def _wrapped(number: int) -> bytes:
    """An Int32Value with its length."""
    payload = b"\x08" + wire.varint(number)
    return wire.varint(len(payload)) + payload


def run_query(parent: bytes, query: bytes, at: datetime | None) -> bytes:
    """The documents of a query, one a message."""
    return wire.message(1, parent) + wire.message(2, query) + _at(7, at)


def count(parent: bytes, query: bytes, at: datetime) -> bytes:
    """How many documents a query has; the number comes back under the alias `n`."""
    aggregation = wire.message(1, b"") + wire.message(7, b"n")
    return (
        wire.message(1, parent)
        + wire.message(2, wire.message(1, query) + wire.message(3, aggregation))
        + _at(6, at)
    )


def partition(parent: bytes, collection: bytes, cuts: int, token: bytes, at: datetime) -> bytes:
    """Names that cut a collection group into pieces of about equal size."""
    query = names_query(collection=collection)
    return (
        wire.message(1, parent)
        + wire.message(2, query)
        + b"\x18"
        + wire.varint(cuts)
        + _text(4, token)
        + _at(6, at)
    )


def batch_get(database: bytes, names: Iterable[bytes], at: datetime | None) -> bytes:
    """Documents by name, present or missing, one a message, in any order."""
    return wire.message(1, database) + b"".join([wire.message(2, name) for name in names]) + _at(7, at)


def put(name: bytes, fields: bytes, seen: datetime | None) -> bytes:
    """A write that replaces a whole document, if it is as it was seen."""
    return wire.message(1, wire.message(1, name) + fields) + _guard(seen)


def drop(name: bytes, seen: datetime | None) -> bytes:
    """A write that deletes a document, if it is as it was seen."""
    return wire.message(2, name) + _guard(seen)


def _guard(seen: datetime | None) -> bytes:
    return wire.message(4, b"\x08\x00" if seen is None else wire.message(2, timestamp(seen)))


def batch_write(database: bytes, writes: Sequence[bytes]) -> bytes:
    """Independent writes, each with a status of its own."""
    return wire.message(1, database) + b"".join([wire.message(2, write) for write in writes])
