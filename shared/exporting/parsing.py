"""JSON Lines back into records: the inverse of `lines` for documents, and strict about every value.

Accepted beyond what an export writes: integers as JSON numbers, empty maps and arrays without their only member,
`NULL_VALUE`, and a byte order mark. References stay as they are, project-relative or absolute.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from shared.errors import BadInput, NotFound
from shared.format import wire
from shared.format.key import key_of_path, parse_path
from shared.format.record import MAX_NESTING

MOST_LINE: Final = 64 << 20
"""Bytes of a line. A document has 1 MiB at most, and JSON may need many times that for it."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_NAN = re.compile(r"NaN:([0-9a-f]{16})")
_REFERENCE = re.compile(r"(?:projects/[^/]+/)?databases/[^/]+/documents(?:/[^/]+/[^/]+)+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 80


class Line(NamedTuple):
    """A document: where it stood, its key, and its record without times."""

    number: int
    key: bytes
    value: bytes


class _Wrong(Exception):
    """What is wrong, and the fields on the way to it, innermost first."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.way: list[str] = []


def read_lines(path: Path) -> Iterator[Line]:
    """The documents of a file in its order. BadInput names the line and the field that is wrong."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except OSError as error:
        raise BadInput(f"reading {path} failed: {error.strerror}") from None
    with file:
        number = 0
        while text := file.readline(MOST_LINE + 1):
            number += 1
            if len(text) > MOST_LINE:
                raise BadInput(f"reading {path}: line {number} is longer than {MOST_LINE >> 20} MiB")
            text = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
            if text.strip():
                yield _line(path, number, text)


def _line(path: Path, number: int, text: bytes) -> Line:
    try:
        return Line(number, *parse_document(text))
    except _Wrong as error:
        where = "".join(reversed(error.way)).removeprefix(".")
        at = f", field {where[:_SHOWN]}" if where else ""
        raise BadInput(
            f"reading {path}: line {number}{at}: {error}",
            hint="nothing was written; docs/export.md has the form",
        ) from None


def parse_document(text: bytes) -> tuple[bytes, bytes]:
    """Key and record of one line."""
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _Wrong("it is not JSON") from None
    if not isinstance(found, dict) or not found.keys() >= {"path", "fields"}:
        raise _Wrong("it is not an object with `path` and `fields`")
    for name in found.keys() - {"path", "fields", "createTime", "updateTime"}:
        raise _Wrong(f"it has a member {name[:_SHOWN]!r}, which no document has")
    for name in found.keys() & {"createTime", "updateTime"}:
        _timestamp(found[name], 0)
    return _key(found["path"]), _map(found["fields"], 0, 2)


def _key(path: Any) -> bytes:
    if not isinstance(path, str):
        raise _Wrong("`path` is not a text")
    try:
        if len(parse_path(path)) % 2:
            raise _Wrong("`path` is a collection's and not a document's")
    except BadInput as error:
        raise _Wrong(f"`path` is none: {error.message}") from None
    return key_of_path(path)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("a name is given twice in one object")
    return found


def _constant(_: str) -> NoReturn:
    raise _Wrong("NaN and infinities are written as texts")


def _map(fields: Any, depth: int, number: int) -> bytes:
    """The entries of a map as fields of that number."""
    if not isinstance(fields, dict):
        raise _Wrong("`fields` is not an object")
    out = []
    for name, value in fields.items():
        try:
            entry = wire.message(1, _text(name)) + wire.message(2, _value(value, depth))
        except _Wrong as error:
            error.way.append(f".{name}")
            raise
        out.append(wire.message(number, entry))
    return b"".join(out)


def _value(value: Any, depth: int) -> bytes:
    if not isinstance(value, dict) or len(value) != 1:
        raise _Wrong("a value is an object with one member, named as its type")
    ((kind, inner),) = value.items()
    make = _VALUES.get(kind)
    if make is None:
        raise _Wrong(f"there is no type {kind[:_SHOWN]!r}")
    if depth > MAX_NESTING // 2:
        raise _Wrong("values are nested too deep")
    return make(inner, depth)


def _text(text: Any) -> bytes:
    if not isinstance(text, str):
        raise _Wrong("a text is expected")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _Wrong("a text is not valid unicode") from None


def _boolean(inner: Any, _: int) -> bytes:
    if not isinstance(inner, bool):
        raise _Wrong("true or false is expected")
    return b"\x08\x01" if inner else b"\x08\x00"


def _integer(inner: Any, _: int) -> bytes:
    whole = type(inner) is int or (isinstance(inner, str) and re.fullmatch(r"-?\d{1,19}", inner, re.ASCII))
    if not whole or not -(1 << 63) <= int(inner) < 1 << 63:
        raise _Wrong("a whole number of 64 bits is expected, as a text")
    return b"\x10" + wire.varint(int(inner) % (1 << 64))


def _double(inner: Any, _: int = 0) -> bytes:
    return b"\x19" + _bits(inner)


def _bits(inner: Any) -> bytes:
    if isinstance(inner, str):
        found = _NAN.fullmatch(inner)
        if inner in ("NaN", "Infinity", "-Infinity"):
            return struct.pack("<d", float(inner))
        if found and math.isnan(struct.unpack(">d", bytes.fromhex(found[1]))[0]):
            return bytes.fromhex(found[1])[::-1]
    elif type(inner) in (int, float) and abs(inner) < math.inf and _exact(inner):
        return struct.pack("<d", float(inner))
    raise _Wrong("a number is expected, or NaN, Infinity or -Infinity as a text")


def _exact(number: float) -> bool:
    try:
        return float(number) == number
    except OverflowError:
        return False


def _timestamp(inner: Any, _: int) -> bytes:
    found = _TIME.fullmatch(inner) if isinstance(inner, str) else None
    try:
        whole = datetime.fromisoformat(f"{found[1]}+00:00") if found else None
    except ValueError:
        whole = None
    if found is None or whole is None:
        raise _Wrong("a time like 2026-03-29T01:00:00.123456Z is expected")
    nanos = int((found[2] or "").ljust(9, "0"))
    if nanos % 1000:
        raise _Wrong("a time is finer than a microsecond, and would not be kept")
    seconds = (whole - _EPOCH).days * 86400 + (whole - _EPOCH).seconds
    payload = b"\x08" + wire.varint(seconds % (1 << 64)) + b"\x10" + wire.varint(nanos)
    return wire.message(10, payload)


def _bytes(inner: Any, _: int) -> bytes:
    try:
        return wire.message(18, base64.b64decode(_text(inner), validate=True))
    except (binascii.Error, ValueError):
        raise _Wrong("base64 is expected") from None


def _reference(inner: Any, _: int) -> bytes:
    name = _text(inner)
    if not _REFERENCE.fullmatch(inner):
        raise _Wrong(
            "a document's name is expected: databases/DATABASE/documents/PATH, or projects/… before it"
        )
    return wire.message(5, name)


def _geo_point(inner: Any, _: int) -> bytes:
    if not isinstance(inner, dict) or not inner.keys() <= {"latitude", "longitude"}:
        raise _Wrong("latitude and longitude are expected")
    bits = [_bits(inner.get(name, 0.0)) for name in ("latitude", "longitude")]
    return wire.message(8, b"\x09" + bits[0] + b"\x11" + bits[1])


def _only(inner: Any, name: str, empty: Any) -> Any:
    if not isinstance(inner, dict) or not inner.keys() <= {name}:
        raise _Wrong(f"an object with `{name}` is expected")
    return inner.get(name, empty)


def _array(inner: Any, depth: int) -> bytes:
    found = _only(inner, "values", [])
    if not isinstance(found, list):
        raise _Wrong("`values` is not a list")
    out = []
    for place, value in enumerate(found):
        try:
            out.append(wire.message(1, _value(value, depth + 1)))
        except _Wrong as error:
            error.way.append(f"[{place}]")
            raise
    return wire.message(9, b"".join(out))


def _null(inner: Any, _: int) -> bytes:
    if inner not in (None, "NULL_VALUE"):
        raise _Wrong("null is expected")
    return b"\x58\x00"


_VALUES: Final[dict[str, Callable[[Any, int], bytes]]] = {
    "booleanValue": _boolean,
    "integerValue": _integer,
    "doubleValue": _double,
    "referenceValue": _reference,
    "mapValue": lambda inner, depth: wire.message(6, _map(_only(inner, "fields", {}), depth + 1, 1)),
    "geoPointValue": _geo_point,
    "arrayValue": _array,
    "timestampValue": _timestamp,
    "nullValue": _null,
    "stringValue": lambda inner, _: wire.message(17, _text(inner)),
    "bytesValue": _bytes,
}
