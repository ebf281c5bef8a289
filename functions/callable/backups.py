"""Callables about backups and recoveries. They look, and publish; the work is done by other functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Final, Literal

from functions.callable.protocol import CallError
from shared.errors import BadInput, FirekeepError, NotFound
from shared.identity.contract import Caller
from shared.jobs.asked import Wanted, want
from shared.jobs.cancel import cancel_job
from shared.jobs.documents import failed_backup, failed_recovery, new_backup, new_recovery
from shared.jobs.estimate import estimate
from shared.jobs.ports import Ports
from shared.jobs.request import SNAPSHOT_TOPIC
from shared.jobs.restore import RESTORE_TOPIC
from shared.models import Backup, Recovery
from shared.models.callables import (
    BackupPage,
    ByIdInput,
    CancelResult,
    EstimatedContent,
    EstimateResult,
    Nothing,
    PageInput,
    Progress,
    RecoveryPage,
    RequestBackupInput,
    RequestRestoreInput,
    Started,
    StatisticsPoint,
    StatisticsResult,
    StatusResult,
)
from shared.models.jobs import RestoreRequest, SnapshotRequest
from shared.models.prices import Prices
from shared.state.contract import Task, TaskId

_LISTING_S: Final = 10.0
"""How long files and accounts are listed for an estimate."""
_OUTCOMES: Final[Mapping[str, Literal["cancelled", "cancelling"]]] = {
    "cancelled": "cancelled",
    "cancelling": "cancelling",
}
_LOOKED_AT: Final = 200
"""Backups that statistics are made of."""


class Backups:
    """Each method is a callable; `serve` has checked who calls and what is given."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def request_backup(self, caller: Caller, given: RequestBackupInput) -> Started:
        """Refused at once if it can be known at once; else the backup's document is there before this returns."""
        ports = self._ports
        self._wanted(given)
        started = self._new_id()
        request = SnapshotRequest(
            backup_id=started,
            type="manual",
            selection=given.selection,
            set=given.set,
            template=given.template,
            options=given.options,
            requested_by=_requester(caller),
        )
        backup = new_backup(ports, started, "manual", ports.clock.now())
        ports.catalog.save_backup(backup)
        try:
            ports.publisher.publish(SNAPSHOT_TOPIC, [request.to_message()])
        except FirekeepError as error:
            ports.catalog.save_backup(failed_backup(backup, ports.clock.now(), error))
            raise
        return Started(id=started)

    def estimate_backup(self, _: Caller, given: RequestBackupInput) -> EstimateResult:
        told = estimate(self._ports, self._wanted(given), Prices(), seconds=_LISTING_S)
        return EstimateResult(
            contents=tuple(
                EstimatedContent.from_document(
                    {"content": name, "items": one.records, "exactness": one.exactness}
                    | ({} if one.bytes is None else {"bytes": one.bytes})
                )
                for name, one in told.contents.items()
            ),
            exactness=told.exactness,
            bytes=told.bytes,
            stored_bytes=told.stored,
            reads=told.reads,
            seconds=round(told.seconds, 1),
            usd=round(sum(told.usd.values()), 6),
            usd_per_month=round(told.usd_per_month, 6),
            assumptions=told.assumptions,
        )

    def request_restore(self, caller: Caller, given: RequestRestoreInput) -> Started:
        """In place only: a client app does not choose where an app's data go."""
        ports = self._ports
        self._check_restorable(given.backup_id)
        started = f"restore-{self._new_id()}"
        request = RestoreRequest(
            recovery_id=started,
            backup_id=given.backup_id,
            selection=given.selection,
            documents=given.documents,
            exact=given.exact,
            overwrite=given.overwrite,
            requested_by=_requester(caller),
        )
        recovery = new_recovery(request, ports.clock.now()).changed(status="pending")
        ports.catalog.save_recovery(recovery)
        try:
            ports.publisher.publish(RESTORE_TOPIC, [request.to_message()])
        except FirekeepError as error:
            ports.catalog.save_recovery(failed_recovery(recovery, ports.clock.now(), error))
            raise
        return Started(id=started)

    def cancel_backup(self, caller: Caller, given: ByIdInput) -> CancelResult:
        return self._cancelled("snapshot", caller, given)

    def cancel_restore(self, caller: Caller, given: ByIdInput) -> CancelResult:
        return self._cancelled("restore", caller, given)

    def list_backups(self, _: Caller, given: PageInput) -> BackupPage:
        with stored():
            found = list(self._ports.catalog.latest(Backup, given.limit + 1, given.after))
        backups = tuple(found[: given.limit])
        return BackupPage(backups=backups, next=backups[-1].id if len(found) > given.limit else None)

    def list_recoveries(self, _: Caller, given: PageInput) -> RecoveryPage:
        with stored():
            found = list(self._ports.catalog.latest(Recovery, given.limit + 1, given.after))
        recoveries = tuple(found[: given.limit])
        return RecoveryPage(
            recoveries=recoveries, next=recoveries[-1].id if len(found) > given.limit else None
        )

    def get_status(self, _: Caller, given: ByIdInput) -> StatusResult:
        catalog = self._ports.catalog
        with stored():
            try:
                return StatusResult(backup=catalog.backup(given.id), progress=self._progress(given.id))
            except NotFound:
                return StatusResult(recovery=catalog.recovery(given.id), progress=self._progress(given.id))

    def get_statistics(self, _: Caller, __: Nothing) -> StatisticsResult:
        """Of the catalog alone, so that this function need not read the repository for it."""
        with stored():
            found = list(islice(self._ports.catalog.latest(Backup, _LOOKED_AT, None), _LOOKED_AT))
        points = tuple(_point(backup) for backup in found if backup.status == "completed")
        return StatisticsResult(
            looked_at=len(found),
            completed=len(points),
            failed=sum(backup.status == "failed" for backup in found),
            under_way=sum(backup.status in ("pending", "in_progress") for backup in found),
            bytes=sum(point.bytes for point in points),
            newest_completed_at=next((point.at for point in points), None),
            newest_verified_at=next((point.at for point in points if point.verified), None),
            points=points,
        )

    def _wanted(self, given: RequestBackupInput) -> Wanted:
        """CallError for what the configuration does not allow, and for what stands in it wrongly."""
        with stored():
            config = self._ports.catalog.config()
        if config is not None and not config.manual.enabled:
            raise CallError("FAILED_PRECONDITION", "manual backups are switched off by the configuration")
        return want(self._ports, given, "manual")

    def _check_restorable(self, backup_id: str) -> None:
        with stored():
            config = self._ports.catalog.config()
            backup = self._ports.catalog.backup(backup_id)
        if config is not None and not config.recovery.enabled:
            raise CallError("FAILED_PRECONDITION", "recovery is switched off by the configuration")
        if backup.status != "completed":
            raise CallError("FAILED_PRECONDITION", f"the backup is {backup.status}: it cannot be restored")

    def _cancelled(self, kind: str, caller: Caller, given: ByIdInput) -> CancelResult:
        """NotFound for a job of another kind: who may stop a backup may not stop a restore by its id."""
        if self._ports.ledger.load(TaskId(given.id)).data.get("kind") != kind:
            raise NotFound(f"there is no such job {given.id!r}", hint="it is of another kind")
        told = cancel_job(self._ports, given.id, _requester(caller)).outcome
        return CancelResult(outcome=_OUTCOMES.get(told, "ended"))

    def _progress(self, job: str) -> Progress | None:
        try:
            return _progress(self._ports.ledger.load(TaskId(job)))
        except NotFound:
            return None

    def _new_id(self) -> str:
        return f"{self._ports.clock.now():%Y%m%dT%H%M%SZ}-{self._ports.random(4).hex()}"


@contextmanager
def stored() -> Iterator[None]:
    """What is read here is not the caller's: a document that is not valid is not their bad input."""
    try:
        yield
    except BadInput as error:
        raise CallError("FAILED_PRECONDITION", f"a stored document is not valid: {error.message}") from error


def _requester(caller: Caller) -> str:
    return f"uid:{caller.uid}"


def _progress(task: Task) -> Progress:
    return Progress(state=task.state.value, parts=task.parts, parts_done=task.parts_done)


def _point(backup: Backup) -> StatisticsPoint:
    told = backup.metadata
    seconds = (told.completed_at - told.created_at).total_seconds() if told.completed_at else 0.0
    return StatisticsPoint(
        id=backup.id,
        at=told.created_at,
        items=told.items,
        bytes=told.size,
        seconds=seconds,
        verified=backup.validation.verified,
    )
