"""Documents as bytes whose maps are sorted by the bytes of their keys, whatever library made them.

The protobuf library's deterministic order is that one, but for a key that begins with another: `ab` comes before
`a` there. Documents with such keys are put together by hand.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

from emulators.firestore.wire import field, text, varint


def serialized(document: Any, entangled: bool | None = None) -> bytes:
    """A Document's bytes: its name, if it has one, and fields.

    `entangled`: whether a key begins with another one, where that is known already.
    """
    if entangled is None:
        entangled = _entangled(document.fields)
    if not entangled:
        data: bytes = document.SerializeToString(deterministic=True)
        return data
    name = text(1, document.name) if document.name else b""
    return name + _map(b"\x12", document.fields)


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


@lru_cache(maxsize=4096)
def _key(key: str) -> bytes:
    return text(1, key) + b"\x12"


def _map(tag: bytes, fields: Any) -> bytes:
    parts: list[bytes] = []
    # Strings sort by code point, which is the order of their UTF-8 bytes.
    for key in sorted(fields):
        data = serialized_value(fields[key])
        size = varint(len(data))
        start = _key(key)
        parts += (tag, varint(len(start) + len(size) + len(data)), start, size, data)
    return b"".join(parts)


def serialized_value(value: Any) -> bytes:
    """A Value's bytes."""
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return field(6, _map(b"\x0a", value.map_value.fields))
    if kind == "array_value":
        elements = value.array_value.values
        if any(inner.HasField("map_value") for inner in elements):
            return field(9, b"".join([field(1, serialized_value(inner)) for inner in elements]))
    data: bytes = value.SerializeToString()
    return data
