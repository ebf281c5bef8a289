"""A Firestore record's value: the wire bytes of `google.firestore.v1.Document` without its name.

Fields, create time and update time, in the order in which they were received; references to the own project are
stored project-relative (`databases/D/documents/...`). Two records are equal when their fields are: times do not
count, nor does the order of map keys; -0.0 is not 0.0 and NaN is itself, by bits. Malformed bytes are Corrupt; a
field or value type this release does not know is Unsupported and never dropped.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from shared.errors import Corrupt, Unsupported
from shared.format import wire

MAX_NESTING = 100
"""Messages within messages. Firestore's 20 levels of maps make 62."""

_FIELDS, _CREATED, _UPDATED = 0x12, b"\x1a", b"\x22"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = (-62135596800, 253402300799)


def canonical(value: bytes) -> bytes:
    """The same record with every map sorted by key bytes. Equal fields and times give equal bytes.

    Written by hand because the protobuf library's deterministic order puts `ab` before `a` and may change.
    """
    fields: list[tuple[bytes, bytes]] = []
    times: dict[int, bytes] = {}
    for number, kind, _, body, end in wire.fields(value):
        if kind != wire.LEN or number not in (2, 3, 4):
            raise _unknown("the document", number)
        if number == 2:
            fields.append(_canonical_entry(2, value[body:end], 0))
        elif number in times:
            raise Corrupt("reading a record: a time is given twice")
        else:
            times[number] = wire.message(number, _lean(value[body:end]))
    return b"".join((_canonical_map(fields), *(times[number] for number in sorted(times))))


def equal(a: bytes, b: bytes) -> bool:
    """Whether two records hold the same fields, all types exact. Times do not count."""
    if a == b:
        return True
    a, b = strip_times(a), strip_times(b)
    return a == b or canonical(a) == canonical(b)


def update_time(value: bytes) -> datetime:
    """When the document was last written, UTC, to the microsecond. Corrupt when the record does not say."""
    i = _fields_end(value)
    for number, kind, _, body, end in wire.fields(value[i:]):
        if number == 4 and kind == wire.LEN:
            return instant_of(value[i + body : i + end])
    raise Corrupt("reading a record: it has no update time")


def strip_times(value: bytes) -> bytes:
    """The record without create and update time: what a write sends."""
    i = end = _fields_end(value)
    for tag in (_CREATED, _UPDATED):
        if value[end : end + 1] == tag and end + 1 < len(value) and value[end + 1] < 0x80:
            end += 2 + value[end + 1]
    if end == len(value):
        return value[:i]
    kept = [value[:i]]
    tail = value[i:]
    for number, kind, start, _, end in wire.fields(tail):
        if kind != wire.LEN or number not in (2, 3, 4):
            raise _unknown("the document", number)
        if number == 2:
            kept.append(tail[start:end])
    return kept[0] if len(kept) == 1 else b"".join(kept)


def to_json(value: bytes) -> dict[str, Any]:
    """The record as Firestore's REST JSON: every value under its type's name, nothing rounded.

    int64 as text, bytes in base64, times with their digits, doubles by their shortest exact form; NaN with other
    bits than the usual ones as `NaN:<hex>`. Refuses what is doubled, unset or unknown.
    """
    fields: dict[str, Any] = {}
    out: dict[str, Any] = {"fields": fields}
    for number, kind, _, body, end in wire.fields(value):
        if kind != wire.LEN or number not in (2, 3, 4):
            raise _unknown("the document", number)
        part = value[body:end]
        if number == 2:
            _put_entry(fields, part, 1)
        else:
            _put(out, "createTime" if number == 3 else "updateTime", _timestamp(part))
    return out


def _fields_end(value: bytes) -> int:
    """Where the leading run of fields ends. The hot path of every skim: lengths are followed, nothing is read."""
    i, n = 0, len(value)
    try:
        while i < n and value[i] == _FIELDS:
            size = value[i + 1]
            i += 2
            if size > 0x7F:
                size, i = wire.read_varint(value, i - 1)
            i += size
    except IndexError:
        i = n + 1
    if i > n:
        raise Corrupt("reading a record: a field is cut short")
    return i


def _canonical_map(entries: list[tuple[bytes, bytes]]) -> bytes:
    entries.sort()
    for (key, _), (other, _) in pairwise(entries):
        if key == other:
            raise Corrupt("reading a record: a field is given twice")
    return b"".join([entry for _, entry in entries])


def _canonical_entry(number: int, data: bytes, depth: int) -> tuple[bytes, bytes]:
    """A map entry's key, and the whole entry as a field of its map."""
    plain = _key_of_plain(data)
    if plain is not None:
        return plain, wire.message(number, data)
    key, value = _entry(data)
    payload = wire.message(1, key) + wire.message(2, _canonical_value(value, depth))
    return key, wire.message(number, payload)


def _key_of_plain(data: bytes) -> bytes | None:
    """The key of an entry that is canonical as it is: a short key, then one text, number or reference. The quick
    way for most fields; None sends all others, malformed ones too, the careful way."""
    value = 2 + data[1] if len(data) > 1 else 0
    if data[:1] != b"\x0a" or value > 0x81 or data[value : value + 1] != b"\x12":
        return None
    size, at = wire.read_varint(data, value + 1)
    tag = data[at : at + 1]
    if at + size != len(data) or not tag:
        return None
    if tag in (b"\x08", b"\x10"):
        end = wire.read_varint(data, at + 1)[1]
    elif tag == b"\x19":
        end = at + 9
    elif tag == b"\x2a" or data[at : at + 2] in (b"\x8a\x01", b"\x92\x01"):
        length, start = wire.read_varint(data, at + (1 if tag == b"\x2a" else 2))
        end = start + length
    else:
        return None
    return data[2:value] if end == len(data) else None


def _canonical_value(data: bytes, depth: int) -> bytes:
    number, body = _only_field(data, depth)
    if number == 6:
        found = _repeated(data[body:], "a map")
        return wire.message(6, _canonical_map([_canonical_entry(1, entry, depth + 1) for entry in found]))
    if number == 9:
        found = _repeated(data[body:], "an array")
        return wire.message(
            9, b"".join([wire.message(1, _canonical_value(inner, depth + 1)) for inner in found])
        )
    if number in (8, 10):
        return wire.message(number, _lean(data[body:]))
    return data


def _lean(data: bytes) -> bytes:
    """A time or a geo point without the zeros that one server writes and another leaves out."""
    found: dict[int, bytes] = {}
    for number, _, start, body, end in wire.fields(data):
        if number not in (1, 2):
            raise _unknown("a timestamp or geo point", number)
        if any(data[body:end]):
            found[number] = data[start:end]
    return b"".join(found[number] for number in sorted(found))


def _check_depth(depth: int) -> None:
    if depth > MAX_NESTING:
        raise Corrupt("reading a record: values nested too deep")


def _unknown(where: str, number: int) -> Unsupported:
    return Unsupported(
        f"reading a record: {where} has field {number}, which this release does not know",
        hint="a newer release may; nothing was dropped",
    )


def _put(out: dict[str, Any], key: str, value: Any) -> None:
    if key in out:
        raise Corrupt("reading a record: a field is given twice")
    out[key] = value


def _entry(data: bytes) -> tuple[bytes, bytes]:
    """One entry of a map: the key (empty when left out) and its value."""
    found: dict[int, bytes] = {}
    for number, kind, _, body, end in wire.fields(data):
        if kind != wire.LEN or number not in (1, 2):
            raise _unknown("a map entry", number)
        if number in found:
            raise Corrupt("reading a record: a map entry is given twice")
        found[number] = data[body:end]
    return found.get(1, b""), found.get(2, b"")


def _repeated(data: bytes, where: str) -> list[bytes]:
    """The payloads of a message that has only field 1."""
    out = []
    for number, kind, _, body, end in wire.fields(data):
        if kind != wire.LEN or number != 1:
            raise _unknown(where, number)
        out.append(data[body:end])
    return out


def _only_field(data: bytes, depth: int) -> tuple[int, int]:
    """The type of a value, and where its payload starts."""
    _check_depth(depth)
    found = list(wire.fields(data))
    if len(found) != 1:
        raise Corrupt("reading a record: a value without a type or with two")
    number, kind, _, body, _ = found[0]
    if number not in _VALUES or _VALUES[number][1] != kind:
        raise _unknown("a value", number)
    return number, body


def _put_entry(out: dict[str, Any], data: bytes, depth: int) -> None:
    key, value = _entry(data)
    _put(out, _text(key), _value(value, depth))


def _value(data: bytes, depth: int) -> dict[str, Any]:
    number, body = _only_field(data, depth)
    name, _, read = _VALUES[number]
    return {name: read(data[body:], depth)}


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Corrupt("reading a record: a text is not UTF-8") from None


def _number(data: bytes) -> int:
    return wire.signed(wire.read_varint(data, 0)[0])


def _null(data: bytes, _depth: int) -> None:
    if _number(data) != 0:
        raise Unsupported("reading a record: a null value of an unknown kind")


def _boolean(data: bytes, _depth: int) -> bool:
    return _number(data) != 0


def _double(data: bytes, _depth: int = 0) -> float | str:
    number: float = struct.unpack("<d", data)[0]
    if math.isnan(number):
        bits = data[::-1].hex()
        return "NaN" if bits == "7ff8000000000000" else f"NaN:{bits}"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _seconds_nanos(data: bytes) -> tuple[int, int]:
    found = {1: 0, 2: 0}
    for number, kind, _, body, end in wire.fields(data):
        if kind != wire.VARINT or number not in found:
            raise _unknown("a timestamp", number)
        found[number] = _number(data[body:end])
    if not (_SECONDS[0] <= found[1] <= _SECONDS[1] and 0 <= found[2] < 10**9):
        raise Corrupt("reading a record: a timestamp outside the years 1 to 9999")
    return found[1], found[2]


def instant_of(data: bytes) -> datetime:
    """A protobuf Timestamp's payload as an instant, UTC. What is finer than a microsecond is Unsupported."""
    seconds, nanos = _seconds_nanos(data)
    if nanos % 1000:
        raise Unsupported("reading a record: a time finer than a microsecond")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


def _timestamp(data: bytes, _depth: int = 0) -> str:
    seconds, nanos = _seconds_nanos(data)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{whole}.{nanos:09d}".rstrip("0").rstrip(".") + "Z"


def _geo_point(data: bytes, _depth: int) -> dict[str, Any]:
    out: dict[str, Any] = {"latitude": 0.0, "longitude": 0.0}
    for number, kind, _, body, end in wire.fields(data):
        if kind != wire.FIXED64 or number not in (1, 2):
            raise _unknown("a geo point", number)
        out["latitude" if number == 1 else "longitude"] = _double(data[body:end])
    return out


def _array(data: bytes, depth: int) -> dict[str, Any]:
    return {"values": [_value(value, depth + 1) for value in _repeated(data, "an array")]}


def _map(data: bytes, depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for entry in _repeated(data, "a map"):
        _put_entry(fields, entry, depth + 1)
    return {"fields": fields}


_VALUES: dict[int, tuple[str, int, Callable[[bytes, int], Any]]] = {
    1: ("booleanValue", wire.VARINT, _boolean),
    2: ("integerValue", wire.VARINT, lambda data, _: str(_number(data))),
    3: ("doubleValue", wire.FIXED64, _double),
    5: ("referenceValue", wire.LEN, lambda data, _: _text(data)),
    6: ("mapValue", wire.LEN, _map),
    8: ("geoPointValue", wire.LEN, _geo_point),
    9: ("arrayValue", wire.LEN, _array),
    10: ("timestampValue", wire.LEN, _timestamp),
    11: ("nullValue", wire.VARINT, _null),
    17: ("stringValue", wire.LEN, lambda data, _: _text(data)),
    18: ("bytesValue", wire.LEN, lambda data, _: base64.b64encode(data).decode()),
}
