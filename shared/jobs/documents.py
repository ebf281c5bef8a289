"""The catalog's documents at the start of a job, and after one that ended badly."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.contents import CONTENTS, ENTRIES
from shared.errors import FirekeepError
from shared.jobs.ports import Ports
from shared.models import Backup, Recovery
from shared.models.backup import BackupMetadata, BackupStorage
from shared.models.content import Content, Validation
from shared.models.fields import BackupType, summary
from shared.models.jobs import RestoreRequest
from shared.models.recovery import RecoveryMetadata, Rollback

FORMAT = "firekeep/1"
ALL = "**"
"""The pattern that means everything of a content."""

_LINE = 1_000
"""Characters of one line of `errors`."""


def new_backup(ports: Ports, backup_id: str, kind: BackupType, created: datetime) -> Backup:
    """A backup that nothing was done for yet."""
    return Backup(
        id=backup_id,
        type=kind,
        status="pending",
        metadata=BackupMetadata(created_at=created, size=0, items=0, format=FORMAT),
        content=Content(entries=(), media=(), settings=(), users=()),
        storage=BackupStorage(provider=ports.storage["provider"], path=ports.storage["path"]),
        validation=Validation(verified=False, checksum=""),
    )


def new_recovery(request: RestoreRequest, started: datetime) -> Recovery:
    """A recovery that has begun. `content` tells what was asked for; nothing there means everything."""
    chosen = request.selection.chosen if request.selection else {}
    asked = {name: choice.include or (ALL,) for name, choice in chosen.items()}
    return Recovery(
        id=request.recovery_id,
        backup_id=request.backup_id,
        status="in_progress",
        metadata=RecoveryMetadata(started_at=started, items=0, size=0),
        content=Content(
            **{name: summary(asked.get(name, ())) for name in CONTENTS if name != ENTRIES},
            entries=summary((*asked.get(ENTRIES, ()), *request.documents)),
        ),
        validation=Validation(verified=False, checksum=""),
        rollback=Rollback(enabled=False),
    )


def told(lines: Iterable[str]) -> tuple[str, ...] | None:
    """Lines as a document's `errors` hold them: cut to what fits, and nothing when there are none."""
    return summary(line if len(line) <= _LINE else f"{line[:_LINE]}…" for line in lines) or None


def failed_backup(backup: Backup, now: datetime, error: FirekeepError) -> Backup:
    """The same backup, ended by `error`."""
    return backup.changed(
        status="failed",
        metadata=backup.metadata.changed(completed_at=now),
        validation=backup.validation.changed(verified=False, errors=told([str(error)])),
    )


def failed_recovery(recovery: Recovery, now: datetime, error: FirekeepError) -> Recovery:
    """The same recovery, ended by `error`."""
    return recovery.changed(
        status="failed",
        metadata=recovery.metadata.changed(completed_at=now),
        validation=recovery.validation.changed(verified=False, errors=told([str(error)])),
    )
