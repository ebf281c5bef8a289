"""What is kept and why: a table of cases, and what holds for every set of snapshots and rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.retention import Automatic, Decision, Held, Keep, Rotation, Rules, decide

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def daily(count: int, **fields: object) -> list[Held]:
    """d0 is of now, d1 of a day before, and so on."""
    return [Held(f"d{n}", NOW - timedelta(days=n), size=10, **fields) for n in range(count)]  # type: ignore[arg-type]


def dropped(decisions: list[Decision]) -> list[str]:
    return [one.id for one in decisions if not one.keep]


def rule_of(decisions: list[Decision], snapshot: str) -> str:
    return next(one.rule for one in decisions if one.id == snapshot)


def oldest(days: int = 36_500, most: int = 1_000_000, floor: int = 1) -> Rules:
    return Rules(Automatic(days, most, "oldest"), floor=floor)


CASES: list[tuple[str, list[Held], Rules, list[str]]] = [
    ("nothing there", [], oldest(1, 1), []),
    ("no rules at all", daily(5), Rules(), []),
    ("days", daily(5), oldest(days=2), ["d3", "d4"]),
    ("exactly as old as allowed is kept", daily(4), oldest(days=3), []),
    ("max backups", daily(5), oldest(most=2), ["d2", "d3", "d4"]),
    ("days and max backups", daily(6), oldest(days=4, most=4), ["d4", "d5"]),
    ("the floor is stronger", daily(5), oldest(days=1, most=1, floor=3), ["d3", "d4"]),
    ("a floor above all", daily(2), oldest(1, 1, floor=9), []),
    ("manual ones are not retention's", daily(5, automatic=False), oldest(1, 1), []),
    (
        "nor do they count",
        [*daily(2), Held("m", NOW - timedelta(hours=1), automatic=False)],
        oldest(most=2),
        [],
    ),
    ("a pin", [*daily(3), replace(daily(6)[5], pinned=True)], oldest(days=1), ["d2"]),
    ("a pin takes no place of others", [*daily(2), replace(daily(6)[5], pinned=True)], oldest(most=2), []),
    ("a job's", [*daily(3), replace(daily(6)[5], needed=True)], oldest(days=1), ["d2"]),
    ("the newest verified", [*daily(3), replace(daily(6)[5], verified=True)], oldest(days=1), ["d2"]),
    (
        "only the newest of the verified",
        [replace(one, verified=one.id in "d2 d4") for one in daily(6)],
        oldest(days=1),
        ["d3", "d4", "d5"],
    ),
    (
        "a verified part does not replace a verified whole",
        [replace(one, verified=one.id in "d1 d4", whole=one.id != "d1") for one in daily(6)],
        oldest(days=0, most=1),
        ["d2", "d3", "d5"],
    ),
    ("old ones only, of a system that stands still", [Held("a", NOW - timedelta(days=900))], oldest(1), []),
    ("of the future", [Held("f", NOW + timedelta(days=1)), *daily(2)], oldest(most=1), ["d0", "d1"]),
    (
        "largest first",
        [replace(one, size=size) for one, size in zip(daily(5), [1, 9, 3, 8, 2], strict=True)],
        Rules(Automatic(36_500, 3, "size"), floor=1),
        ["d1", "d3"],
    ),
    (
        "largest first spares the newest",
        [replace(one, size=9 - n) for n, one in enumerate(daily(3))],
        Rules(Automatic(36_500, 2, "size"), floor=1),
        ["d1"],
    ),
    (
        "rotation by time, manual ones too",
        daily(4, automatic=False),
        Rules(None, Rotation("time", 2), 1),
        ["d3"],
    ),
    ("rotation by count", daily(4), Rules(None, Rotation("count", 3), 1), ["d3"]),
    ("rotation by size", daily(5), Rules(None, Rotation("size", 25), 1), ["d2", "d3", "d4"]),
    ("rotation by size to nothing", daily(5), Rules(None, Rotation("size", 0), 2), ["d2", "d3", "d4"]),
    ("both", daily(6), Rules(Automatic(4, 99, "oldest"), Rotation("count", 4), 1), ["d4", "d5"]),
    ("a configuration that fails", daily(9), replace(oldest(1, 1), unfit="broken"), []),
    (
        "custom without rules keeps the floor",
        daily(5),
        Rules(Automatic(1, 1, "custom"), floor=2),
        ["d2", "d3", "d4"],
    ),
    (
        "custom is not bound by days",
        daily(5),
        Rules(Automatic(1, 1, "custom", Keep(last=4)), floor=1),
        ["d4"],
    ),
]


@pytest.mark.parametrize(
    ("snapshots", "rules", "gone"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_table_of_cases(snapshots: list[Held], rules: Rules, gone: list[str]) -> None:
    decisions = decide(reversed(snapshots), rules, NOW)
    assert dropped(decisions) == gone
    assert sorted(one.id for one in decisions) == sorted(one.id for one in snapshots)
    assert all(one.rule for one in decisions)


def test_generations_keep_the_newest_of_each_period() -> None:
    rules = Rules(Automatic(1, 1, "custom", Keep(daily=3, weekly=2, monthly=2, yearly=2)), floor=1)
    decisions = decide(daily(500), rules, NOW)
    assert [one.id for one in decisions if one.keep] == ["d0", "d1", "d2", "d7", "d29", "d88"]
    assert rule_of(decisions, "d7") == "custom: weekly 2026-W12"
    assert rule_of(decisions, "d88") == "custom: yearly 2025"


def test_a_day_is_one_of_the_zone() -> None:
    """Berlin has no hour from two to three in that night, and midnight is not UTC's."""
    times = [datetime(2026, 3, 28, 22, 59, tzinfo=UTC), datetime(2026, 3, 28, 23, 1, tzinfo=UTC), NOW]
    snapshots = [Held(str(number), at) for number, at in enumerate(times)]
    for zone, kept in (("Europe/Berlin", ["2", "0"]), ("UTC", ["2", "1"])):
        rules = Rules(Automatic(1, 1, "custom", Keep(daily=2, timezone=zone)), floor=1)
        assert [one.id for one in decide(snapshots, rules, NOW) if one.keep] == kept


def test_the_hour_that_comes_twice_is_two() -> None:
    snapshots = [Held(str(hour), datetime(2026, 10, 25, hour, 5, tzinfo=UTC)) for hour in (0, 1)]
    rules = Rules(Automatic(1, 1, "custom", Keep(hourly=2, timezone="Europe/Berlin")), floor=1)
    assert not dropped(decide(snapshots, rules, NOW))


def test_every_decision_names_its_rule() -> None:
    snapshots = [
        *daily(5),
        Held("m", NOW - timedelta(days=9), automatic=False),
        replace(daily(8)[7], pinned=True),
    ]
    decisions = decide(snapshots, oldest(days=3, most=2), NOW)
    rules = {one.id: one.rule for one in decisions}
    assert rules == {
        "d0": "newest",
        "d1": "no rule drops it",
        "d2": "more than 2 automatic backups, oldest first",
        "d3": "more than 2 automatic backups, oldest first",
        "d4": "older than 3 days",
        "d7": "pinned",
        "m": "manual",
    }


SNAPSHOTS = st.lists(
    st.builds(
        Held,
        id=st.text("ab0é", min_size=1, max_size=6),
        at=st.integers(-3, 900).map(lambda hours: NOW - timedelta(hours=hours)),
        size=st.integers(0, 50),
        automatic=st.booleans(),
        verified=st.booleans(),
        whole=st.booleans(),
        pinned=st.integers(0, 5).map(lambda n: n == 0),
        needed=st.integers(0, 9).map(lambda n: n == 0),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)
SMALL = st.integers(0, 5)
KEEPS = st.builds(
    Keep,
    last=SMALL,
    within=SMALL.map(lambda days: timedelta(days=days)),
    hourly=SMALL,
    daily=SMALL,
    weekly=SMALL,
    monthly=SMALL,
    yearly=SMALL,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
)
RULES = st.builds(
    Rules,
    automatic=st.none()
    | st.builds(
        Automatic,
        days=st.integers(1, 40),
        most=st.integers(1, 20),
        strategy=st.sampled_from(["oldest", "size", "custom"]),
        keep=KEEPS,
    ),
    rotation=st.none()
    | st.builds(Rotation, by=st.sampled_from(["time", "size", "count"]), limit=st.integers(1, 200)),
    floor=st.integers(1, 5),
)


@settings(max_examples=150, deadline=None)
@given(SNAPSHOTS, RULES)
def test_what_must_stay_stays_and_a_second_time_drops_no_more(snapshots: list[Held], rules: Rules) -> None:
    decisions = decide(snapshots, rules, NOW)
    gone = set(dropped(decisions))
    left = [one for one in snapshots if one.id not in gone]
    assert len(left) >= min(rules.floor, len(snapshots))
    newest = sorted(snapshots, key=lambda one: (one.at, one.id))
    assert not gone & {one.id for one in newest[-1:]}
    assert not gone & {one.id for one in [one for one in newest if one.verified][-1:]}
    assert not gone & {one.id for one in [one for one in newest if one.verified and one.whole][-1:]}
    assert not gone & {one.id for one in snapshots if one.pinned or one.needed}
    assert not dropped(decide(left, rules, NOW))
    assert decide(reversed(snapshots), rules, NOW) == decisions


LENIENT = st.sampled_from(
    [
        lambda n: Rules(Automatic(3 + n, 4 + n, "oldest"), floor=1),
        lambda n: Rules(Automatic(3, 4, "custom", Keep(last=n, daily=2)), floor=1),
        lambda n: Rules(Automatic(3, 4, "custom", Keep(daily=2 + n, weekly=n)), floor=1),
        lambda n: Rules(Automatic(3, 4, "custom", Keep(within=timedelta(days=n), monthly=2)), floor=1),
        lambda n: Rules(Automatic(3, 4, "custom", Keep(yearly=1)), floor=1 + n),
        lambda n: Rules(None, Rotation("time", 1 + n), 1),
        lambda n: Rules(None, Rotation("count", 1 + n), 1),
    ]
)
"""Rules that allow the more, the larger the number."""


@settings(max_examples=100, deadline=None)
@given(SNAPSHOTS, LENIENT, SMALL, SMALL)
def test_more_generous_rules_drop_nothing_else(
    snapshots: list[Held], rules: Callable[[int], Rules], less: int, more: int
) -> None:
    generous = dropped(decide(snapshots, rules(less + more), NOW))
    assert {*generous} <= {*dropped(decide(snapshots, rules(less), NOW))}


@settings(max_examples=50, deadline=None)
@given(SNAPSHOTS.filter(bool), RULES, st.data())
def test_a_pin_is_stronger_than_any_rule(snapshots: list[Held], rules: Rules, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(snapshots))
    pinned = [replace(each, pinned=each.pinned or each.id == one.id) for each in snapshots]
    assert one.id not in dropped(decide(pinned, rules, NOW))
