"""The few messages a load is made of, put together from bytes: google/firestore/v1/{write,firestore}.proto."""

from __future__ import annotations

from collections.abc import Iterable


def documents_root(project: str, database: str) -> str:
    """What the name of every document of a database begins with."""
    return f"projects/{project}/databases/{database}/documents"


def write(name: str, fields: bytes) -> bytes:
    """A `Write` that replaces the document `name` by the `Document` message `fields`, which has no name."""
    return _part(1, _part(1, name.encode()) + fields)


def deletion(name: str) -> bytes:
    """A `Write` that deletes the document `name`."""
    return _part(2, name.encode())


def commit(database: str, writes: Iterable[bytes]) -> bytes:
    """A `CommitRequest` of these writes."""
    return _part(1, database.encode()) + b"".join([_part(2, one) for one in writes])


def _part(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return bytes((number << 3 | 2,)) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
