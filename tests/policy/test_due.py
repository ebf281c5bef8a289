"""When a run is due: a table of cases, and what holds for every schedule in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.models.config import Schedule
from shared.policy.due import Past, decide, following, latest

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def schedule(text: str) -> Schedule:
    """`daily 03:30 Europe/Berlin`."""
    frequency, time, zone = text.split()
    return Schedule.from_document({"frequency": frequency, "time": time, "timezone": zone})


@pytest.mark.parametrize(
    ("text", "now", "last", "after"),
    [
        # The plain cases, and the very moment.
        ("daily 03:30 UTC", "2026-05-05T03:30Z", "2026-05-05T03:30Z", "2026-05-06T03:30Z"),
        ("daily 03:30 UTC", "2026-05-05T03:29:59.999999Z", "2026-05-04T03:30Z", "2026-05-05T03:30Z"),
        ("daily 00:00 UTC", "2026-05-05T00:00Z", "2026-05-05T00:00Z", "2026-05-06T00:00Z"),
        ("daily 23:59 UTC", "2026-12-31T23:59Z", "2026-12-31T23:59Z", "2027-01-01T23:59Z"),
        ("weekly 03:30 UTC", "2026-11-23T03:30Z", "2026-11-23T03:30Z", "2026-11-30T03:30Z"),
        ("weekly 03:30 UTC", "2026-11-29T23:59Z", "2026-11-23T03:30Z", "2026-11-30T03:30Z"),
        ("weekly 03:30 UTC", "2026-11-23T03:29Z", "2026-11-16T03:30Z", "2026-11-23T03:30Z"),
        ("monthly 03:30 UTC", "2026-11-23T03:30Z", "2026-11-01T03:30Z", "2026-12-01T03:30Z"),
        ("monthly 03:30 UTC", "2026-12-01T03:29Z", "2026-11-01T03:30Z", "2026-12-01T03:30Z"),
        # Ends of months and years, and leap days.
        ("monthly 00:00 UTC", "2026-12-31T23:59Z", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
        ("monthly 00:00 UTC", "2028-02-29T12:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
        ("daily 12:00 UTC", "2028-02-29T12:00Z", "2028-02-29T12:00Z", "2028-03-01T12:00Z"),
        ("daily 12:00 UTC", "2028-02-28T12:00Z", "2028-02-28T12:00Z", "2028-02-29T12:00Z"),
        ("daily 12:00 UTC", "2100-02-28T12:00Z", "2100-02-28T12:00Z", "2100-03-01T12:00Z"),
        ("weekly 12:00 UTC", "2026-12-31T12:00Z", "2026-12-28T12:00Z", "2027-01-04T12:00Z"),
        # Another date there than in UTC.
        ("daily 00:30 Pacific/Auckland", "2026-06-30T12:30Z", "2026-06-30T12:30Z", "2026-07-01T12:30Z"),
        ("monthly 00:30 Pacific/Auckland", "2026-06-30T12:30Z", "2026-06-30T12:30Z", "2026-07-31T12:30Z"),
        ("monthly 23:30 Pacific/Honolulu", "2026-07-02T09:29Z", "2026-06-02T09:30Z", "2026-07-02T09:30Z"),
        ("weekly 00:10 Pacific/Kiritimati", "2026-11-22T10:10Z", "2026-11-22T10:10Z", "2026-11-29T10:10Z"),
        ("weekly 23:50 Etc/GMT+12", "2026-11-24T11:50Z", "2026-11-24T11:50Z", "2026-12-01T11:50Z"),
        # Odd offsets.
        ("daily 03:30 Asia/Kathmandu", "2026-05-05T00:00Z", "2026-05-04T21:45Z", "2026-05-05T21:45Z"),
        ("daily 03:30 Asia/Kolkata", "2026-05-05T00:00Z", "2026-05-04T22:00Z", "2026-05-05T22:00Z"),
        ("daily 03:30 Australia/Eucla", "2026-05-05T00:00Z", "2026-05-04T18:45Z", "2026-05-05T18:45Z"),
        ("daily 03:30 Pacific/Chatham", "2026-06-05T00:00Z", "2026-06-04T14:45Z", "2026-06-05T14:45Z"),
        # The clocks go forward: 02:30 is not there, 03:00 is.
        ("daily 02:30 Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-28T01:30Z", "2026-03-29T01:00Z"),
        ("daily 02:30 Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"),
        ("daily 02:00 Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-30T00:00Z"),
        ("daily 01:59 Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T00:59Z", "2026-03-29T23:59Z"),
        ("daily 03:00 Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-30T01:00Z"),
        ("daily 02:15 Australia/Lord_Howe", "2026-10-03T15:30Z", "2026-10-03T15:30Z", "2026-10-04T15:15Z"),
        ("daily 00:30 America/Havana", "2026-03-08T05:00Z", "2026-03-08T05:00Z", "2026-03-09T04:30Z"),
        ("daily 00:00 Asia/Beirut", "2026-03-28T22:00Z", "2026-03-28T22:00Z", "2026-03-29T21:00Z"),
        ("weekly 02:30 America/New_York", "2026-03-09T06:30Z", "2026-03-09T06:30Z", "2026-03-16T06:30Z"),
        # A gap over midnight: the first moment is on the next day.
        ("daily 23:30 America/Nuuk", "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"),
        # The clocks go back: 02:30 comes twice, and the first counts.
        ("daily 02:30 Europe/Berlin", "2026-10-25T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        ("daily 02:30 Europe/Berlin", "2026-10-25T01:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        ("daily 03:00 Europe/Berlin", "2026-10-25T01:59Z", "2026-10-24T01:00Z", "2026-10-25T02:00Z"),
        ("daily 01:45 Australia/Lord_Howe", "2026-04-04T14:50Z", "2026-04-04T14:45Z", "2026-04-05T15:15Z"),
        ("daily 00:30 America/Havana", "2026-11-01T04:30Z", "2026-11-01T04:30Z", "2026-11-02T05:30Z"),
        # Samoa had no 30 December 2011.
        ("daily 03:30 Pacific/Apia", "2011-12-30T10:00Z", "2011-12-30T10:00Z", "2011-12-30T13:30Z"),
        # An hour's zone that left daylight saving, and one that turns the clocks around.
        ("daily 03:30 America/Sao_Paulo", "2026-11-05T06:30Z", "2026-11-05T06:30Z", "2026-11-06T06:30Z"),
        ("daily 01:30 Europe/Dublin", "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"),
        ("monthly 02:30 Africa/Casablanca", "2026-11-23T00:00Z", "2026-11-01T01:30Z", "2026-12-01T01:30Z"),
    ],
)
def test_the_planned_times_around_a_moment(text: str, now: str, last: str, after: str) -> None:
    assert latest(schedule(text), at(now)) == at(last)
    assert following(schedule(text), at(now)) == at(after)


NIGHT = "daily 03:30 UTC"


@pytest.mark.parametrize(
    ("text", "now", "past", "how", "outcome", "planned"),
    [
        # A new schedule begins with the next planned time.
        (NIGHT, "2026-05-05T14:00Z", {"since": "2026-05-05T14:00Z"}, {}, "waiting", None),
        (NIGHT, "2026-05-06T03:29Z", {"since": "2026-05-05T14:00Z"}, {}, "waiting", None),
        (NIGHT, "2026-05-06T03:31Z", {"since": "2026-05-05T14:00Z"}, {}, "due", "2026-05-06T03:30Z"),
        (NIGHT, "2026-05-06T03:31Z", {"since": "2026-05-06T03:30Z"}, {}, "waiting", None),
        # One run for each time, however often it is asked.
        (NIGHT, "2026-05-06T03:31Z", {"last": "2026-05-06T03:30Z"}, {}, "waiting", None),
        (NIGHT, "2026-05-06T23:59Z", {"last": "2026-05-06T03:30Z"}, {}, "waiting", None),
        (NIGHT, "2026-05-07T03:30Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-07T03:30Z"),
        # A late tick, and missed ones: caught up with once.
        (NIGHT, "2026-05-07T20:00Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-07T03:30Z"),
        (NIGHT, "2026-05-17T02:00Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-16T03:30Z"),
        (NIGHT, "2026-05-17T02:00Z", {"ran": "2026-05-16T03:30Z"}, {}, "waiting", None),
        ("weekly 03:30 UTC", "2026-12-25T00:00Z", {"ran": "2026-11-02T03:30Z"}, {}, "due", "2026-12-21T03:30Z"),
        ("monthly 03:30 UTC", "2026-12-25T00:00Z", {"ran": "2026-08-01T03:30Z"}, {}, "due", "2026-12-01T03:30Z"),
        # Switched off, and on again.
        (NIGHT, "2026-05-07T04:00Z", {"ran": "2026-05-06T03:30Z"}, {"enabled": False}, "off", "2026-05-07T03:30Z"),
        (NIGHT, "2026-05-07T03:00Z", {"ran": "2026-05-06T03:30Z"}, {"enabled": False}, "waiting", None),
        (
            NIGHT,
            "2026-05-07T05:00Z",
            {"last": "2026-05-07T03:30Z", "ran": "2026-05-06T03:30Z"},
            {},
            "waiting",
            None,
        ),
        # Still running.
        (
            NIGHT,
            "2026-05-07T03:30Z",
            {"ran": "2026-05-06T03:30Z"},
            {"running": True},
            "overlap",
            "2026-05-07T03:30Z",
        ),
        (NIGHT, "2026-05-07T03:29Z", {"ran": "2026-05-06T03:30Z"}, {"running": True}, "waiting", None),
        # Both: what people said goes first.
        (
            NIGHT,
            "2026-05-07T03:30Z",
            {"ran": "2026-05-06T03:30Z"},
            {"running": True, "enabled": False},
            "off",
            "2026-05-07T03:30Z",
        ),
        # Moved, after it ran: it does not run twice. Moved before a time that is past: it is made up for.
        ("daily 05:00 UTC", "2026-05-06T14:00Z", {"ran": "2026-05-06T03:30Z"}, {}, "covered", None),
        ("daily 05:00 UTC", "2026-05-07T05:00Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-07T05:00Z"),
        ("daily 02:00 UTC", "2026-05-07T03:00Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-07T02:00Z"),
        ("daily 15:30 UTC", "2026-05-06T15:30Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-06T15:30Z"),
        ("daily 03:30 Asia/Tokyo", "2026-05-06T18:31Z", {"ran": "2026-05-06T03:30Z"}, {}, "due", "2026-05-06T18:30Z"),
        ("weekly 03:30 UTC", "2026-11-23T04:00Z", {"ran": "2026-11-22T03:30Z"}, {}, "covered", None),
        ("monthly 03:30 UTC", "2026-12-01T04:00Z", {"ran": "2026-11-23T03:30Z"}, {}, "covered", None),
        # What was passed over while switched off covers nothing.
        (
            "daily 05:00 UTC",
            "2026-05-07T05:00Z",
            {"last": "2026-05-07T03:30Z", "ran": "2026-05-06T03:30Z"},
            {},
            "due",
            "2026-05-07T05:00Z",
        ),
        # The day that Samoa left out is one with the next.
        ("daily 03:30 Pacific/Apia", "2011-12-30T13:30Z", {"ran": "2011-12-30T10:00Z"}, {}, "covered", None),
        # Clocks that disagree a little, and one that was years ahead.
        (NIGHT, "2026-05-06T03:29:59Z", {"last": "2026-05-06T03:30Z"}, {}, "waiting", None),
        (NIGHT, "2026-05-06T04:00Z", {"last": "2099-05-06T03:30Z"}, {}, "due", "2026-05-06T03:30Z"),
        (NIGHT, "2026-05-06T04:00Z", {"since": "2099-01-01T00:00Z"}, {}, "due", "2026-05-06T03:30Z"),
        (NIGHT, "2026-05-06T04:00Z", {"ran": "2099-05-06T03:30Z"}, {}, "due", "2026-05-06T03:30Z"),
    ],
)  # fmt: skip
def test_what_is_decided(
    text: str, now: str, past: dict[str, str], how: dict[str, Any], outcome: str, planned: str | None
) -> None:
    known = {name: at(value) for name, value in past.items()}
    known.setdefault("since", LONG_AGO)
    if "ran" in known and past["ran"] < "2099":
        known.setdefault("last", known["ran"])
    decision = decide(schedule(text), Past(**known), at(now), **how)
    assert (decision.outcome, decision.planned) == (outcome, at(planned) if planned else None)
    assert decision.due == (outcome == "due")


def test_it_is_told_how_many_were_missed_and_when_the_next_one_is() -> None:
    past = Past(LONG_AGO, at("2026-05-06T03:30Z"), at("2026-05-06T03:30Z"))
    missed = decide(schedule(NIGHT), past, at("2026-05-10T12:00Z"))
    assert (missed.missed, missed.reason) == (3, "planned for 2026-05-10T03:30:00Z, for 3 before it too")
    waiting = decide(schedule(NIGHT), past, at("2026-05-06T12:00Z"))
    assert waiting.reason == "next at 2026-05-07T03:30:00Z"


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Nuuk",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Antarctica/Troll",
    "Etc/GMT+12",
)
PERIOD = {"daily": timedelta(days=1), "weekly": timedelta(days=7), "monthly": timedelta(days=31)}
SCHEDULES = st.builds(
    "{} {:02}:{:02} {}".format,
    st.sampled_from(sorted(PERIOD)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(ZONES),
)
INSTANTS = st.integers(
    int(at("2005-01-01T00:00Z").timestamp()), int(at("2036-01-01T00:00Z").timestamp())
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(SCHEDULES, INSTANTS)
def test_planned_times_follow_one_another_without_a_gap(text: str, now: datetime) -> None:
    one = schedule(text)
    before, after = latest(one, now), following(one, now)
    assert before <= now < after
    assert following(one, before) == after
    assert latest(one, after) == after
    assert latest(one, after - timedelta(microseconds=1)) == before
    assert after - before <= PERIOD[one.frequency] + timedelta(hours=25)


@settings(deadline=None, max_examples=60)
@given(
    SCHEDULES,
    INSTANTS,
    st.lists(st.integers(1, 40 * 3600), min_size=20, max_size=60),
    st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_no_planned_time_runs_twice_and_none_is_left_without_a_run(
    text: str, start: datetime, pauses: list[int], repeated: list[bool]
) -> None:
    """Ticks at any distance, some of them twice: each period that has a tick in it has its run."""
    one = schedule(text)
    past, now, runs = Past(start), start, []
    for pause, twice in zip(pauses, repeated, strict=False):
        now += timedelta(seconds=pause)
        for _ in range(1 + twice):
            decision = decide(one, past, now)
            if decision.due:
                assert decision.planned is not None
                assert decision.planned == latest(one, now) > start
                runs.append(decision.planned)
                past = Past(start, decision.planned, decision.planned)
        if latest(one, now) > start:
            assert runs
            assert latest(one, now) - runs[-1] < PERIOD[one.frequency] / 2
    assert runs == sorted(set(runs))
