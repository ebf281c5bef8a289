"""References between documents: absolute in a database, project-relative in a repository.

A reference is rewritten where it stands in a record's bytes, and the lengths around it with it; everything else is
copied unread. Source of the encoding: google.firestore.v1.Document and Value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from shared.errors import Corrupt, Unsupported
from shared.format import wire
from shared.format.record import MAX_NESTING

Rewrite = Callable[[bytes], bytes]

MARK = b"databases/"
"""In every reference's name; records without it need no second look."""

_ENTRY, _CREATED, _UPDATED = 0x12, 0x1A, 0x22
_INSIDE: dict[str, dict[int, str]] = {
    "Document": {2: "Entry"},
    "Entry": {2: "Value"},
    "Value": {5: "reference", 6: "Map", 9: "Array"},
    "Map": {1: "Entry"},
    "Array": {1: "Value"},
}


def relativise(value: bytes, project: str, database: str = "", known_as: str = "") -> bytes:
    """References to `project` lose `projects/P/`; others keep their full name.

    When the records' own database goes by another name here (a restore elsewhere), `database` is the name here
    and `known_as` the one in the records; the reverse is `absolutise`, and both keep every two names apart.
    """
    return _document(value, _to_relative(project, database, known_as)) if MARK in value else value


def absolutise(value: bytes, project: str, database: str = "", known_as: str = "") -> bytes:
    """The record with project-relative references pointed at `project`, and those to the records' own database
    (`known_as`) at `database`."""
    return _document(value, _to_absolute(project, database, known_as)) if MARK in value else value


@lru_cache(maxsize=64)
def _to_relative(project: str, database: str, known_as: str) -> Rewrite:
    own = f"projects/{project}/".encode()
    here, there = f"databases/{database}/".encode(), f"databases/{known_as or database}/".encode()
    cut = len(own)

    def rewrite(name: bytes) -> bytes:
        if not name.startswith(own):
            if not name.startswith(b"projects/"):
                raise Unsupported("reading a record: a reference that names no project")
            return name
        rest = name[cut:]
        if rest.startswith(here):
            return there + rest[len(here) :]
        return rest if rest.startswith(MARK) and not rest.startswith(there) else name

    return rewrite


@lru_cache(maxsize=64)
def _to_absolute(project: str, database: str, known_as: str) -> Rewrite:
    own = f"projects/{project}/".encode()
    here, there = f"databases/{database}/".encode(), f"databases/{known_as or database}/".encode()

    def rewrite(name: bytes) -> bytes:
        if not name.startswith(MARK):
            return name
        return own + (here + name[len(there) :] if name.startswith(there) else name)

    return rewrite


def _document(value: bytes, rewrite: Rewrite) -> bytes:
    """As `_rewritten` of a Document; in one loop, because most fields of most documents only have to be passed."""
    out: list[bytes] = []
    i = copied = 0
    mark = value.find(MARK)
    while mark >= 0:
        if i + 1 >= len(value):
            raise Corrupt("reading a record: a field is cut short")
        start, tag, size = i, value[i], value[i + 1]
        i += 2
        if size >= 0x80:
            size, i = wire.read_varint(value, i - 1)
        if tag not in (_ENTRY, _CREATED, _UPDATED):
            return _rewritten(value, "Document", rewrite, 0)
        end = i + size
        if end > mark:
            if end > len(value):
                raise Corrupt("reading a record: a field is cut short")
            if tag == _ENTRY and mark + len(MARK) <= end:
                out += (value[copied:start], wire.message(2, _entry(value[i:end], rewrite)))
                copied = end
            mark = value.find(MARK, end)
        i = end
    out.append(value[copied:])
    return b"".join(out)


def _entry(entry: bytes, rewrite: Rewrite) -> bytes:
    """One field; a plain reference is the common case and needs no recursion."""
    name_at, value_at = _plain_reference(entry)
    if not name_at:
        return _rewritten(entry, "Entry", rewrite, 1)
    return entry[:value_at] + wire.message(2, wire.message(5, rewrite(entry[name_at:])))


def _plain_reference(entry: bytes) -> tuple[int, int]:
    """Where the name of an entry that is exactly a key and a reference starts, and where its value does; else 0."""
    if len(entry) < 8 or entry[0] != 0x0A or entry[1] >= 0x80:
        return 0, 0
    value_at = 2 + entry[1]
    if value_at + 6 >= len(entry) or entry[value_at] != 0x12:
        return 0, 0
    size, body = wire.read_varint(entry, value_at + 1)
    if body + size != len(entry) or body >= len(entry) or entry[body] != 0x2A:
        return 0, 0
    length, name_at = wire.read_varint(entry, body + 1)
    return (name_at, value_at) if name_at + length == len(entry) else (0, 0)


def _rewritten(data: bytes, kind: str, rewrite: Rewrite, depth: int) -> bytes:
    """The message with its references rewritten; what holds none is copied as it is, unread."""
    if kind == "reference":
        return rewrite(data)
    if depth > MAX_NESTING:
        raise Corrupt("reading a record: values nested too deep")
    inside = _INSIDE[kind]
    out: list[bytes] = []
    i = copied = 0
    mark = data.find(MARK)
    while mark >= 0:
        number, form, start, body, end = wire.field_at(data, i)
        i = end
        if end <= mark:
            continue
        if form == wire.LEN and number in inside and mark + len(MARK) <= end:
            out.append(data[copied:start])
            out.append(wire.message(number, _rewritten(data[body:end], inside[number], rewrite, depth + 1)))
            copied = end
        mark = data.find(MARK, i)
    out.append(data[copied:])
    return b"".join(out)
