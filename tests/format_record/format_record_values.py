"""One of every Firestore value, as protobuf made by Google's own messages: the material of the record tests."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1.types import Document

DocumentPb: Any = Document.pb()
ValuePb: Any = DocumentPb.DESCRIPTOR.fields_by_name["fields"].message_type.fields_by_name["value"]
T = datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def one_of_every() -> dict[str, Any]:
    """Name to Value message; hostile members of each type."""
    make: Any = type(DocumentPb().fields["x"])
    out: dict[str, Any] = {
        "null": make(null_value=0),
        "true": make(boolean_value=True),
        "false": make(boolean_value=False),
        "int zero": make(integer_value=0),
        "int max": make(integer_value=(1 << 63) - 1),
        "int min": make(integer_value=-(1 << 63)),
        "int beyond double": make(integer_value=(1 << 53) + 1),
        "double zero": make(double_value=0.0),
        "double minus zero": make(double_value=-0.0),
        "double one": make(double_value=1.0),
        "double tiny": make(double_value=5e-324),
        "nan": make(double_value=float("nan")),
        "infinity": make(double_value=float("inf")),
        "minus infinity": make(double_value=float("-inf")),
        "text": make(string_value="zwölf 日本 😀 \x00 \" ' databases/x"),
        "text empty": make(string_value=""),
        "bytes": make(bytes_value=bytes(range(256))),
        "bytes empty": make(bytes_value=b""),
        "reference own": make(reference_value="projects/demo-p/databases/(default)/documents/a/b"),
        "reference other database": make(reference_value="projects/demo-p/databases/other/documents/a/b"),
        "reference foreign": make(reference_value="projects/demo-pq/databases/(default)/documents/a/b"),
        "geo": make(geo_point_value={"latitude": -90.0, "longitude": 179.9999999999}),
        "geo zero": make(geo_point_value={}),
        "time": make(timestamp_value={"seconds": 1, "nanos": 999999000}),
        "time before 1970": make(timestamp_value={"seconds": -62135596800, "nanos": 1000}),
        "time zero": make(timestamp_value={}),
        "array empty": make(array_value={}),
        "map empty": make(map_value={}),
    }
    vector = make()
    vector.map_value.fields["__type__"].string_value = "__vector__"
    for x in (1.0, -0.0, 2.5):
        vector.map_value.fields["value"].array_value.values.add(double_value=x)
    out["vector"] = vector
    return out


def nested(value: Any) -> dict[str, Any]:
    """A value alone, in a map, in an array, in a map in an array, in an array in a map in an array."""
    make = type(value)
    in_map, in_array, map_in_array, deep = make(), make(), make(), make()
    in_map.map_value.fields["x"].CopyFrom(value)
    in_array.array_value.values.add().CopyFrom(value)
    map_in_array.array_value.values.add().CopyFrom(in_map)
    inner = deep.array_value.values.add().map_value.fields["y"]
    inner.array_value.values.add().CopyFrom(value)
    inner.array_value.values.add().CopyFrom(in_map)
    return {"alone": value, "map": in_map, "array": in_array, "map in array": map_in_array, "deep": deep}


def record(fields: dict[str, Any], at: datetime | None = T) -> bytes:
    """The record of a document with these fields, as a server would send it."""
    made = DocumentPb()
    for name, value in fields.items():
        made.fields[name].CopyFrom(value)
    if at is not None:
        made.create_time.FromDatetime(at)
        made.update_time.FromDatetime(at)
    out: bytes = made.SerializeToString(deterministic=True)
    return out


def everything() -> bytes:
    """One record that holds every value at every nesting."""
    return record({f"{name}: {how}": v for name, x in one_of_every().items() for how, v in nested(x).items()})


def nan(bits: int) -> bytes:
    """A Value that holds a NaN of these bits."""
    return b"\x19" + struct.pack("<Q", bits)
