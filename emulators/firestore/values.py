"""Values: what may be stored, and how values of all types are ordered.

Takes google.firestore.v1.Value messages. The order is the service's: null, booleans, NaN, numbers (integers and
doubles by their exact value, both zeros equal), timestamps, strings, bytes, references, points, arrays, vectors, maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from emulators.firestore.errors import invalid
from emulators.firestore.paths import key_of

Key = tuple[Any, ...]

NULL, BOOLEAN, NAN, NUMBER, TIME, TEXT, BYTES, REFERENCE, POINT, ARRAY, VECTOR, MAP = range(12)

MAX_DEPTH = 20
MAX_DOCUMENT = 1 << 20
MAX_FIELD_NAME = 1500
_FIRST_SECOND = -62135596800
_LAST_SECOND = 253402300799


def kind_of(value: Any) -> str | None:
    """Which type a value has, as the name of its field; None when it has none."""
    kind: str | None = value.WhichOneof("value_type")
    return kind


def _double_key(number: float) -> Key:
    return (NAN,) if math.isnan(number) else (NUMBER, number)


def _reference_key(name: str) -> Key:
    parts = name.split("/", 5)
    return (REFERENCE, *parts[:5], key_of(parts[5]) if len(parts) > 5 else b"")


def _array_key(array: Any) -> Key:
    return (ARRAY, *map(order_key, array.values))


def is_vector(fields: Any) -> bool:
    """Whether a map is a vector: it has a `__type__` that says so."""
    return "__type__" in fields and fields["__type__"].string_value == "__vector__"


def _map_key(value: Any) -> Key:
    fields = value.fields
    if is_vector(fields):
        elements = fields["value"].array_value.values
        return (VECTOR, len(elements), *map(order_key, elements))
    return (MAP, *((name, order_key(fields[name])) for name in sorted(fields)))


_KEYS: dict[str, Callable[[Any], Key]] = {
    "null_value": lambda _: (NULL,),
    "boolean_value": lambda v: (BOOLEAN, v.boolean_value),
    "integer_value": lambda v: (NUMBER, v.integer_value),
    "double_value": lambda v: _double_key(v.double_value),
    "timestamp_value": lambda v: (TIME, v.timestamp_value.seconds, v.timestamp_value.nanos),
    "string_value": lambda v: (TEXT, v.string_value),
    "bytes_value": lambda v: (BYTES, v.bytes_value),
    "reference_value": lambda v: _reference_key(v.reference_value),
    "geo_point_value": lambda v: (POINT, v.geo_point_value.latitude, v.geo_point_value.longitude),
    "array_value": lambda v: _array_key(v.array_value),
    "map_value": lambda v: _map_key(v.map_value),
}


def order_key(value: Any) -> Key:
    """A tuple that compares as the value does. The first element is the type, so tuples of all types compare."""
    kind = kind_of(value)
    if kind not in _KEYS:
        raise invalid("A value has no type, or one that cannot be compared.")
    return _KEYS[kind](value)


_SCALARS = frozenset(
    {"string_value", "integer_value", "double_value", "boolean_value", "null_value", "bytes_value"}
)


def normalise(fields: Any, depth: int = 1) -> bool:
    """Check what may be stored, and cut timestamps to microseconds, in place.

    Answers whether a key begins with another one, here or deeper (see `canonical`): one pass is what a write can pay.
    """
    entangled = False
    last = ""
    for name in sorted(fields):
        if not name or name[0] == "_" or len(name) > MAX_FIELD_NAME // 4:
            _check_field_name(name, fields)
        entangled = entangled or (last != "" and name.startswith(last))
        last = name
        value = fields[name]
        kind = value.WhichOneof("value_type")
        if kind not in _SCALARS:
            entangled = _normalise_value(value, kind, depth) or entangled
    return entangled


def _check_field_name(name: str, fields: Any) -> None:
    if not name:
        raise invalid("A field name is empty.")
    if (
        name[:2] == "__"
        and name[-2:] == "__"
        and len(name) > 3
        and not (name == "__type__" and is_vector(fields))
    ):
        raise invalid(f'Field name "{name}" is reserved.')
    if len(name) > MAX_FIELD_NAME // 4 and len(name.encode()) > MAX_FIELD_NAME:
        raise invalid(f"A field name is longer than {MAX_FIELD_NAME} bytes.")


def _normalise_value(value: Any, kind: str | None, depth: int) -> bool:
    if kind == "timestamp_value":
        _normalise_time(value.timestamp_value)
    elif kind == "map_value":
        _check_depth(depth)
        return normalise(value.map_value.fields, depth + 1)
    elif kind == "array_value":
        _check_depth(depth)
        return _normalise_array(value.array_value, depth + 1)
    elif kind == "geo_point_value":
        _check_point(value.geo_point_value)
    elif kind == "reference_value":
        _check_reference(value.reference_value)
    elif kind not in _SCALARS:
        raise invalid("A field's value has no type, or one that cannot be stored.")
    return False


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise invalid(f"A value is nested deeper than the maximum of {MAX_DEPTH} maps and arrays.")


def _normalise_array(array: Any, depth: int) -> bool:
    entangled = False
    for element in array.values:
        kind = element.WhichOneof("value_type")
        if kind == "array_value":
            raise invalid("Cannot convert an array value in an array value.")
        if kind not in _SCALARS:
            entangled = _normalise_value(element, kind, depth) or entangled
    return entangled


def _normalise_time(time: Any) -> None:
    if not (_FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < 1_000_000_000):
        raise invalid("A timestamp is outside of the years 1 to 9999.")
    if time.nanos % 1000:
        time.nanos -= time.nanos % 1000


def _check_point(point: Any) -> None:
    if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180):
        raise invalid("A geo point's latitude must be in [-90, 90] and its longitude in [-180, 180].")


def _check_reference(name: str) -> None:
    parts = name.split("/")
    if len(parts) < 7 or len(parts) % 2 == 0 or parts[0] != "projects" or parts[4] != "documents":
        raise invalid("A reference value is not the name of a document.")


def _size(value: Any) -> int:
    kind = kind_of(value)
    if kind == "string_value":
        return len(value.string_value.encode()) + 1
    if kind == "bytes_value":
        return len(value.bytes_value)
    if kind == "reference_value":
        return _name_size(value.reference_value.split("/", 5)[-1])
    if kind == "array_value":
        return sum(map(_size, value.array_value.values))
    if kind == "map_value":
        return _fields_size(value.map_value.fields) + 32
    return {"null_value": 1, "boolean_value": 1, "geo_point_value": 16}.get(kind or "", 8)


def _fields_size(fields: Any) -> int:
    return sum(len(name.encode()) + 1 + _size(value) for name, value in fields.items())


def _name_size(path: str) -> int:
    return sum(len(segment.encode()) + 1 for segment in path.split("/")) + 16


def check_size(name: str, path: str, document: Any, encoded: int) -> None:
    """Refuse a document above 1 MiB as the service counts. `encoded` is its serialized length.

    No value counts for more than eight times its encoded bytes, so most documents need no counting.
    """
    if encoded < MAX_DOCUMENT // 8:
        return
    size = _name_size(path) + _fields_size(document.fields) + 32
    if size > MAX_DOCUMENT:
        raise invalid(
            f"Document '{name}' cannot be written because its size ({size:,} bytes) exceeds the maximum "
            f"allowed size of {MAX_DOCUMENT:,} bytes."
        )
