"""What retention is asked about, gathered: the snapshots with what is known of them, and the rules that apply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from shared.errors import BadInput, NotFound
from shared.format.manifest import Manifest
from shared.jobs.commit import backup_of
from shared.jobs.ports import Ports
from shared.models import Backup, BackupConfig, StorageConfig
from shared.models.retention import RetentionPolicy
from shared.policy.retention import Automatic, Held, Keep, Rotation, Rules
from shared.repository.pins import pinned
from shared.state.contract import Task

ABANDONED: Final = timedelta(days=7)
"""A job that was begun longer ago and has not ended keeps nothing from being dropped any more."""


def held_of(ports: Ports, manifests: Iterable[Manifest], jobs: Iterable[Task]) -> list[Held]:
    """The snapshots as retention sees them."""
    manifests = [*manifests]
    pins, read = pinned(ports.repository()), read_by(jobs)
    return [_held(ports, one, one.id in pins, read is None or one.id in read) for one in manifests]


def _held(ports: Ports, manifest: Manifest, is_pinned: bool, needed: bool) -> Held:
    backup = known_backup(ports, manifest)
    return Held(
        id=manifest.id,
        at=manifest.at,
        size=int(manifest.statistics.get("storedBytes", backup.metadata.size)),
        automatic=backup.type == "automatic",
        verified=backup.validation.verified,
        whole=not manifest.selection and ports.sources.keys() <= manifest.roots.keys(),
        pinned=is_pinned,
        needed=needed,
    )


def known_backup(ports: Ports, manifest: Manifest) -> Backup:
    """Its document: the catalog's, or the one it was committed with where the catalog has lost it."""
    try:
        return ports.catalog.backup(manifest.id)
    except NotFound:
        return backup_of(manifest)


def open_jobs(ports: Ports, but: str) -> list[Task]:
    """The jobs that have not ended and may still do something, but for this one."""
    since = ports.clock.now() - ABANDONED
    return [one for one in ports.ledger.unfinished() if one.id.job != but and _begun(one, since) > since]


def _begun(task: Task, default: datetime) -> datetime:
    begun = task.data.get("startedAt", default)
    return begun if isinstance(begun, datetime) else default


def read_by(jobs: Iterable[Task]) -> set[str] | None:
    """The snapshots that these read; None for all of them, as for a check of everything."""
    read: set[str] = set()
    for task in jobs:
        kind = task.data.get("kind")
        if kind == "snapshot":
            read.add(str(task.data.get("parent") or ""))
        elif kind in ("restore", "verify"):
            backup = _asked(task.data).get("backupId")
            if backup is None:
                return None
            read.add(str(backup))
    return read


def _asked(data: Mapping[str, object]) -> dict[str, object]:
    asked = json.loads(str(data.get("request") or "{}"))
    return asked if isinstance(asked, dict) else {}


def rules_of(ports: Ports) -> tuple[Rules, RetentionPolicy]:
    """The rules that are configured. What is not valid keeps everything, and says so."""
    try:
        policy = ports.catalog.retention_policy()
        config, storage = ports.catalog.config(), ports.catalog.storage_config()
    except BadInput as error:
        return Rules(unfit=f"the configuration is not valid: {error}"), RetentionPolicy()
    custom = config is not None and config.automatic.retention.cleanup_strategy == "custom"
    if custom and policy is None:
        unfit = "the cleanup strategy is custom, and the document backupConfig/retention does not exist"
        return Rules(unfit=unfit), RetentionPolicy()
    kept = policy or RetentionPolicy()
    return Rules(_automatic(config, kept), _rotation(storage), kept.floor), kept


def _automatic(config: BackupConfig | None, policy: RetentionPolicy) -> Automatic | None:
    """None where automatic backups are off: without new ones, the old are not to go."""
    if config is None or not config.automatic.enabled:
        return None
    retention = config.automatic.retention
    keep = Keep(
        last=policy.last,
        within=timedelta(days=policy.within_days),
        hourly=policy.hourly,
        daily=policy.daily,
        weekly=policy.weekly,
        monthly=policy.monthly,
        yearly=policy.yearly,
        timezone=policy.timezone,
    )
    return Automatic(retention.days, retention.max_backups, retention.cleanup_strategy, keep)


def _rotation(storage: StorageConfig | None) -> Rotation | None:
    if storage is None or not storage.rotation.enabled:
        return None
    rotation = storage.rotation
    limits = {"time": rotation.max_age, "size": rotation.max_size, "count": rotation.max_count}
    return Rotation(rotation.strategy, limits[rotation.strategy])
