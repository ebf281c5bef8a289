"""Verify snapshots in the repository and write the result where people look. The default outcome is failure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from shared.errors import FirekeepError, IntegrityError, NotFound
from shared.jobs.commit import backup_of
from shared.jobs.documents import told
from shared.jobs.failure import failing_job
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease, returned
from shared.jobs.ports import Ports, Report
from shared.models.jobs import VerifyRequest
from shared.repository import Repository
from shared.repository.check import ALL, check_data, check_structure
from shared.repository.findings import Finding, Tally, of_error
from shared.state.contract import Data, TaskId, TaskState

_TOLD = 100


def run_verify(ports: Ports, request: VerifyRequest) -> Report:
    """Check one snapshot, or every one. What is found is a result, not an exception."""
    task, owner = TaskId(request.verify_id), ports.owner()
    started = {"kind": "verify", "request": request.to_message().decode(), "startedAt": ports.clock.now()}
    ports.ledger.create(task.job, started)
    claimed = ports.ledger.claim(task, owner)
    if claimed.ended:
        return Report(task.job, f"already {claimed.state}")
    read = Tally()
    with (
        returned(ports.ledger, Lease(task, owner)),
        failing_job(ports, task.job),
        Heartbeat(ports.ledger, task, owner, ports.heartbeat_s, lambda: _live(read)),
    ):
        found = _check(ports, request, read)
    for snapshot, findings in found.items():
        _tell(ports, snapshot, findings)
    facts = {
        "verified": [snapshot for snapshot, findings in found.items() if not findings],
        "damaged": [snapshot for snapshot, findings in found.items() if findings],
        "findings": [_told(finding) for findings in found.values() for finding in findings][:_TOLD],
    }
    state = TaskState.FAILED if facts["damaged"] or not found else TaskState.DONE
    ports.ledger.finish(task, owner, state, {**facts, "endedAt": ports.clock.now()})
    return Report(task.job, "damaged" if state is TaskState.FAILED else "verified", facts)


def _live(read: Tally) -> Data:
    return {"liveObjects": read.objects, "liveItems": read.blobs, "liveBytes": read.bytes}


def _check(ports: Ports, request: VerifyRequest, read: Tally) -> dict[str, list[Finding]]:
    """What is wrong with each snapshot: nothing, or at most so many findings."""
    try:
        repository = ports.salvage()
    except IntegrityError as error:
        # Not even the configuration or the key can be read: that is what is wrong with every snapshot.
        return {request.backup_id or "": [of_error(error, "")]}
    ids = [request.backup_id] if request.backup_id else list(repository.snapshots())
    if not ids:
        return {"": list(check_structure(repository, ALL, read))}
    return {snapshot: list(islice(_findings(repository, snapshot, request, read), _TOLD)) for snapshot in ids}


def _findings(
    repository: Repository, snapshot: str, request: VerifyRequest, read: Tally
) -> Iterator[Finding]:
    if request.depth == "structure":
        return check_structure(repository, snapshot, read)
    return check_data(repository, snapshot, request.sample, tally=read)


def _told(finding: Finding) -> str:
    return f"{finding.code}: {finding.message}" + (
        f" ({finding.key})" if finding.key not in finding.message else ""
    )


def _tell(ports: Ports, snapshot: str, findings: list[Finding]) -> None:
    """Write the result into the snapshot's `Backup`, which is made anew if the catalog lost it."""
    if not snapshot:
        return
    try:
        backup = ports.catalog.backup(snapshot)
    except NotFound:
        try:
            backup = backup_of(ports.repository().manifest(snapshot))
        except FirekeepError:
            # The manifest cannot be read: the finding says so, and there is no document to write it into.
            return
    errors = told(_told(finding) for finding in findings)
    validation = backup.validation.changed(verified=not findings, errors=errors)
    ports.catalog.save_backup(backup.changed(validation=validation))
