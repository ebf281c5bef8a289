"""Retention and holds: until when an object must stay, and which changes of that are allowed.

Locked retention only lengthens. What is retained may become noncurrent in a bucket with versioning, where nothing
is lost; what is held may not.
"""

from __future__ import annotations

from typing import Any

from emulators.storage.model import Attributes, Bucket, Version
from emulators.storage.refusal import Refused, forbidden, invalid
from emulators.storage.times import SECOND, parse_time, rfc3339

_MODES = ("Locked", "Unlocked")
_LONGEST = 3_155_760_000 * SECOND


def expiration(version: Version, bucket: Bucket) -> int | None:
    """When the last retention ends; None without one, or while an event-based hold keeps it from starting."""
    ends = []
    if bucket.retention and not version.attributes.get("eventBasedHold"):
        start = version.created if version.hold_released is None else version.hold_released
        ends.append(start + bucket.retention * SECOND)
    own = version.attributes.get("retention")
    if own:
        ends.append(parse_time(own["retainUntilTime"], "retainUntilTime"))
    return max(ends, default=None)


def check_removal(version: Version, bucket: Bucket, now: int, *, archiving: bool) -> None:
    """Refused while a hold or a retention forbids that the version goes (or becomes noncurrent: `archiving`)."""
    name = f"{version.bucket}/{version.name}"
    for field, words in (("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")):
        if version.attributes.get(field):
            raise Refused(
                403,
                "objectUnderActiveHold",
                f"Object '{name}' is under active {words} hold and cannot be deleted, overwritten or archived "
                "until hold is removed.",
            )
    until = expiration(version, bucket)
    if until is not None and until > now and not archiving:
        raise Refused(
            403,
            "retentionPolicyNotMet",
            f"Object '{name}' is subject to bucket's retention policy or object retention and cannot be deleted "
            f"or overwritten until {rfc3339(until)}",
        )


def check_retention(
    old: Attributes | None, new: Any, bucket: Bucket, now: int, *, override: bool
) -> Attributes | None:
    """The retention an object may be given after `old`; None for none. Refused when it is malformed or weaker."""
    if old and new == old:
        return old
    # Google's client takes a retention away by giving null to each of its fields.
    empty = not new or (isinstance(new, dict) and not any(new.values()))
    wanted = None if empty else _parse(new, bucket, now)
    if not old or wanted == old:
        return wanted
    until = parse_time(old["retainUntilTime"], "retainUntilTime")
    weaker = wanted is None or parse_time(wanted["retainUntilTime"], "retainUntilTime") < until
    locking = wanted is not None and wanted["mode"] != old["mode"]
    if old["mode"] == "Locked" and (weaker or locking) and until > now:
        raise forbidden("The object's retention is locked: it cannot be removed, unlocked or shortened.")
    if old["mode"] == "Unlocked" and (weaker or locking) and not override:
        raise forbidden(
            "The object's retention is removed, shortened or locked only with overrideUnlockedRetention=true."
        )
    return wanted


def _parse(new: Any, bucket: Bucket, now: int) -> Attributes:
    if not bucket.object_retention:
        raise invalid(
            "The bucket must be made with object retention enabled before objects may have a retention."
        )
    if not isinstance(new, dict) or new.get("mode") not in _MODES or not new.get("retainUntilTime"):
        raise invalid("A retention has a mode (Locked or Unlocked) and a retainUntilTime.")
    until = parse_time(new["retainUntilTime"], "retainUntilTime")
    if not now < until <= now + _LONGEST:
        raise invalid("The retainUntilTime must be in the future, and at most 100 years away.")
    return {"mode": new["mode"], "retainUntilTime": rfc3339(until)}
