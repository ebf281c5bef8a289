"""What is wrong, and what is to be told: a pure function of the facts now, the facts before, and the open alerts.

Each thing that is wrong has a key. It is told once when its key appears and once when it has gone. What is near a
threshold neither opens nor closes an alert, so that nothing is told to and fro.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Literal

Kind = Literal[
    "late", "missing", "failed", "damaged", "unverified", "unusual_size", "mass_deletion", "near_limit"
]

MISSING_AFTER: Final = 2
"""How many times its objective the recovery point is old before it counts as missing, and no longer as late only."""
NEAR: Final = 0.9
NEAR_NO_MORE: Final = 0.85
"""Shares of a limit at which it is near, and at which an alert about it ends."""
USUAL: Final = (0.5, 2.0)
"""How large a backup may be, compared with the median of those before it."""
USUAL_AGAIN: Final = (0.6, 1.7)
LEAST_BYTES: Final = 1_000_000
"""Differences smaller than this are nobody's concern."""
LEAST_BEFORE: Final = 3
"""Backups that must lie before one, to tell what is usual."""
COMPARED: Final = 10
GONE: Final = 0.5
"""The share of the records before that must be gone to be a mass deletion."""
LEAST_RECORDS: Final = 100


@dataclass(frozen=True)
class Sized:
    """A completed backup: its records, and the bytes that they stand for."""

    id: str
    items: int
    bytes: int


@dataclass(frozen=True)
class Limit:
    """Something that has an end. `unit` is of both numbers."""

    name: str
    used: float
    most: float
    unit: str


@dataclass(frozen=True)
class Facts:
    """What is known at `now`."""

    now: datetime
    objective: timedelta | None = None
    """How old the recovery point may be; None while nothing is scheduled."""
    watched_since: datetime | None = None
    """Since when there has been an objective."""
    recovery_point: datetime | None = None
    """The newest state that can be restored."""
    unreadable: str = ""
    """Why the repository cannot be read."""
    lost: tuple[str, ...] = ()
    """Backups that the catalog calls completed and the repository does not hold."""
    failed: str = ""
    """The newest backup that ended, if it failed."""
    damaged: tuple[str, ...] = ()
    """Backups that a check found damaged."""
    verify_within: timedelta | None = None
    """How old the newest verified backup may be; None when nobody expects one."""
    verified: datetime | None = None
    """When the newest verified backup was made."""
    first: datetime | None = None
    """When the oldest backup that is still there was made."""
    history: tuple[Sized, ...] = ()
    """Completed backups of the same scope as the newest, which is the last."""
    frozen: str = ""
    """Why rotation has stopped by itself."""
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Before:
    """What of the facts of the last look matters now."""

    lost: tuple[str, ...] = ()
    unreadable: bool = False


@dataclass(frozen=True)
class Wrong:
    """Something that is wrong. The key is the same for as long as it lasts."""

    key: str
    kind: Kind
    message: str


@dataclass(frozen=True)
class Transition:
    """`began` or over. What is told when it is over is what was told when it began."""

    wrong: Wrong
    began: bool


def transitions(facts: Facts, before: Before, opened: Mapping[str, Wrong]) -> tuple[Transition, ...]:
    """What is to be told. `opened` are the alerts that were told and are not over, by key."""
    now = {one.key: one for one in wrongs(facts, before, frozenset(opened))}
    over = [Transition(one, began=False) for key, one in sorted(opened.items()) if key not in now]
    return (*over, *(Transition(one, began=True) for key, one in sorted(now.items()) if key not in opened))


def wrongs(facts: Facts, before: Before, opened: frozenset[str]) -> Iterator[Wrong]:
    """Everything that is wrong."""
    yield from _old(facts)
    yield from _lost(facts, before, opened)
    if facts.failed:
        yield Wrong("failed", "failed", f"the last backup failed: {facts.failed}")
    for backup in facts.damaged:
        yield Wrong(f"damaged:{backup}", "damaged", f"backup {backup} is damaged")
    yield from _unverified(facts)
    yield from _unusual(facts, opened)
    yield from _deleted(facts)
    yield from _near(facts, opened)


def _old(facts: Facts) -> Iterator[Wrong]:
    """A recovery point that is missing is late as well: both end when there is a new one."""
    if facts.objective is None:
        return
    since = facts.recovery_point or facts.watched_since
    if since is None:
        return
    age = facts.now - since
    held = (
        f"the newest recovery point is {_told(age)} old" if facts.recovery_point else "there is no backup yet"
    )
    if age > facts.objective:
        yield Wrong(
            "late", "late", f"a backup is late: {held}, and at most {_told(facts.objective)} is meant"
        )
    if age > MISSING_AFTER * facts.objective:
        yield Wrong("missing", "missing", f"backups are missing: {held}, and nothing has made a new one")


def _lost(facts: Facts, before: Before, opened: frozenset[str]) -> Iterator[Wrong]:
    """Seen twice, because a rotation takes a moment from the one to the other, and a place may be away for one."""
    if facts.unreadable and (before.unreadable or "missing:repository" in opened):
        yield Wrong("missing:repository", "missing", f"the repository cannot be read: {facts.unreadable}")
    for backup in facts.lost:
        key = f"missing:{backup}"
        if backup in before.lost or key in opened:
            yield Wrong(key, "missing", f"backup {backup} is in the catalog, and not in the repository")


def _unverified(facts: Facts) -> Iterator[Wrong]:
    if facts.verify_within is None or facts.first is None:
        return
    since = facts.verified or facts.first
    if facts.now - since > facts.verify_within:
        which = f"the newest verified backup is {_told(facts.now - since)} old"
        told = which if facts.verified else "no backup has been verified"
        within = _told(facts.verify_within)
        yield Wrong("unverified", "unverified", f"{told}, and one within {within} is meant")


def _unusual(facts: Facts, opened: frozenset[str]) -> Iterator[Wrong]:
    if len(facts.history) <= LEAST_BEFORE:
        return
    newest = facts.history[-1]
    usual = median(one.bytes for one in facts.history[-1 - COMPARED : -1])
    least, most = USUAL_AGAIN if "unusual_size" in opened else USUAL
    if least * usual <= newest.bytes <= most * usual or abs(newest.bytes - usual) < LEAST_BYTES:
        return
    told = f"backup {newest.id} is of {newest.bytes:,} bytes, where {usual:,.0f} are usual"
    yield Wrong("unusual_size", "unusual_size", told)


def _deleted(facts: Facts) -> Iterator[Wrong]:
    if facts.frozen:
        yield Wrong("mass_deletion", "mass_deletion", f"rotation has stopped: {facts.frozen}")
        return
    if len(facts.history) < 2:
        return
    earlier, newest = facts.history[-2:]
    if earlier.items >= LEAST_RECORDS and newest.items < (1 - GONE) * earlier.items:
        told = f"backup {newest.id} has {newest.items:,} records, where {earlier.id} had {earlier.items:,}"
        yield Wrong("mass_deletion", "mass_deletion", told)


def _near(facts: Facts, opened: frozenset[str]) -> Iterator[Wrong]:
    for limit in facts.limits:
        key = f"near_limit:{limit.name}"
        if limit.most > 0 and limit.used >= (NEAR_NO_MORE if key in opened else NEAR) * limit.most:
            told = f"{limit.name} is at {limit.used:,.0f} of {limit.most:,.0f} {limit.unit}"
            yield Wrong(key, "near_limit", told)


def _told(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
