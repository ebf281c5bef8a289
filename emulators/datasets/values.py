"""Python values as Firestore's, in raw protobuf: no layer between what is written here and what is sent.

None, bool, int, float, str, bytes, aware datetime (to the microsecond), list and dict stand for themselves;
`Point`, `Vector` and `Link` for what Python has no type for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from google.cloud.firestore_v1.types import document as document_types

Document: Any = document_types.Document.pb()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Point(NamedTuple):
    """Degrees north, degrees east."""

    latitude: float
    longitude: float


class Vector(NamedTuple):
    """An embedding, which Firestore keeps as a map of a special type."""

    values: tuple[float, ...]


class Link(NamedTuple):
    """A reference to the document at `path` of the same database."""

    path: str


def encoded(fields: Mapping[str, Any], root: str) -> bytes:
    """A `Document` message with these fields and nothing else; equal fields give equal bytes.

    `root` is `projects/P/databases/D/documents`, which references begin with.
    """
    document = Document()
    _fill_map(document, fields, root)
    data: bytes = document.SerializeToString(deterministic=True)
    return data


def _fill(value: Any, content: Any, root: str) -> None:
    fill = _FILLERS.get(type(content))
    if fill is None:
        raise TypeError(f"a Firestore document cannot hold a {type(content).__name__}")
    fill(value, content, root)


def _null(value: Any, _content: None, _root: str) -> None:
    value.null_value = 0


def _boolean(value: Any, content: bool, _root: str) -> None:  # a value, not a switch
    value.boolean_value = content


def _integer(value: Any, content: int, _root: str) -> None:
    value.integer_value = content


def _double(value: Any, content: float, _root: str) -> None:
    value.double_value = content


def _text(value: Any, content: str, _root: str) -> None:
    value.string_value = content


def _bytes(value: Any, content: bytes, _root: str) -> None:
    value.bytes_value = content


def _timestamp(value: Any, content: datetime, _root: str) -> None:
    seconds, rest = divmod(content - _EPOCH, timedelta(seconds=1))
    value.timestamp_value.seconds = seconds
    value.timestamp_value.nanos = rest.microseconds * 1000
    value.timestamp_value.SetInParent()


def _point(value: Any, content: Point, _root: str) -> None:
    value.geo_point_value.latitude, value.geo_point_value.longitude = content
    value.geo_point_value.SetInParent()


def _link(value: Any, content: Link, root: str) -> None:
    value.reference_value = f"{root}/{content.path}"


def _vector(value: Any, content: Vector, root: str) -> None:
    _map(value, {"__type__": "__vector__", "value": list(content.values)}, root)


def _array(value: Any, content: Sequence[Any], root: str) -> None:
    array = value.array_value
    array.SetInParent()
    for element in content:
        _fill(array.values.add(), element, root)


def _map(value: Any, content: Mapping[str, Any], root: str) -> None:
    value.map_value.SetInParent()
    _fill_map(value.map_value, content, root)


def _fill_map(message: Any, content: Mapping[str, Any], root: str) -> None:
    fields = message.fields
    for name, element in content.items():
        _fill(fields[name], element, root)


_FILLERS: dict[type, Callable[[Any, Any, str], None]] = {
    type(None): _null,
    bool: _boolean,
    int: _integer,
    float: _double,
    str: _text,
    bytes: _bytes,
    datetime: _timestamp,
    Point: _point,
    Link: _link,
    Vector: _vector,
    list: _array,
    dict: _map,
}
