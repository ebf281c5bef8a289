"""What a job's failure leaves behind: documents that say so, for the people who look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import FirekeepError, NotFound
from shared.jobs.documents import failed_backup, failed_recovery, new_backup, new_recovery
from shared.jobs.ports import Ports
from shared.models.fields import BackupType
from shared.models.jobs import RestoreRequest


@contextmanager
def failing_snapshot(ports: Ports, backup_id: str, kind: BackupType = "manual") -> Iterator[None]:
    """Mark the snapshot failed when an error ends it for good; one that is worth a retry changes nothing.

    `kind` is what it is told as when nobody has said so before.
    """

    def tell(error: FirekeepError) -> None:
        now = ports.clock.now()
        try:
            backup = ports.catalog.backup(backup_id)
        except NotFound:
            backup = new_backup(ports, backup_id, kind, now)
        if backup.status != "completed":
            ports.catalog.save_backup(failed_backup(backup, now, error))

    with _ending(ports, backup_id, tell):
        yield


@contextmanager
def failing_restore(ports: Ports, request: RestoreRequest) -> Iterator[None]:
    """The same for a restore."""

    def tell(error: FirekeepError) -> None:
        now = ports.clock.now()
        try:
            recovery = ports.catalog.recovery(request.recovery_id)
        except NotFound:
            recovery = new_recovery(request, now)
        ports.catalog.save_recovery(failed_recovery(recovery, now, error))

    with _ending(ports, request.recovery_id, tell):
        yield


@contextmanager
def failing_job(ports: Ports, job: str) -> Iterator[None]:
    """The same for a job without a document in the catalog."""
    with _ending(ports, job, lambda _error: None):
        yield


@contextmanager
def _ending(ports: Ports, job: str, tell: Callable[[FirekeepError], None]) -> Iterator[None]:
    try:
        yield
    except FirekeepError as error:
        if not error.retryable:
            ports.ledger.fail(job, {"error": str(error), "code": error.code})
            tell(error)
        raise
