"""How the system is: what the catalog, the repository and the statistics say, put together; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.errors import FirekeepError
from shared.jobs.ports import Ports
from shared.models import Backup, BackupConfig, StorageConfig
from shared.models.config import Schedule
from shared.models.health import BackupStatistics, CostHealth, Health, OpenAlert, StorageHealth, WatchState
from shared.models.prices import Prices
from shared.monitoring.contract import Statistics
from shared.policy.alerts import Facts, Limit, Sized, Wrong
from shared.policy.due import following, latest

MONTH: Final = timedelta(days=30)
_LOOKED_BACK: Final = timedelta(days=400)
_MEASURED_EVERY: Final = timedelta(hours=6)
"""Listing a repository costs a call for each thousand objects."""
_NAMED: Final = 50
"""How many backups of a kind alerts name."""
_TEXT_BYTES: Final = 1_400


@dataclass(frozen=True)
class Findings:
    """What was found at one look. `whole` are the backups that everything can be restored from, the oldest first."""

    now: datetime
    config: BackupConfig | None
    storage_config: StorageConfig | None
    backups: Sequence[Backup]
    statistics: Sequence[Statistics]
    held: frozenset[str]
    unreadable: str
    frozen: str
    storage: StorageHealth | None
    contents: frozenset[str]
    whole: Sequence[BackupStatistics] = ()
    new: Sequence[Statistics] = ()
    """Statistics that are not written yet."""

    @property
    def schedule(self) -> Schedule | None:
        automatic = self.config.automatic if self.config else None
        return automatic.schedule if automatic and automatic.enabled else None


def look(ports: Ports, statistics: Sequence[Statistics], measured: StorageHealth | None) -> Findings:
    """Read everything. A repository that cannot be read is a finding; `measured` is used while it is fresh."""
    now = ports.clock.now()
    held: frozenset[str] = frozenset()
    unreadable, storage = "", measured
    storage_config = ports.catalog.storage_config()
    try:
        repository = ports.repository()
        # A place that was emptied, or is not there, must not look like one that holds no backups.
        repository.check_config()
        held = frozenset(repository.snapshots())
        if measured is None or now - measured.measured_at >= _MEASURED_EVERY:
            usage = repository.usage().values()
            objects, size = sum(one.objects for one in usage), sum(one.bytes for one in usage)
            storage = StorageHealth(bytes=size, objects=objects, measured_at=now)
    except FirekeepError as error:
        unreadable = error.message
    rotation = ports.catalog.rotation_state()
    contents = frozenset(ports.sources)
    backups = [one for one in statistics if isinstance(one, BackupStatistics)]
    return Findings(
        now=now,
        config=ports.catalog.config(),
        storage_config=storage_config,
        backups=list(ports.catalog.backups()),
        statistics=statistics,
        held=held,
        unreadable=unreadable,
        frozen=(rotation.reason or "something looked wrong") if rotation.frozen else "",
        storage=storage,
        contents=contents,
        whole=[one for one in backups if _is_whole(one, contents) and (unreadable or one.id in held)],
    )


def _is_whole(backup: BackupStatistics, contents: frozenset[str]) -> bool:
    """Whether it holds all of everything that is set up: a scope that was chosen bears a mark."""
    return ":" not in backup.scope and contents <= {*backup.scope.split("+")}


def looked_back(now: datetime) -> datetime:
    """How far back statistics are looked at."""
    return now - _LOOKED_BACK


def facts_of(found: Findings, since: datetime | None, verify_within: timedelta) -> Facts:
    """What the rules of alerts go by."""
    completed = [one for one in found.backups if one.status == "completed"]
    present = [one for one in completed if found.unreadable or one.id in found.held]
    verified = [one.metadata.created_at for one in present if one.validation.verified]
    lost = [] if found.unreadable else [one.id for one in completed if one.id not in found.held]
    return Facts(
        now=found.now,
        objective=objective(found.schedule, found.now) if found.schedule else None,
        watched_since=since,
        recovery_point=recovery_point(found),
        unreadable=found.unreadable,
        lost=tuple(sorted(lost)[-_NAMED:]),
        failed=_failed(found.backups),
        damaged=tuple(sorted(one.id for one in completed if one.validation.errors)[-_NAMED:]),
        verify_within=verify_within,
        verified=max(verified, default=None),
        first=min((one.metadata.created_at for one in present), default=None),
        history=_history(found.statistics),
        frozen=found.frozen,
        limits=_limits(found),
    )


def health_of(found: Findings, facts: Facts, state: WatchState, proven: datetime | None) -> Health:
    """The document, with the alerts and channels of `state`."""
    newest = max(
        (one for one in found.backups if one.status == "completed"),
        key=lambda one: one.metadata.created_at,
        default=None,
    )
    point, wrong_channel = facts.recovery_point, any(one.error for one in state.channels)
    return Health(
        checked_at=found.now,
        state="attention" if state.alerts or wrong_channel else "ok",
        alerts=state.alerts,
        recovery_point=point,
        recovery_point_age=max(0.0, (found.now - point).total_seconds()) if point else None,
        objective=facts.objective.total_seconds() if facts.objective else None,
        next_planned=following(found.schedule, found.now) if found.schedule else None,
        completed_id=newest.id if newest else None,
        completed_at=newest.metadata.completed_at if newest else None,
        verified=facts.verified,
        proven=proven,
        storage=_trend(found),
        cost=_cost(found),
        channels=state.channels,
    )


def alerts_of(wrongs: Sequence[Wrong], state: WatchState, now: datetime) -> tuple[OpenAlert, ...]:
    """As the document has them; one that was open keeps its beginning, and what was told of it."""
    known = {one.key: one for one in state.alerts}
    return tuple(
        known.get(one.key) or OpenAlert(key=one.key, kind=one.kind, message=cut(one.message), since=now)
        for one in wrongs
    )


def cut(text: str) -> str:
    """What a field for texts holds of it."""
    data = text.encode()
    return text if len(data) <= _TEXT_BYTES else data[:_TEXT_BYTES].decode(errors="ignore") + "…"


def objective(schedule: Schedule, now: datetime) -> timedelta:
    """How old the recovery point may be: the longer of the periods about now, and time for the backup itself."""
    last = latest(schedule, now)
    coming = following(schedule, now)
    period = max(coming - last, last - latest(schedule, last - timedelta(seconds=1)))
    return period + max(timedelta(hours=1), period / 12)


def recovery_point(found: Findings) -> datetime | None:
    """The instant of the newest backup that everything can be restored from."""
    return max((one.at for one in found.whole), default=None)


def _failed(backups: Sequence[Backup]) -> str:
    """The newest backup that ended, if it failed, and why."""
    ended = [one for one in backups if one.status in ("completed", "failed") and one.metadata.completed_at]
    newest = max(ended, key=lambda one: one.metadata.completed_at or one.metadata.created_at, default=None)
    if newest is None or newest.status == "completed":
        return ""
    why = (newest.validation.errors or ("for a reason that nobody told",))[0]
    return f"{newest.id}, {why}"


def _history(statistics: Sequence[Statistics]) -> tuple[Sized, ...]:
    backups = sorted(
        (one for one in statistics if isinstance(one, BackupStatistics)), key=lambda one: (one.at, one.id)
    )
    if not backups:
        return ()
    scope = backups[-1].scope
    return tuple(Sized(one.id, one.items, one.bytes) for one in backups if one.scope == scope)


def _limits(found: Findings) -> tuple[Limit, ...]:
    most = found.storage_config.settings.max_size if found.storage_config else 0
    if not most or found.storage is None:
        return ()
    return (Limit("storage", found.storage.bytes, most, "bytes"),)


def _recent(found: Findings) -> list[BackupStatistics]:
    return [
        one
        for one in found.statistics
        if isinstance(one, BackupStatistics) and one.ended_at > found.now - MONTH
    ]


def _trend(found: Findings) -> StorageHealth | None:
    if found.storage is None:
        return None
    recent = _recent(found)
    days = MONTH.days
    if recent:
        # A system that is younger than a month has its own days.
        oldest = min(one.ended_at for one in recent)
        days = max(1, min(days, (found.now - oldest).days + 1))
    limit = found.storage_config.settings.max_size if found.storage_config else None
    return found.storage.changed(per_day=sum(one.stored for one in recent) / days, limit=limit or None)


def _cost(found: Findings) -> CostHealth:
    kept = found.storage.bytes / 1e9 * Prices().storage if found.storage else 0.0
    return CostHealth(
        storage_per_month=round(kept, 6), last_30_days=round(sum(one.cost for one in _recent(found)), 6)
    )
