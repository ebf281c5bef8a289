"""Answers of `google.firestore.v1.Firestore`, taken apart as wire bytes with the least work per document."""

from __future__ import annotations

from datetime import datetime

from shared.errors import Corrupt, Unsupported
from shared.format import wire
from shared.format.record import instant_of

Page = tuple[list[bytes], list[bytes], bytes]
"""Names without the database's prefix, record values, and the next page's token (empty at the end)."""


def split_page(raw: bytes, prefix: int) -> Page:
    """A ListDocumentsResponse. One loop over lengths: what a document holds is not looked at.

    `prefix` is how many bytes of each name come before the path. A document that does not exist (asked for with
    `missing`) has an empty value.
    """
    names: list[bytes] = []
    values: list[bytes] = []
    i, n = 0, len(raw)
    read_varint = wire.read_varint
    try:
        while i < n and raw[i] == 0x0A:
            size = raw[i + 1]
            i += 2
            if size > 0x7F:
                if raw[i] < 0x80:
                    size += (raw[i] << 7) - 0x80
                    i += 1
                else:
                    size, i = read_varint(raw, i - 1)
            end = i + size
            if raw[i] != 0x0A:
                raise Unsupported("reading a page: a document does not begin with its name")
            size = raw[i + 1]
            i += 2
            if size > 0x7F:
                size, i = read_varint(raw, i - 1)
            cut = i + size
            names.append(raw[i + prefix : cut])
            values.append(raw[cut:end])
            i = end
    except IndexError:
        i = n + 1
    if i > n:
        raise Corrupt("reading a page: it is cut short")
    return names, values, _token(raw, i)


def _token(raw: bytes, i: int) -> bytes:
    token = b""
    for number, kind, _, body, end in wire.fields(raw[i:]):
        if number != 2 or kind != wire.LEN:
            raise Unsupported(f"reading a page: field {number} is not known to this release")
        token = raw[i + body : i + end]
    return token


def document_in(raw: bytes, prefix: int) -> tuple[bytes, bytes] | None:
    """Name and value of the document in a RunQueryResponse or BatchGetDocumentsResponse; None when it has none."""
    if not raw or raw[0] != 0x0A:
        _skip_document(raw)
        return None
    size, i = wire.read_varint(raw, 1)
    end = i + size
    if end > len(raw) or not size or raw[i] != 0x0A:
        raise Corrupt("reading a document: it is cut short or does not begin with its name")
    size, i = wire.read_varint(raw, i + 1)
    cut = i + size
    if cut > end:
        raise Corrupt("reading a document: its name is cut short")
    return raw[i + prefix : cut], raw[cut:end]


def _skip_document(raw: bytes) -> None:
    """An answer that only tells progress must not hide a document behind another field."""
    if any(number == 1 for number, *_ in wire.fields(raw)):
        raise Unsupported("reading an answer: its document is not where this release looks")


def missing_in(raw: bytes, prefix: int) -> bytes | None:
    """The name that a BatchGetDocumentsResponse says is missing."""
    for number, kind, _, body, end in wire.fields(raw):
        if number == 2 and kind == wire.LEN:
            return raw[body + prefix : end]
    return None


def read_time_in(raw: bytes) -> datetime | None:
    """The instant a RunQueryResponse was read at."""
    for number, kind, _, body, end in wire.fields(raw):
        if number == 3 and kind == wire.LEN:
            return instant_of(raw[body:end])
    return None


def count_in(raw: bytes) -> int | None:
    """The number under the one alias of a RunAggregationQueryResponse; None when the answer holds no result."""
    result = _inner(raw, 1)
    if result is None:
        return None
    value = _inner(_inner(result, 2) or b"", 2) or b""
    for number, kind, _, body, _ in wire.fields(value):
        if number == 2 and kind == wire.VARINT:
            return wire.signed(wire.read_varint(value, body)[0])
    raise Corrupt("reading a count: the answer holds no number")


def texts_in(raw: bytes) -> tuple[list[bytes], bytes]:
    """The collection ids of a ListCollectionIdsResponse, and the next page's token."""
    found: dict[int, list[bytes]] = {1: [], 2: []}
    for number, kind, _, body, end in wire.fields(raw):
        if kind == wire.LEN and number in found:
            found[number].append(raw[body:end])
    return found[1], b"".join(found[2])


def cuts_in(raw: bytes, prefix: int) -> tuple[list[bytes], bytes]:
    """The names at which a PartitionQueryResponse cuts, and the next page's token."""
    names: list[bytes] = []
    token = b""
    for number, _, _, body, end in wire.fields(raw):
        if number == 1:
            value = _inner(raw[body:end], 1) or b""
            names.append((_inner(value, 5) or b"")[prefix:])
        elif number == 2:
            token = raw[body:end]
    return [name for name in names if name], token


def codes_in(raw: bytes) -> list[int]:
    """The status code of each write of a BatchWriteResponse, in the order of the request."""
    codes = []
    for number, kind, _, body, end in wire.fields(raw):
        if number == 2 and kind == wire.LEN:
            status = raw[body:end]
            found = [
                wire.read_varint(status, b)[0]
                for n, k, _, b, _ in wire.fields(status)
                if (n, k) == (1, wire.VARINT)
            ]
            codes.append(found[-1] if found else 0)
    return codes


def _inner(raw: bytes, wanted: int) -> bytes | None:
    for number, kind, _, body, end in wire.fields(raw):
        if number == wanted and kind == wire.LEN:
            return raw[body:end]
    return None
