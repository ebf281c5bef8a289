"""What a job's failure leaves behind: documents that say so, for the people who look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import FirekeepError, NotFound
from shared.jobs.answering import answer_request
from shared.jobs.documents import failed_backup, failed_recovery, new_backup, new_recovery
from shared.jobs.ports import Ports
from shared.jobs.progress import take_down
from shared.jobs.tally import Tally
from shared.models.fields import BackupType
from shared.models.jobs import RestoreRequest
from shared.state.contract import Task, TaskState


@contextmanager
def failing_snapshot(ports: Ports, backup_id: str, kind: BackupType = "manual") -> Iterator[None]:
    """Mark the snapshot failed when an error ends it for good; one that is worth a retry changes nothing.

    `kind` is what it is told as when nobody has said so before.
    """
    with _ending(ports, backup_id, lambda _task, error: tell_backup(ports, backup_id, kind, error)):
        yield


@contextmanager
def failing_restore(ports: Ports, request: RestoreRequest) -> Iterator[None]:
    """The same for a restore."""
    with _ending(ports, request.recovery_id, lambda task, error: _tell_restore(ports, request, task, error)):
        yield


@contextmanager
def failing_job(ports: Ports, job: str) -> Iterator[None]:
    """The same for a job without a document in the catalog."""
    with _ending(ports, job, lambda _task, _error: None):
        yield


def fail_job(ports: Ports, job: Task, error: FirekeepError) -> bool:
    """End a job of any kind, by somebody who is not its worker; False when it has ended otherwise meanwhile."""
    ended = ports.ledger.fail(job.id.job, {**_told(error), "endedAt": ports.clock.now()})
    take_down(ports, job.id.job)
    if ended is None or ended.state is not TaskState.FAILED:
        return False
    tell_failure(ports, ended, error)
    return True


def tell_failure(ports: Ports, job: Task, error: FirekeepError) -> None:
    """Have the catalog say that this job has failed."""
    kind = job.data.get("kind")
    if kind == "snapshot":
        tell_backup(ports, job.id.job, job.data.get("type", "manual"), error)
    elif kind == "restore":
        _tell_restore(ports, RestoreRequest.from_message(job.data["request"]), job, error)


def tell_backup(ports: Ports, backup_id: str, kind: BackupType, error: FirekeepError) -> None:
    """Have the catalog say so of a backup that may be in no ledger; `kind` is what it is if nobody has said."""
    now = ports.clock.now()
    begun = True
    try:
        backup = ports.catalog.backup(backup_id)
    except NotFound:
        backup, begun = new_backup(ports, backup_id, kind, now), False
    if backup.status != "completed":
        ports.catalog.save_backup(failed_backup(backup, now, error))
        answer_request(ports, backup_id, "failed" if begun else "refused", error)


def _tell_restore(ports: Ports, request: RestoreRequest, job: Task | None, error: FirekeepError) -> None:
    now = ports.clock.now()
    try:
        recovery = ports.catalog.recovery(request.recovery_id)
    except NotFound:
        recovery = new_recovery(request, now)
    tally = Tally.of(job.data if job is not None else {})
    metadata = recovery.metadata.changed(items=tally.written, size=tally.size)
    ports.catalog.save_recovery(failed_recovery(recovery.changed(metadata=metadata), now, error))


def _told(error: FirekeepError) -> dict[str, str]:
    return {"error": str(error), "code": error.code}


@contextmanager
def _ending(ports: Ports, job: str, tell: Callable[[Task | None, FirekeepError], None]) -> Iterator[None]:
    """Of two that end a job the ledger's transaction decides; only what it says is told."""
    try:
        yield
    except FirekeepError as error:
        if not error.retryable:
            ended = ports.ledger.fail(job, _told(error))
            take_down(ports, job)
            if ended is None or ended.state is TaskState.FAILED:
                tell(ended, error)
        raise
