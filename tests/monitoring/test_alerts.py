"""Which facts make which alert, when it is told, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.policy.alerts import Before, Facts, Limit, Sized, Wrong, transitions

NOW = datetime(2025, 3, 31, 6, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FINE = Facts(
    NOW,
    objective=26 * HOUR,
    watched_since=NOW - 90 * DAY,
    recovery_point=NOW - 3 * HOUR,
    verify_within=8 * DAY,
    verified=NOW - 2 * DAY,
    first=NOW - 60 * DAY,
)


def sized(*sizes: int, items: int = 1_000) -> tuple[Sized, ...]:
    return tuple(Sized(f"b{number}", items, size) for number, size in enumerate(sizes))


def counted(*items: int) -> tuple[Sized, ...]:
    return tuple(Sized(f"b{number}", count, 10) for number, count in enumerate(items))


def keys(facts: Facts, before: Before = Before(), opened: tuple[str, ...] = ()) -> list[str]:  # noqa: B008
    """The keys that are open after a look."""
    known = {key: Wrong(key, "late", "as it was told") for key in opened}
    open_now = set(opened)
    for one in transitions(facts, before, known):
        (open_now.add if one.began else open_now.discard)(one.wrong.key)
    return sorted(open_now)


MB = 1_000_000
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("all is well", {}, []),
    ("at its objective", {"recovery_point": NOW - 26 * HOUR}, []),
    ("past its objective", {"recovery_point": NOW - 26 * HOUR - timedelta(seconds=1)}, ["late"]),
    ("past twice that", {"recovery_point": NOW - 53 * HOUR}, ["late", "missing"]),
    ("nothing is scheduled", {"objective": None, "recovery_point": NOW - 900 * DAY}, []),
    ("no backup, just set up", {"recovery_point": None, "watched_since": NOW - HOUR}, []),
    ("no backup, for a day", {"recovery_point": None, "watched_since": NOW - 27 * HOUR}, ["late"]),
    (
        "no backup, for a month",
        {"recovery_point": None, "watched_since": NOW - 30 * DAY},
        ["late", "missing"],
    ),
    ("a clock that went back", {"recovery_point": NOW + 5 * DAY}, []),
    ("the last failed", {"failed": "b9, incomplete"}, ["failed"]),
    ("two are damaged", {"damaged": ("a", "b")}, ["damaged:a", "damaged:b"]),
    ("verified long ago", {"verified": NOW - 9 * DAY}, ["unverified"]),
    ("never verified, all new", {"verified": None, "first": NOW - DAY}, []),
    ("never verified", {"verified": None}, ["unverified"]),
    ("no backup to verify", {"verified": None, "first": None}, []),
    ("nobody expects checks", {"verified": None, "verify_within": None}, []),
    ("as large as usual", {"history": sized(10 * MB, 12 * MB, 11 * MB, 15 * MB)}, []),
    ("too few to tell", {"history": sized(10 * MB, 10 * MB, 99 * MB)}, []),
    ("much larger", {"history": sized(10 * MB, 12 * MB, 11 * MB, 23 * MB)}, ["unusual_size"]),
    ("much smaller", {"history": sized(10 * MB, 12 * MB, 11 * MB, 5 * MB)}, ["unusual_size"]),
    ("empty", {"history": sized(10 * MB, 12 * MB, 11 * MB, 0)}, ["unusual_size"]),
    ("small ones vary", {"history": sized(10, 10, 10, 900_000)}, []),
    ("one odd one before", {"history": sized(10 * MB, 900 * MB, 10 * MB, 11 * MB)}, []),
    ("half are left", {"history": counted(1_000, 500)}, []),
    ("most are gone", {"history": counted(1_000, 499)}, ["mass_deletion"]),
    ("all are gone", {"history": counted(100, 0)}, ["mass_deletion"]),
    ("few there were", {"history": counted(99, 0)}, []),
    ("the first there is", {"history": counted(5)}, []),
    ("rotation stopped", {"frozen": "60 of 100 entries are gone"}, ["mass_deletion"]),
    ("below a limit", {"limits": (Limit("storage", 89, 100, "bytes"),)}, []),
    ("near a limit", {"limits": (Limit("storage", 90, 100, "bytes"),)}, ["near_limit:storage"]),
    ("past one of two", {"limits": (Limit("a", 9, 1, "s"), Limit("b", 0, 1, "s"))}, ["near_limit:a"]),
    ("no limit", {"limits": (Limit("storage", 90, 0, "bytes"),)}, []),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_facts_open_alerts(facts: dict[str, Any], expected: list[str]) -> None:
    assert keys(replace(FINE, **facts)) == expected


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_was_told_is_not_told_again_and_is_over_when_it_is_over(
    facts: dict[str, Any], expected: list[str]
) -> None:
    wrong = replace(FINE, **facts)
    first = transitions(wrong, Before(), {})
    opened = {one.wrong.key: one.wrong for one in first}
    assert [one.wrong.key for one in first] == expected
    assert transitions(wrong, Before(), opened) == ()
    over = transitions(FINE, Before(), opened)
    assert [(one.wrong, one.began) for one in over] == [(opened[key], False) for key in expected]


def test_a_lost_backup_is_told_when_it_is_seen_twice() -> None:
    lost = replace(FINE, lost=("a",))
    assert keys(lost) == []
    assert keys(lost, Before(lost=("b",))) == []
    assert keys(lost, Before(lost=("a", "b"))) == ["missing:a"]
    assert keys(lost, opened=("missing:a",)) == ["missing:a"]


@pytest.mark.parametrize(
    ("facts", "opened"),
    [
        ({"limits": (Limit("storage", 86, 100, "bytes"),)}, "near_limit:storage"),
        ({"history": sized(10 * MB, 10 * MB, 10 * MB, 19 * MB)}, "unusual_size"),
        ({"history": sized(10 * MB, 10 * MB, 10 * MB, int(5.5 * MB))}, "unusual_size"),
    ],
)
def test_what_hovers_at_a_threshold_is_told_once(facts: dict[str, Any], opened: str) -> None:
    hovering = replace(FINE, **facts)
    assert keys(hovering) == []
    assert keys(hovering, opened=(opened,)) == [opened]


def test_the_end_repeats_what_was_told_and_comes_before_what_begins() -> None:
    opened = {"failed": Wrong("failed", "failed", "the last backup failed: b1")}
    over, began = transitions(replace(FINE, damaged=("b2",)), Before(), opened)
    assert (over.began, over.wrong.message) == (False, "the last backup failed: b1")
    assert (began.began, began.wrong.key) == (True, "damaged:b2")
