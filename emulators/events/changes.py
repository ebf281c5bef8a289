"""What a Firestore change event is about, read from its protobuf without decoding the document.

`google.events.cloud.firestore.v1.DocumentEventData`: field 1 is the document as it is, field 2 as it was; the
first field of a document is its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["created", "updated", "deleted"]
_WIDTHS = {1: 8, 5: 4}


@dataclass(frozen=True)
class Change:
    kind: Kind
    database: str
    path: str


def read_change(data: bytes) -> Change:
    """Raises ValueError for bytes that are no such event."""
    documents = _submessages(data)
    current, previous = documents.get(1), documents.get(2)
    if current is None and previous is None:
        raise ValueError("the event holds neither a new nor an old document")
    name = _submessages(current if current is not None else previous or b"").get(1, b"").decode()
    parts = name.split("/", 5)
    if len(parts) != 6 or parts[0] != "projects" or parts[2] != "databases" or parts[4] != "documents":
        raise ValueError("the event's document has no name")
    kind: Kind = "deleted" if current is None else "created" if previous is None else "updated"
    return Change(kind, parts[3], parts[5])


def _submessages(data: bytes) -> dict[int, bytes]:
    """The first value of each length-delimited field of a message."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("the event is cut short")
            found.setdefault(tag >> 3, data[at : at + size])
            at += size
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in _WIDTHS:
            at += _WIDTHS[kind]
        else:
            raise ValueError("the event is not protobuf")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("the event is cut short")
