from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest
from firestore_helpers import DOCUMENTS, ROOT, commit, name, put, refused
from google.cloud import firestore
from google.cloud.firestore_v1.types import Value
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from emulators.firestore.schema import message
from emulators.firestore.values import order_key
from emulators.firestore.wire import read_varint

NANS = [struct.unpack("<d", bits)[0] for bits in (b"\1\0\0\0\0\0\xf8\x7f", b"\0\0\0\0\0\0\xf8\xff")]
SCALARS: list[dict[str, Any]] = [
    {"null_value": 0},
    {"boolean_value": False},
    {"boolean_value": True},
    *({"integer_value": n} for n in (0, -1, (1 << 63) - 1, -(1 << 63))),
    *(
        {"double_value": n}
        for n in (0.0, -0.0, 5e-324, -1.7976931348623157e308, float("inf"), float("-inf"), *NANS)
    ),
    {"timestamp_value": {"seconds": -62135596800}},
    {"timestamp_value": {"seconds": 253402300799, "nanos": 999999000}},
    *({"string_value": text} for text in ("", "\x00", "e\u0301", "\u00e9", "\U0001f600", "x" * 5000)),
    *({"bytes_value": data} for data in (b"", b"\x00\xff", bytes(range(256)))),
    {"reference_value": name("C/a/S/b")},
    {"reference_value": "projects/other/databases/second/documents/C/__id7__"},
    {"geo_point_value": {}},
    {"geo_point_value": {"latitude": -90.0, "longitude": 180.0}},
    {"array_value": {}},
    {"map_value": {}},
    {
        "map_value": {
            "fields": {
                "__type__": {"string_value": "__vector__"},
                "value": {"array_value": {"values": [{"double_value": 1.0}, {"double_value": -0.0}]}},
            }
        }
    },
]


def nested(value: dict[str, Any]) -> dict[str, Any]:
    """A value alone, in a map, in an array, and in a map in an array."""
    fields = {"z": value, "é.`\\": {"map_value": {"fields": {"k": value, "": value}}}}
    del fields["é.`\\"]["map_value"]["fields"][""]
    inner = {"map_value": {"fields": {"b": value, "a": value}}}
    fields["a"] = {"array_value": {"values": [inner] if "array_value" in value else [value, inner, value]}}
    return fields


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: next(iter(value)))
def test_every_value_comes_back_byte_for_byte_at_every_nesting(
    client: firestore.Client, value: dict[str, Any]
) -> None:
    sent = put("C/a", nested(value)).update
    commit(client, [put("C/a", nested(value))])
    got = client._firestore_api.get_document({"name": name("C/a")})
    for field, expected in sent.fields.items():
        assert canonical(got.fields[field]) == canonical(expected)
    listed = next(iter(client._firestore_api.list_documents({"parent": DOCUMENTS, "collection_id": "C"})))
    assert (
        listed == got
        or value.get("double_value") in NANS
        or canonical_document(listed) == canonical_document(got)
    )


def canonical(value: Any) -> bytes:
    data: bytes = Value.pb(value).SerializeToString(deterministic=True)
    return data


def canonical_document(document: Any) -> bytes:
    data: bytes = type(document).pb(document).SerializeToString(deterministic=True)
    return data


def map_keys(data: bytes, number: int) -> list[str]:
    """The keys of a serialized map, in their order on the wire."""
    keys = []
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        length, at = read_varint(data, at)
        if tag == number << 3 | 2 and data[at] == 0x0A:
            keys.append(data[at + 2 : at + 2 + data[at + 1]].decode())
        at += length
    return keys


def test_answers_have_maps_in_the_order_of_key_bytes(client: firestore.Client) -> None:
    keys = ["b", "a", "\uffff", "\U00010000", "aa", "Z", "a\x00", "ab", "e\u0301"]
    inner = {"map_value": {"fields": {key: {"integer_value": 1} for key in keys}}}
    commit(client, [put("C/a", dict.fromkeys(keys, inner))])
    expected = sorted(keys, key=str.encode)
    raw = client._firestore_api.transport.grpc_channel.unary_unary(
        "/google.firestore.v1.Firestore/GetDocument"
    )
    for mask in ({}, {"mask": {"field_paths": ["aa", "a", "b", "ab"]}}):
        data = raw(message("GetDocumentRequest")(name=name("C/a"), **mask).SerializeToString())
        assert map_keys(data, 2) == (
            [key for key in expected if key in ("a", "aa", "ab", "b")] if mask else expected
        )
        start = data.index(b"\x32") + 1
        length, start = read_varint(data, start)
        assert map_keys(data[start : start + length], 1) == expected


def test_timestamps_are_cut_to_microseconds(client: firestore.Client) -> None:
    late = {"timestamp_value": {"seconds": -1, "nanos": 123456789}}
    commit(client, [put("C/a", {"t": late, "in": {"array_value": {"values": [late]}}})])
    fields = client._firestore_api.get_document({"name": name("C/a")}).fields
    assert Value.pb(fields["t"]).timestamp_value.nanos == 123456000
    assert Value.pb(fields["in"].array_value.values[0]).timestamp_value.nanos == 123456000


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"integer_value": 1}
    for level in range(levels):
        value = {"map_value": {"fields": {"k": value}}} if level % 2 else {"array_value": {"values": [value]}}
    return value


REFUSED: dict[str, dict[str, Any]] = {
    "array in array": {"a": {"array_value": {"values": [{"array_value": {}}]}}},
    "no type": {"a": {}},
    "deep": {"a": deep(21)},
    "reserved name": {"__a__": {"integer_value": 1}},
    "reserved name inside": {"a": {"map_value": {"fields": {"__b__": {"integer_value": 1}}}}},
    "long name": {"x" * 1501: {"integer_value": 1}},
    "latitude": {"a": {"geo_point_value": {"latitude": 91.0}}},
    "year 10000": {"a": {"timestamp_value": {"seconds": 253402300800}}},
    "reference": {"a": {"reference_value": "C/a"}},
    "reference to a collection": {"a": {"reference_value": f"{DOCUMENTS}/C"}},
    "size": {"a": {"bytes_value": b"x" * (1 << 20)}},
    "size of many": {"a": {"array_value": {"values": [{"map_value": {}}] * 32768}}},
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_stored_is_refused_and_changes_nothing(client: firestore.Client, why: str) -> None:
    with refused(StatusCode.INVALID_ARGUMENT):
        commit(client, [put("C/before"), put("C/a", REFUSED[why])])
    assert not client.document("C/before").get().exists


def test_documents_up_to_the_limits_are_taken(client: firestore.Client) -> None:
    commit(client, [put("C/deep", {"a": deep(20)}), put("C/name", {"x" * 1500: {"integer_value": 1}})])
    # name (2 + 4 + 16), field (2), 32: as the service counts.
    most = (1 << 20) - (2 + 4 + 16) - 2 - 32
    commit(client, [put("C/big", {"a": {"bytes_value": b"x" * most}})])
    with refused(StatusCode.INVALID_ARGUMENT, "exceeds the maximum"):
        commit(client, [put("C/big", {"a": {"bytes_value": b"x" * (most + 1)}})])


def test_requests_above_ten_mebibytes_are_refused(client: firestore.Client) -> None:
    writes = [put(f"C/{n}", {"a": {"bytes_value": b"x" * 1_000_000}}) for n in range(11)]
    commit(client, writes[:10])
    with refused(StatusCode.INVALID_ARGUMENT, "payload size exceeds"):
        commit(client, writes)


def test_too_many_writes_are_refused(client: firestore.Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "writes allowed"):
        client._firestore_api.batch_write(
            {"database": ROOT, "writes": [put(f"C/{n}") for n in range(10_001)]}
        )


def v(**value: Any) -> Any:
    return message("Value")(**value)


def test_types_are_ordered_as_the_service_does() -> None:
    rising = [
        v(null_value=0),
        v(boolean_value=False),
        v(boolean_value=True),
        v(double_value=float("nan")),
        v(double_value=float("-inf")),
        v(integer_value=-(1 << 63)),
        v(double_value=-0.5),
        v(integer_value=0),
        v(double_value=5e-324),
        v(integer_value=1 << 53),
        v(integer_value=(1 << 53) + 1),
        v(double_value=9007199254740994.0),
        v(double_value=float("inf")),
        v(timestamp_value={"seconds": -1, "nanos": 999}),
        v(timestamp_value={"seconds": 0}),
        v(string_value=""),
        v(string_value="e\u0301"),
        v(string_value="\u00e9"),
        v(string_value="\uffff"),
        v(string_value="\U00010000"),
        v(bytes_value=b""),
        v(bytes_value=b"\xff"),
        v(reference_value=name("C/__id7__")),
        v(reference_value=name("C/a")),
        v(reference_value=name("C/a/S/b")),
        v(reference_value=name("C/a-")),
        v(geo_point_value={"latitude": -1.0, "longitude": 5.0}),
        v(geo_point_value={"latitude": 0.0, "longitude": -5.0}),
        v(array_value={}),
        v(array_value={"values": [v(integer_value=1)]}),
        v(array_value={"values": [v(integer_value=1), v(null_value=0)]}),
        v(array_value={"values": [v(integer_value=2)]}),
        vector(5.0),
        vector(1.0, 1.0),
        vector(1.0, 2.0),
        v(map_value={}),
        v(map_value={"fields": {"a": v(integer_value=1)}}),
        v(map_value={"fields": {"a": v(integer_value=1), "b": v(null_value=0)}}),
        v(map_value={"fields": {"a": v(integer_value=2)}}),
        v(map_value={"fields": {"b": v(null_value=0)}}),
    ]
    keys = [order_key(value) for value in rising]
    assert all(low < high for low, high in pairwise(keys))


def vector(*numbers: float) -> Any:
    values = [v(double_value=number) for number in numbers]
    kind = v(string_value="__vector__")
    return v(map_value={"fields": {"__type__": kind, "value": v(array_value={"values": values})}})


def test_equal_numbers_are_equal_whatever_their_type() -> None:
    assert order_key(v(double_value=-0.0)) == order_key(v(integer_value=0)) == order_key(v(double_value=0.0))
    assert order_key(v(double_value=NANS[0])) == order_key(v(double_value=NANS[1]))


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False))
def test_integers_and_doubles_compare_by_their_exact_value(whole: int, real: float) -> None:
    assert (order_key(v(integer_value=whole)) < order_key(v(double_value=real))) == (whole < real)
