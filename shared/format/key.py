"""Paths as bytes that sort the way Firestore sorts names.

A path is `collection/document/collection/...`; its key orders by segment: ids `__id<int64>__` first, by number,
then all other ids by their UTF-8 bytes; a document comes before what is below it, and that before its next
sibling. Layout: segments joined by 0x00; inside a segment 0x00 is 0x01 0x01 and 0x01 is 0x01 0x02; a numeric
segment is 0x01 0x00 and eight bytes, big-endian, the sign bit flipped.

One path has one key and one key has one path; a key that no path has is Corrupt. Bounds of ranges are keys, or a
key and one more byte: `key + 0x00` is just after the record, `key + 0x01` just after everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.errors import BadInput, Corrupt

MAX_ID_BYTES = 1500
MAX_PATH_BYTES = 6 * 1024
MAX_SEGMENTS = 200
"""A path depth of 100 documents, each under its collection."""

MIN_ID = "__id-9223372036854775808__"
"""The document id that sorts before every other in its collection."""

_SEPARATOR = b"\x00"
_NUMERIC = b"\x01\x00"
_NUMERIC_ID = re.compile(rb"__id(0|-?[1-9][0-9]{0,18})__")
_RESERVED_ID = re.compile(r"__.*__", re.DOTALL)
_TEXT = re.compile(rb"(?:[^\x00\x01]|\x01[\x01\x02])+")
_PLAIN = re.compile(rb"[^\x00\x01/]+(?:\x00[^\x00\x01/]+)*")
_MIN, _MAX = -(1 << 63), (1 << 63) - 1


def encode(segments: Sequence[bytes]) -> bytes:
    """The key of a path given as UTF-8 segments, none of them empty."""
    return _SEPARATOR.join(map(_encode_segment, segments))


def key_of_path(path: str) -> bytes:
    """The key of a slash-separated path, of a document or a collection. The path is taken as it is; paths that
    people type go through `checked_path` first."""
    return key_of_name(path.encode(), 0)


def key_of_name(name: bytes, prefix: int) -> bytes:
    """The key of a resource name whose first `prefix` bytes (`projects/P/databases/D/documents/`) are cut off."""
    tail = name[prefix:]
    if b"__id" in tail or b"\x01" in tail or b"\x00" in tail:
        return encode(tail.split(b"/"))
    return tail.replace(b"/", b"\x00")


def keys_of_names(names: Sequence[bytes]) -> list[bytes]:
    """Keys of many paths at once, at a tenth of the cost of one by one: 0xff never occurs in UTF-8."""
    joined = b"\xff".join(names)
    if b"__id" in joined or b"\x01" in joined or b"\x00" in joined:
        return [key_of_name(name, 0) for name in names]
    keys = joined.replace(b"/", b"\x00").split(b"\xff") if names else []
    if len(keys) != len(names):
        raise Corrupt("making keys: a name is not UTF-8")
    return keys


def segments_of(key: bytes) -> list[bytes]:
    """The UTF-8 segments of a key. Corrupt when no path has this key."""
    segments, mark = _split(key)
    if mark:
        raise Corrupt("decoding a key: it ends in a separator")
    return segments


def path_of(key: bytes) -> str:
    """The slash-separated path of a key. Corrupt when no path has this key."""
    return name_of(key).decode()


def name_of(key: bytes) -> bytes:
    """The path of a key as UTF-8 bytes, ready to be put behind a database's name. Strict like `path_of`."""
    if _PLAIN.fullmatch(key) and b"__id" not in key:
        _check_utf8(key)
        return key.replace(b"\x00", b"/")
    return b"/".join(segments_of(key))


def is_document(key: bytes) -> bool:
    """Whether a key names a document (an even number of segments) and not a collection."""
    return len(segments_of(key)) % 2 == 0


def after_record(key: bytes) -> bytes:
    """The bound just after a record: what is below it comes next."""
    return key + b"\x00"


def after_subtree(key: bytes) -> bytes:
    """The bound just after a document or collection and everything below it."""
    return key + b"\x01"


def prefix_range(path: str) -> tuple[bytes, bytes]:
    """`[start, end)` of everything a document's or a collection's path means."""
    key = key_of_path(path)
    return key, after_subtree(key)


def cursor_of(bound: bytes) -> tuple[str, bool]:
    """A bound as a query cursor: a document path, and whether the cut is before it (or just after it).

    The path need not exist. `C` begins at `C/__id-9223372036854775808__`, the least id there can be, and ends
    before the same id in `C\\0`, the next collection there can be.
    """
    segments, mark = _split(bound)
    if mark == b"\x01":
        segments[-1] = _next_id(segments[-1])
    elif mark == b"\x00" and len(segments) % 2 == 0:
        return b"/".join(segments).decode(), False
    if len(segments) % 2:
        segments.append(MIN_ID.encode())
    return b"/".join(segments).decode(), True


def checked_path(path: str) -> str:
    """The path itself when Firestore would take it, of a document or a collection; else BadInput saying why."""
    parse_path(path)
    return path


def parse_path(path: str) -> tuple[str, ...]:
    """The segments of a path that a person or a request named. BadInput names the offending segment's place."""
    segments = tuple(path.split("/"))
    if not path or "" in segments:
        raise BadInput(
            "reading a path: a segment is empty", hint="write collection/document, no slash at either end"
        )
    if len(segments) > MAX_SEGMENTS:
        raise BadInput(f"reading a path: {len(segments)} segments, at most {MAX_SEGMENTS} are possible")
    for place, segment in enumerate(segments, 1):
        _check_id(segment, place)
    size = len(path.encode())
    if size > MAX_PATH_BYTES:
        raise BadInput(f"reading a path: {size} bytes long, at most {MAX_PATH_BYTES} are possible")
    return segments


def _check_id(segment: str, place: int) -> None:
    where = f"reading a path: segment {place}"
    try:
        raw = segment.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{where} is not valid unicode") from None
    if len(raw) > MAX_ID_BYTES:
        raise BadInput(f"{where} is {len(raw)} bytes long, at most {MAX_ID_BYTES} are possible")
    if segment in (".", ".."):
        raise BadInput(f"{where} is {segment!r}, which is not an id")
    if _RESERVED_ID.fullmatch(segment) and _number_of(raw) is None:
        raise BadInput(f"{where} begins and ends with two underscores, which is reserved")


def _number_of(segment: bytes) -> int | None:
    found = _NUMERIC_ID.fullmatch(segment)
    if found is None:
        return None
    number = int(found[1])
    return number if _MIN <= number <= _MAX else None


def _encode_segment(segment: bytes) -> bytes:
    if not segment:
        raise BadInput("making a key: a segment is empty")
    number = _number_of(segment)
    if number is not None:
        return _NUMERIC + (number - _MIN).to_bytes(8, "big")
    return segment.replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01")


def _next_id(segment: bytes) -> bytes:
    """The id just after another in the order of ids."""
    number = _number_of(segment)
    if number is None:
        return segment + b"\x00"
    return b"\x00" if number == _MAX else b"__id%d__" % (number + 1)


def _split(key: bytes) -> tuple[list[bytes], bytes]:
    """Segments, and the last byte that makes a key a bound (or nothing)."""
    segments: list[bytes] = []
    i, last = 0, len(key) - 1
    while True:
        segment, i = _numeric_at(key, i) if key[i : i + 2] == _NUMERIC else _text_at(key, i)
        segments.append(segment)
        if i > last:
            return segments, b""
        mark = key[i]
        if mark > 1 or (mark == 1 and i != last):
            raise Corrupt("decoding a key: a byte that does not belong there")
        if i == last:
            return segments, key[i:]
        i += 1


def _numeric_at(key: bytes, i: int) -> tuple[bytes, int]:
    raw = key[i + 2 : i + 10]
    if len(raw) != 8:
        raise Corrupt("decoding a key: a number is cut short")
    return b"__id%d__" % (int.from_bytes(raw, "big") + _MIN), i + 10


def _text_at(key: bytes, i: int) -> tuple[bytes, int]:
    found = _TEXT.match(key, i)
    if found is None:
        raise Corrupt("decoding a key: a segment is empty")
    raw = found[0]
    text = raw.replace(b"\x01\x01", b"\x00").replace(b"\x01\x02", b"\x01") if b"\x01" in raw else raw
    if b"/" in text or _number_of(text) is not None:
        raise Corrupt("decoding a key: a segment that has another form")
    _check_utf8(text)
    return text, found.end()


def _check_utf8(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        raise Corrupt("decoding a key: not UTF-8") from None
