"""Our own documents about rotation: what is kept beyond the specification's limits, and whether rotation goes on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.models.base import Model
from shared.models.fields import Id, Instant, Text, Timezone

Kept = Annotated[int, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(gt=0, le=1)]


class Gate(Model):
    """When rotation stops by itself: shares of the records that the snapshot before had, if it had `least` of them."""

    gone: Share = 0.5
    overwritten: Share = 0.5
    least: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100


class RetentionPolicy(Model):
    """The document `backupConfig/retention`. `floor` is how many snapshots always stay. The rest is what the cleanup
    strategy `custom` keeps: the `last` ones, all `within_days`, and the newest of each of so many hours, days, weeks,
    months and years in `timezone`."""

    floor: Annotated[int, Field(ge=1, le=1_000)] = 3
    last: Kept = 0
    within_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    hourly: Kept = 0
    daily: Kept = 0
    weekly: Kept = 0
    monthly: Kept = 0
    yearly: Kept = 0
    timezone: Timezone = "UTC"
    gate: Gate = Gate()


class RotationState(Model):
    """The document `backupConfig/rotation`. While `frozen`, nothing is dropped or deleted; `snapshot` is the last good
    one. What is newer than `checked_at` is still to be looked at."""

    frozen: bool = False
    reason: Text = ""
    since: Instant | None = None
    snapshot: Id | None = None
    checked_at: Instant | None = None
