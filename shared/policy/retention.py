"""What to keep, and why: a pure function of the snapshots, the rules and the time.

Every snapshot gets one decision, and the rule that made it. Rules that protect come first and no other can undo them;
rules that drop come last. A snapshot that no rule speaks about is kept. Applying the decisions and asking again at the
same time drops nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Literal
from zoneinfo import ZoneInfo

DEFAULT_FLOOR: Final = 3

Strategy = Literal["oldest", "size", "custom"]


@dataclass(frozen=True)
class Held:
    """One snapshot as retention sees it. `size` in bytes that storing it added."""

    id: str
    at: datetime
    size: int = 0
    automatic: bool = True
    verified: bool = False
    whole: bool = True
    """Whether it covers everything, so that it can stand in for a lost database."""
    pinned: bool = False
    needed: bool = False
    """Whether a job that has not ended reads it."""


@dataclass(frozen=True)
class Keep:
    """Grandfather-father-son: the newest of each of the last so many periods that have one, in `timezone`.

    `last` is a number of snapshots, `within` a time before now in which every one is kept.
    """

    last: int = 0
    within: timedelta = timedelta()
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    timezone: str = "UTC"


@dataclass(frozen=True)
class Automatic:
    """For automatic backups: how old they may be, and how many there may be; which go first says `strategy`.

    With `custom`, `keep` decides alone: what none of its rules keeps is dropped.
    """

    days: int
    most: int
    strategy: Strategy
    keep: Keep = Keep()


@dataclass(frozen=True)
class Rotation:
    """For the place, so for backups of every type: `limit` is days, bytes or a number."""

    by: Literal["time", "size", "count"]
    limit: int


@dataclass(frozen=True)
class Rules:
    """What applies. With `unfit`, which says why the rules cannot be trusted, everything is kept."""

    automatic: Automatic | None = None
    rotation: Rotation | None = None
    floor: int = DEFAULT_FLOOR
    unfit: str = ""


@dataclass(frozen=True)
class Decision:
    """Keep or drop, and the rule that decided."""

    id: str
    keep: bool
    rule: str


def decide(snapshots: Iterable[Held], rules: Rules, now: datetime) -> list[Decision]:
    """One decision for each snapshot, newest first."""
    newest_first = sorted(snapshots, key=lambda one: (one.at, one.id), reverse=True)
    if rules.unfit:
        return [Decision(one.id, True, f"kept: {rules.unfit}") for one in newest_first]
    safe = _protected(newest_first, rules.floor, now)
    dropped: dict[str, str] = {}
    reasons: dict[str, str] = {}
    if rules.automatic is not None:
        _automatic(newest_first, rules.automatic, now, _Fate(safe, dropped, reasons))
    if rules.rotation is not None:
        _rotate(newest_first, rules.rotation, now, _Fate(safe, dropped, reasons))
    return [_decision(one, safe, dropped, reasons) for one in newest_first]


@dataclass(frozen=True)
class _Fate:
    """What was decided so far."""

    safe: Mapping[str, str]
    dropped: dict[str, str]
    reasons: dict[str, str]
    """Why those are kept that a rule keeps."""

    def drop(self, snapshot: Held, rule: str) -> bool:
        """Drop it by `rule` unless it is protected; whether it was dropped."""
        if snapshot.id in self.safe or snapshot.id in self.dropped:
            return False
        self.dropped[snapshot.id] = rule
        return True

    def left(self, snapshots: Iterable[Held]) -> list[Held]:
        return [one for one in snapshots if one.id not in self.dropped]


def _decision(
    snapshot: Held, safe: Mapping[str, str], dropped: Mapping[str, str], reasons: Mapping[str, str]
) -> Decision:
    if snapshot.id in dropped:
        return Decision(snapshot.id, False, dropped[snapshot.id])
    fallback = "no rule drops it" if snapshot.automatic else "manual"
    return Decision(snapshot.id, True, safe.get(snapshot.id) or reasons.get(snapshot.id, fallback))


def _protected(newest_first: Sequence[Held], floor: int, now: datetime) -> dict[str, str]:
    """What no rule may drop, each with the reason that is told."""
    safe: dict[str, str] = {}
    wholes = [one for one in newest_first if one.whole]
    for why, found in (
        ("pinned", [one for one in newest_first if one.pinned]),
        ("in use by a job", [one for one in newest_first if one.needed]),
        ("newest", [*newest_first[:1], *wholes[:1]]),
        ("newest verified", _first_verified(newest_first) + _first_verified(wholes)),
        (f"floor of {floor}", [*newest_first[:floor], *wholes[:floor]]),
        ("in the future", [one for one in newest_first if one.at > now]),
    ):
        for one in found:
            safe.setdefault(one.id, why)
    return safe


def _first_verified(snapshots: Iterable[Held]) -> list[Held]:
    return list(islice((one for one in snapshots if one.verified), 1))


def _automatic(newest_first: Sequence[Held], rule: Automatic, now: datetime, fate: _Fate) -> None:
    mine = [one for one in newest_first if one.automatic and not one.pinned]
    if rule.strategy == "custom":
        fate.reasons.update(kept_by(mine, rule.keep, now))
        for one in mine:
            if one.id not in fate.reasons:
                fate.drop(one, "custom: no rule keeps it")
        return
    for one in mine:
        if now - one.at > timedelta(days=rule.days):
            fate.drop(one, f"older than {rule.days} days")
    order = _oldest_first if rule.strategy == "oldest" else _largest_first
    which = "oldest" if rule.strategy == "oldest" else "largest"
    _surplus(mine, rule.most, order, f"more than {rule.most} automatic backups, {which} first", fate)


def _rotate(newest_first: Sequence[Held], rule: Rotation, now: datetime, fate: _Fate) -> None:
    mine = [one for one in newest_first if not one.pinned]
    if rule.by == "time":
        for one in mine:
            if now - one.at > timedelta(days=rule.limit):
                fate.drop(one, f"rotation: older than {rule.limit} days")
    elif rule.by == "count":
        _surplus(mine, rule.limit, _oldest_first, f"rotation: more than {rule.limit} backups", fate)
    else:
        left = fate.left(mine)
        total = sum(one.size for one in left)
        for one in _oldest_first(left):
            if total <= rule.limit:
                return
            if fate.drop(one, f"rotation: more than {rule.limit} bytes"):
                total -= one.size


def _surplus(
    snapshots: Sequence[Held],
    most: int,
    order: Callable[[Iterable[Held]], list[Held]],
    why: str,
    fate: _Fate,
) -> None:
    left = fate.left(snapshots)
    surplus = len(left) - most
    for one in order(left):
        if surplus <= 0:
            return
        surplus -= fate.drop(one, why)


def _oldest_first(snapshots: Iterable[Held]) -> list[Held]:
    return sorted(snapshots, key=lambda one: (one.at, one.id))


def _largest_first(snapshots: Iterable[Held]) -> list[Held]:
    return sorted(snapshots, key=lambda one: (-one.size, one.at, one.id))


def kept_by(newest_first: Sequence[Held], keep: Keep, now: datetime) -> dict[str, str]:
    """Those that a rule of `keep` keeps, each with the first that does."""
    zone = ZoneInfo(keep.timezone)
    kept: dict[str, str] = {}
    for one in newest_first[: keep.last]:
        kept.setdefault(one.id, f"custom: one of the last {keep.last}")
    for one in newest_first:
        if keep.within and now - one.at <= keep.within:
            kept.setdefault(one.id, f"custom: within {keep.within.days} days")
    for name, most, period in (
        ("hourly", keep.hourly, "%Y-%m-%d %H %z"),
        ("daily", keep.daily, "%Y-%m-%d"),
        ("weekly", keep.weekly, "%G-W%V"),
        ("monthly", keep.monthly, "%Y-%m"),
        ("yearly", keep.yearly, "%Y"),
    ):
        firsts: dict[str, Held] = {}
        for one in newest_first:
            firsts.setdefault(one.at.astimezone(zone).strftime(period), one)
        for label, one in islice(firsts.items(), most):
            kept.setdefault(one.id, f"custom: {name} {label.partition(' +')[0].partition(' -')[0]}")
    return kept
