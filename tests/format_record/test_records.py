"""A record's bytes mean exactly one set of typed fields."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from format_record_values import DocumentPb, T, everything, nan, nested, one_of_every, record
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Corrupt, Unsupported
from shared.format import record as r
from shared.format import wire
from shared.format.references import absolutise, relativise

VALUES = one_of_every()
VECTORS = Path(__file__).parent / "vectors.json"


def entry(key: str, value: bytes, number: int = 2) -> bytes:
    return wire.message(number, wire.message(1, key.encode()) + wire.message(2, value))


@pytest.mark.parametrize("how", ["alone", "map", "array", "map in array", "deep"])
@pytest.mark.parametrize("name", VALUES)
def test_two_records_are_equal_only_when_the_value_is_the_same(name: str, how: str) -> None:
    mine = record({"f": nested(VALUES[name])[how]})
    for other, value in VALUES.items():
        assert r.equal(mine, record({"f": nested(value)[how]}, None)) == (name == other)


def test_minus_zero_is_not_zero_and_nan_is_itself_by_bits() -> None:
    quiet, other = nan(0x7FF8000000000000), nan(0x7FF8000000000001)
    assert not r.equal(record({"x": VALUES["double zero"]}), record({"x": VALUES["double minus zero"]}))
    assert not r.equal(entry("x", quiet), entry("x", other))
    assert r.equal(entry("x", other) + entry("y", quiet), entry("y", quiet) + entry("x", other))
    assert r.to_json(entry("x", other))["fields"]["x"] == {"doubleValue": "NaN:7ff8000000000001"}


def test_the_order_of_map_keys_does_not_count_and_that_of_arrays_does() -> None:
    one, two = b"\x10\x01", b"\x10\x02"
    sorted_map = wire.message(6, entry("a", one, 1) + entry("b", two, 1))
    other_map = wire.message(6, entry("b", two, 1) + entry("a", one, 1))
    assert r.equal(entry("m", sorted_map), entry("m", other_map))
    assert r.canonical(entry("m", other_map)) == entry("m", sorted_map)
    forth = wire.message(9, wire.message(1, one) + wire.message(1, two))
    back = wire.message(9, wire.message(1, two) + wire.message(1, one))
    assert not r.equal(entry("m", forth), entry("m", back))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), unique=True, max_size=8),
    st.randoms(),
)
def test_canonical_order_is_by_key_bytes_whatever_the_order_sent(
    keys: list[str], chance: random.Random
) -> None:
    want = b"".join(entry(key, b"\x10\x01") for key in sorted(keys, key=str.encode))
    chance.shuffle(keys)
    assert r.canonical(b"".join(entry(key, b"\x10\x01") for key in keys)) == want


def test_times_are_read_and_stripped_and_do_not_count() -> None:
    late = record({"a": VALUES["text"]}, T.replace(year=2026))
    early = record({"a": VALUES["text"]}, T)
    assert r.update_time(early) == T
    assert r.equal(late, early)
    assert r.strip_times(late) == r.strip_times(early) == record({"a": VALUES["text"]}, None)
    assert r.update_time(record({})) == T
    assert r.strip_times(record({})) == b""


def test_times_before_the_fields_are_found_as_well() -> None:
    times, fields = record({}), record({"a": VALUES["text"]}, None)
    assert r.update_time(times + fields) == T
    assert r.strip_times(times + fields) == fields
    assert r.equal(times + fields, fields)


def test_a_record_without_an_update_time_says_so() -> None:
    with pytest.raises(Corrupt, match="update time"):
        r.update_time(record({"a": VALUES["text"]}, None))


def test_every_value_at_every_nesting_keeps_its_bytes() -> None:
    value = everything()
    assert absolutise(relativise(value, "demo-p"), "demo-p") == value
    sorted_once = r.canonical(value)
    assert r.canonical(sorted_once) == sorted_once
    assert r.to_json(sorted_once) == r.to_json(value)
    kept = DocumentPb.FromString(r.strip_times(sorted_once)).fields
    assert len(kept) == len(VALUES) * 5
    assert list(r.to_json(sorted_once)["fields"]) == sorted(kept)


def test_references_to_the_own_project_follow_the_project_and_others_stay() -> None:
    value = relativise(everything(), "demo-p", "(default)")
    moved = DocumentPb.FromString(absolutise(value, "q", "restored", "(default)"))
    found = {
        name: moved.fields[f"{name}: alone"].reference_value
        for name in VALUES
        if name.startswith("reference")
    }
    assert found == {
        "reference own": "projects/q/databases/restored/documents/a/b",
        "reference other database": "projects/q/databases/other/documents/a/b",
        "reference foreign": "projects/demo-pq/databases/(default)/documents/a/b",
    }
    deep = moved.fields["reference own: deep"].array_value.values[0].map_value.fields["y"].array_value.values
    assert deep[0].reference_value == deep[1].map_value.fields["x"].reference_value == found["reference own"]


def test_databases_of_one_project_stay_apart_when_records_live_under_another_name() -> None:
    def refers(name: str) -> bytes:
        return entry("r", wire.message(5, f"projects/p/databases/{name}/documents/a/b".encode()))

    here = {
        name: relativise(refers(name), "p", "copy", "(default)") for name in ("copy", "(default)", "third")
    }
    assert len(set(here.values())) == 3
    assert here["copy"] == relativise(refers("(default)"), "p", "(default)")
    assert {name: absolutise(v, "p", "copy", "(default)") for name, v in here.items()} == {
        n: refers(n) for n in here
    }


def test_a_text_or_a_map_key_that_looks_like_a_reference_is_left_alone() -> None:
    text = b"projects/demo-p/databases/(default)/documents/a/b"
    value = entry(text.decode(), b"\x8a\x01" + bytes([len(text)]) + text)
    assert relativise(value, "demo-p") == value
    relative = entry("databases/x", wire.message(17, b"databases/x/documents/a/b"))
    assert absolutise(relative, "q") == relative


def test_a_reference_without_a_project_is_refused() -> None:
    with pytest.raises(Unsupported):
        relativise(entry("r", wire.message(5, b"databases/d/documents/a/b")), "demo-p")


@pytest.mark.parametrize(
    "value",
    [
        wire.message(1, b"name"), wire.message(5, b"x"), b"\x28\x01", entry("a", wire.message(19, b"field")),
        entry("a", wire.message(20, b"")), entry("a", wire.message(21, b"")), entry("a", wire.message(22, b"x")),
        entry("a", b"\x10\x01\x98\x06\x01"), wire.message(2, wire.message(1, b"a") + wire.message(3, b"")),
        entry("a", wire.message(8, b"\x19" + bytes(8))), entry("a", wire.message(9, wire.message(2, b""))),
        entry("a", wire.message(6, entry("b", b"\x10\x01\xf8\x06\x01", 1))), record({}) + b"\x28\x01",
    ],
)  # fmt: skip
def test_an_unknown_field_or_type_is_refused_everywhere_and_never_dropped(value: bytes) -> None:
    with pytest.raises((Unsupported, Corrupt)):
        r.to_json(value)
    with pytest.raises((Unsupported, Corrupt)):
        r.canonical(value)


@pytest.mark.parametrize(
    "value",
    [
        b"\x12", b"\x12\x05ab", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x13", b"\x00\x01",
        entry("a", b"\x10\x01") + entry("a", b"\x10\x01"), entry("a", b"\x10"), entry("a", b"\x19\x00"),
        wire.message(2, b"\x0a\x01a"), record({}) + record({}), entry("a", b""), entry("a", b"\x10\x01\x08\x01"),
    ],
)  # fmt: skip
def test_malformed_bytes_are_corrupt(value: bytes) -> None:
    with pytest.raises(Corrupt):
        r.to_json(value)
    with pytest.raises(Corrupt):
        r.canonical(value)


def test_a_text_or_key_that_is_not_utf8_is_corrupt() -> None:
    for value in (entry("a", wire.message(17, b"\xff")), wire.message(2, b"\x0a\x01\xff\x12\x02\x10\x01")):
        with pytest.raises(Corrupt):
            r.to_json(value)


def test_zeros_that_one_server_writes_and_another_leaves_out_do_not_differ() -> None:
    written = entry("t", wire.message(10, b"\x08\x00\x10\x05")) + entry(
        "g", wire.message(8, b"\x09" + bytes(8))
    )
    assert r.equal(written, entry("g", wire.message(8, b"")) + entry("t", wire.message(10, b"\x10\x05")))
    assert not r.equal(
        entry("g", wire.message(8, b"\x09" + bytes(7) + b"\x80")), entry("g", wire.message(8, b""))
    )


def test_values_nested_without_end_are_corrupt_and_not_a_crash() -> None:
    value = wire.message(5, b"projects/p/databases/d/documents/a/b")
    for _ in range(3000):
        value = wire.message(9, wire.message(1, value))
    for read in (r.to_json, r.canonical, lambda v: relativise(v, "p")):
        with pytest.raises(Corrupt):
            read(entry("a", value))


@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=3))
def test_damaged_bytes_raise_our_own_errors_only(at: int, noise: bytes) -> None:
    value = everything()
    at %= len(value)
    damaged = value[:at] + noise + value[at + 1 :]
    for read in (r.to_json, r.canonical, r.update_time, r.strip_times, lambda v: relativise(v, "demo-p")):
        try:
            read(damaged)
        except (Corrupt, Unsupported):
            continue


def test_a_timestamp_out_of_range_or_finer_than_a_microsecond_is_named() -> None:
    with pytest.raises(Corrupt):
        r.to_json(wire.message(4, b"\x08" + wire.varint(253402300800)))
    with pytest.raises(Unsupported):
        r.update_time(wire.message(4, b"\x10\x01"))


def described() -> dict[str, Any]:
    return {
        name: {"record": record({"f": v}).hex(), "json": r.to_json(record({"f": v}))}
        for name, v in VALUES.items()
    }


def test_the_bytes_and_their_meaning_are_frozen() -> None:
    assert json.loads(json.dumps(described())) == json.loads(VECTORS.read_text())
