"""Whether a scheduled run is due: a pure function of the schedule, what ran before, and now.

A planned time is an instant: the schedule's wall clock on its day, in its zone. Weekly is Monday, monthly the 1st. A
time that a change of clocks leaves out is the first moment after the gap; one that comes twice is the first of the two.
For one planned time there is at most one run. Of several that passed, only the last is made up for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from shared.models.config import Schedule

Outcome = Literal["due", "waiting", "covered", "off", "overlap"]

_HALF = {"daily": timedelta(hours=12), "weekly": timedelta(hours=84), "monthly": timedelta(days=14)}
_AHEAD = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
_COUNTED = 1_000


@dataclass(frozen=True)
class Past:
    """What is known of a schedule: when it was first seen, the last planned time decided on, the last that ran."""

    since: datetime
    last: datetime | None = None
    ran: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """`planned` is the time that is decided on for good; None when there is nothing to write down.

    `missed` is how many planned times before it went by without a decision, 1000 at most.
    """

    outcome: Outcome
    reason: str
    planned: datetime | None = None
    missed: int = 0

    @property
    def due(self) -> bool:
        return self.outcome == "due"


def decide(
    schedule: Schedule, past: Past, now: datetime, *, enabled: bool = True, running: bool = False
) -> Decision:
    """Whether a run is due at `now`. `running` is whether the schedule's run before is still going on.

    A planned time that passes while the schedule is switched off, or while its last run goes on, is passed over. One
    that lies less than half a period after one that ran is covered by that: a schedule that was moved does not run
    twice. An instant of the past that lies more than a day ahead was written by a wrong clock, and is not believed.
    """
    planned = latest(schedule, now)
    floor = max(_believed(now, past.since, past.last), default=_NEVER)
    if planned <= floor:
        return Decision("waiting", f"next at {_told(following(schedule, now))}")
    ran = max(_believed(now, past.ran), default=_NEVER)
    if planned - ran < _HALF[schedule.frequency]:
        return Decision("covered", f"the run planned for {_told(ran)} stands for {_told(planned)}")
    if not enabled:
        return Decision("off", f"switched off, {_told(planned)} is passed over", planned)
    if running:
        return Decision(
            "overlap", f"the run before is still going on, {_told(planned)} is passed over", planned
        )
    missed = _between(schedule, floor, planned)
    more = f", for {missed} before it too" if missed else ""
    return Decision("due", f"planned for {_told(planned)}{more}", planned, missed)


def latest(schedule: Schedule, now: datetime) -> datetime:
    """The last planned time that is not after `now`, in UTC."""
    return max(at for at in _around(schedule, now) if at <= now)


def following(schedule: Schedule, now: datetime) -> datetime:
    """The first planned time after `now`, in UTC."""
    return min(at for at in _around(schedule, now) if at > now)


def _around(schedule: Schedule, now: datetime) -> list[datetime]:
    """The planned times near `now`: some before it, some after."""
    zone = _zone(schedule.timezone)
    wall = time.fromisoformat(schedule.time)
    today = now.astimezone(zone).date()
    return [_instant(datetime.combine(day, wall), zone) for day in _days(schedule.frequency, today)]


def _days(frequency: str, today: date) -> list[date]:
    steps = range(-2, 3)
    if frequency == "monthly":
        months = [today.year * 12 + today.month - 1 + step for step in steps]
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    if frequency == "weekly":
        monday = today - timedelta(days=today.weekday())
        return [monday + timedelta(weeks=step) for step in steps]
    return [today + timedelta(days=step) for step in steps]


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks in `zone` show `wall` for the first time, or first show more."""
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two at which the clocks change, to the second."""
    new = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        changed = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == new
        low, high = (low, middle) if changed else (middle, high)
    return before + timedelta(seconds=high)


def _between(schedule: Schedule, floor: datetime, planned: datetime) -> int:
    """How many planned times lie between the two; none when nothing was known before."""
    missed = 0
    at = following(schedule, floor) if floor > _NEVER else planned
    while at < planned and missed < _COUNTED:
        missed, at = missed + 1, following(schedule, at)
    return missed


def _believed(now: datetime, *instants: datetime | None) -> list[datetime]:
    return [at for at in instants if at is not None and at <= now + _AHEAD]


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
