"""Documents as bytes whose maps are sorted by the bytes of their keys, whatever library made them.

The protobuf library's deterministic order is that one, but for a key that begins with another: `ab` comes before
`a` there. Documents with such keys are put together by hand.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from emulators.firestore.wire import field, text


def serialized(document: Any) -> bytes:
    """A Document's bytes: its name, if it has one, and fields."""
    if not _entangled(document.fields):
        data: bytes = document.SerializeToString(deterministic=True)
        return data
    name = text(1, document.name) if document.name else b""
    return name + _map(2, document.fields)


def _entangled(fields: Any) -> bool:
    """Whether a key begins with another one, here or deeper."""
    if any(longer.startswith(shorter) for shorter, longer in pairwise(sorted(fields))):
        return True
    return any(_entangled_value(value) for value in fields.values())


def _entangled_value(value: Any) -> bool:
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return _entangled(value.map_value.fields)
    return kind == "array_value" and any(map(_entangled_value, value.array_value.values))


def _map(number: int, fields: Any) -> bytes:
    keys = sorted(fields, key=str.encode)
    return b"".join(field(number, text(1, key) + field(2, serialized_value(fields[key]))) for key in keys)


def serialized_value(value: Any) -> bytes:
    """A Value's bytes."""
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return field(6, _map(1, value.map_value.fields))
    if kind == "array_value":
        return field(9, b"".join(field(1, serialized_value(inner)) for inner in value.array_value.values))
    data: bytes = value.SerializeToString(deterministic=True)
    return data
