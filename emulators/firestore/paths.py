"""Resource names, and keys: bytes whose order is the order of names.

Firestore orders names segment by segment; ids such as `__id42__` are numbers and come first, by value; other ids
are ordered by their UTF-8 bytes; a document comes before what is below it. A key is the segments in turn, each
either 0x01 and eight bytes (number + 2**63, big-endian) or 0x02, the id with 0x00 and 0x01 escaped, and 0x00. So
the keys below a path are those that start with its key, and KEY_END behind a key is above all of them.
"""

from __future__ import annotations

import re

from emulators.firestore.errors import invalid

KEY_END = b"\xff"
MAX_ID_BYTES = 1500
MAX_NAME_BYTES = 6 * 1024
MAX_SEGMENTS = 200

_ODD = re.compile(r"__id|[\x00\x01]")
_NUMBER = re.compile(r"__id(0|-?[1-9][0-9]{0,18})__")
_REFUSED = re.compile(r"\.{1,2}|__.*__", re.DOTALL)
_LOWEST = -(1 << 63)


def _number(segment: str) -> int | None:
    found = _NUMBER.fullmatch(segment)
    if found is None:
        return None
    number = int(found[1])
    return number if _LOWEST <= number < -_LOWEST else None


def _segment_key(segment: str) -> bytes:
    number = _number(segment)
    if number is not None:
        return b"\x01" + (number - _LOWEST).to_bytes(8, "big")
    return b"\x02" + segment.encode().replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01") + b"\x00"


def key_of(path: str) -> bytes:
    """The key of a document's or collection's path; empty for the empty path."""
    if not path:
        return b""
    if _ODD.search(path) is None:
        return ("\x02" + path.replace("/", "\x00\x02") + "\x00").encode()
    return b"".join(map(_segment_key, path.split("/")))


def segment_end(key: bytes, start: int) -> int:
    """Where the segment that starts at `start` ends."""
    return start + 9 if key[start] == 1 else key.index(0, start) + 1


def _segment_text(part: bytes) -> str:
    if part[0] == 1:
        return f"__id{int.from_bytes(part[1:], 'big') + _LOWEST}__"
    return part[1:-1].replace(b"\x01\x01", b"\x00").replace(b"\x01\x02", b"\x01").decode()


def segments_of(key: bytes) -> list[str]:
    """The ids in a key."""
    found = []
    start = 0
    while start < len(key):
        end = segment_end(key, start)
        found.append(_segment_text(key[start:end]))
        start = end
    return found


def path_of(key: bytes) -> str:
    """The path a key was made of."""
    if b"\x01" not in key:
        return key[1:-1].decode().replace("\x00\x02", "/")
    return "/".join(segments_of(key))


def split_database(name: str) -> tuple[str, str, str]:
    """Project, database and what follows `/documents/` (or nothing) of any resource name."""
    parts = name.split("/", 5)
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "databases" or not parts[1] or not parts[3]:
        raise invalid(
            f'Invalid resource name "{name}": expected projects/PROJECT/databases/DATABASE/documents/...'
        )
    if len(parts) > 4 and parts[4] != "documents":
        raise invalid(f'Invalid resource name "{name}": lacks "documents" at index 4.')
    return parts[1], parts[3], parts[5] if len(parts) > 5 else ""


def _check_segments(name: str, segments: list[str]) -> None:
    if len(segments) > MAX_SEGMENTS or len(name.encode()) > MAX_NAME_BYTES:
        raise invalid(
            f"The resource name is longer than {MAX_NAME_BYTES} bytes or deeper than 100 collections."
        )
    for index, segment in enumerate(segments):
        if not segment:
            raise invalid(f'Resource name "{name}" has an empty segment.')
        if _REFUSED.fullmatch(segment) and (index % 2 == 0 or _number(segment) is None):
            raise invalid(f'Resource id "{segment}" is invalid because it is reserved.')
        if len(segment) > MAX_ID_BYTES // 4 and len(segment.encode()) > MAX_ID_BYTES:
            raise invalid(f"A resource id is longer than {MAX_ID_BYTES} bytes.")


def document_path(name: str, path: str) -> str:
    """The path again, once it can be a document's. `name` is the whole name, for the message."""
    segments = path.split("/")
    if len(segments) % 2:
        raise invalid(f'Document name "{name}" lacks a document id: it names a collection.')
    _check_segments(name, segments)
    return path


def parent_path(name: str, path: str) -> str:
    """The path again, once it can be a parent: empty, or a document's."""
    return document_path(name, path) if path else path


def collection_id(value: str) -> str:
    """The id again, once it can be a collection's."""
    if "/" in value:
        raise invalid(f'Collection id "{value}" is invalid because it contains "/".')
    _check_segments(value, [value])
    return value
