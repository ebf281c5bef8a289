"""What people read: units, times, tables, and text that cannot steer a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cli.output import count, duration, moment, printable, rate, size, table
from cli.values import lines


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (24_902_668, "24.9 MB"),
        (3 * 10**15, "3.0 PB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(number: int, told: str) -> None:
    assert size(number) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.004, "0.00 s"),
        (0.42, "0.42 s"),
        (3.14, "3.1 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3_599.6, "1 h 00 min"),
        (7_380, "2 h 03 min"),
    ],
)
def test_durations_are_told_in_the_unit_people_use(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_counts_are_grouped_and_their_noun_agrees() -> None:
    assert [count(82_165), count(0, "document"), count(1, "document")] == [
        "82,165",
        "0 documents",
        "1 document",
    ]


def test_a_rate_over_no_time_is_not_a_number() -> None:
    assert (rate(10, 0), rate(9_000, 2)) == ("-", "4,500/s")


@pytest.fixture
def zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zurich")
def test_moments_are_told_in_the_users_zone() -> None:
    assert moment(datetime(2025, 7, 1, 22, 30, 5, tzinfo=UTC)) == "2025-07-02 00:30:05 CEST"


def test_control_characters_are_shown_not_obeyed() -> None:
    hostile = "a\x1b[2Jb\rc\u202ed\u2028\x00é"
    assert printable(hostile) == "a\\x1b[2Jb\\x0dc\\u202ed\\u2028\\x00é"


def test_tables_are_aligned_and_have_no_trailing_blanks() -> None:
    assert table(("ID", "N"), [("a", "1"), ("long", "22")], frozenset({1})) == [
        "ID     N",
        "a      1",
        "long  22",
    ]


def test_every_kind_of_value_is_shown_with_its_type() -> None:
    fields = {
        "z": {"nullValue": None},
        "b": {"booleanValue": True},
        "i": {"integerValue": "9223372036854775807"},
        "d": {"doubleValue": "-0.0"},
        "t": {"timestampValue": "2024-03-19T03:30:00.123457Z"},
        "s": {"stringValue": "a\nb"},
        "y": {"bytesValue": "AAE="},
        "r": {"referenceValue": "databases/(default)/documents/a/b"},
        "g": {"geoPointValue": {"latitude": 1.5}},
        "a": {"arrayValue": {"values": [{"mapValue": {"fields": {"x": {"stringValue": "é" * 300}}}}]}},
        "e": {"arrayValue": {}},
        "m": {"mapValue": {}},
    }
    shown = [line.split(maxsplit=2) for line in lines(fields)]
    for expected in (
        ["a", "array", "1 value"],
        ["[0]", "map", "1 field"],
        ["b", "boolean", "true"],
        ["d", "double", "-0.0"],
        ["e", "array", "0 values"],
        ["g", "geopoint", "1.5, 0"],
        ["i", "integer", "9223372036854775807"],
        ["m", "map", "0 fields"],
        ["s", "text", '"a\\x0ab"'],
        ["z", "null"],
    ):
        assert expected in shown
    assert any(line[-1].endswith('(300 characters)"') for line in shown)
