"""Our own documents about how the system is: its health, what was told about it, and statistics over time.

Ages and spans are in seconds, sizes in bytes, costs in US dollars at list prices.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from shared.models.base import Model
from shared.models.fields import Count, Id, Instant, Label, Size, Status, Text

Span = Annotated[float, Field(ge=0, le=1e12)]
Dollars = Annotated[float, Field(ge=0, le=1e12)]
AlertKind = Literal[
    "late", "missing", "failed", "damaged", "unverified", "unusual_size", "mass_deletion", "near_limit"
]

_AS_LIST = (
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    PlainSerializer(list, return_type=list[Any]),
)
_MOST = 200


class OpenAlert(Model):
    """Something that is wrong. `key` is the same for as long as it lasts."""

    key: Annotated[str, Field(min_length=1, max_length=256)]
    kind: AlertKind
    message: Text
    since: Instant


class ChannelHealth(Model):
    """A channel of notifications. `error` is why the last notice was not accepted; empty when it was."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    error: Text = ""
    since: Instant | None = None


class StorageHealth(Model):
    """What the repository takes up, as counted at `measured_at`. `per_day` is how much a day adds, over a month."""

    bytes: Size
    objects: Count
    measured_at: Instant
    limit: Size | None = None
    per_day: float = 0.0


class CostHealth(Model):
    """`storage_per_month` for keeping what is kept, `last_30_days` for the backups that were made in them."""

    storage_per_month: Dollars = 0.0
    last_30_days: Dollars = 0.0


Alerts = Annotated[tuple[OpenAlert, ...], Field(max_length=_MOST), *_AS_LIST]
Channels = Annotated[tuple[ChannelHealth, ...], Field(max_length=_MOST), *_AS_LIST]


class Health(Model):
    """The document `backupHealth/main`. `recovery_point` is the newest state that can be restored, `objective` how old
    it may be, `verified` the newest backup's time that a check found whole, `proven` when a restore last proved it."""

    checked_at: Instant
    state: Literal["ok", "attention"]
    alerts: Alerts = ()
    recovery_point: Instant | None = None
    recovery_point_age: Span | None = None
    objective: Span | None = None
    next_planned: Instant | None = None
    completed_id: Id | None = None
    completed_at: Instant | None = None
    verified: Instant | None = None
    proven: Instant | None = None
    storage: StorageHealth | None = None
    cost: CostHealth = CostHealth()
    channels: Channels = ()


class PendingNotice(Model):
    """What is still to be told, and by which channels."""

    id: Id
    kind: AlertKind
    began: bool
    message: Text
    at: Instant
    channels: Annotated[tuple[str, ...], Field(max_length=_MOST), *_AS_LIST]


class WatchState(Model):
    """The document `backupHealth/alerts`: what the monitor must remember from one look to the next."""

    alerts: Alerts = ()
    pending: Annotated[tuple[PendingNotice, ...], Field(max_length=2 * _MOST), *_AS_LIST] = ()
    lost: Annotated[tuple[str, ...], Field(max_length=_MOST), *_AS_LIST] = ()
    unreadable: bool = False
    """Whether the repository could not be read the last time."""
    since: Instant | None = None
    """Since when there has been an objective."""
    channels: Channels = ()
    storage: StorageHealth | None = None


class BackupStatistics(Model):
    """The document `backupStatistics/{id}` of a backup. It stays when the backup is dropped.

    `scope` is the same for backups of the same choice. `stored` is what was newly stored, `downloaded` what was read of
    files, `cost` what making it cost.
    """

    id: Id
    kind: Literal["backup"] = "backup"
    status: Status = "completed"
    at: Instant
    ended_at: Instant
    scope: Label
    items: Count
    bytes: Size
    stored: Size
    downloaded: Size = 0
    seconds: Span
    cost: Dollars


class RecoveryStatistics(Model):
    """The same of a recovery: records written, and bytes of them."""

    id: Id
    kind: Literal["recovery"] = "recovery"
    status: Status
    at: Instant
    ended_at: Instant
    items: Count
    bytes: Size
    seconds: Span
