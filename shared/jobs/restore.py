"""Restore from a snapshot: write only what differs, guarded, then read it all again and compare.

A record that changed after it was read is a conflict and stays as it is. Deletions happen only when the request
allows them. A redelivery compares again from the cursor in the ledger, finds what was written equal, and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from shared.clock import Deadline
from shared.contents import ENTRIES, USERS
from shared.errors import BadInput, Cancelled, IntegrityError
from shared.format.forms import FORMS
from shared.format.key import path_of
from shared.format.manifest import Manifest
from shared.jobs.cancel import check_wanted, settle
from shared.jobs.documents import new_recovery, told
from shared.jobs.elsewhere import names_there
from shared.jobs.failure import failing_restore
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease, returned
from shared.jobs.ports import Place, Ports, Report
from shared.jobs.progress import Teller, take_down
from shared.jobs.reconcile import Reconciliation, preview, reconcile
from shared.jobs.scope import RestoreScope, scopes_of
from shared.jobs.tally import Tally
from shared.models.content import Validation
from shared.models.jobs import RestoreRequest
from shared.repository import Repository
from shared.repository.tree import Root, count_range, scan
from shared.state.contract import Task, TaskId, TaskState

RESTORE_TOPIC: Final = "backup-restore"


def run_restore(ports: Ports, request: RestoreRequest, deadline: Deadline) -> Report:
    """Restore what `request` names, or go on with it."""
    lease = Lease(_job(ports, request).id, ports.owner())
    with returned(ports.ledger, lease):
        with failing_restore(ports, request):
            claimed = ports.ledger.claim(lease.task, lease.owner)
            if claimed.ended:
                return Report(request.recovery_id, f"already {claimed.state}")
            tally = Tally.of(claimed.data)
            if "total" not in claimed.data:
                ports.ledger.renew(lease.task, lease.owner, {"total": _total(ports, request)})
            try:
                done = _work(ports, request, lease, tally, deadline)
            except Cancelled:
                # The job's document says by now how far it has come.
                check_wanted(ports.ledger.load(lease.task))
                raise
            if done:
                settle(ports, lease.task.job)
        if done:
            return _end(ports, request, lease, tally)
    ports.ledger.release(lease.task, lease.owner)
    ports.publisher.publish(RESTORE_TOPIC, [request.to_message()])
    return Report(request.recovery_id, "continued", tally.facts())


def _job(ports: Ports, request: RestoreRequest) -> Task:
    """The job of this request. BadInput, and nothing touched, when its id stands for another request."""
    text = request.to_message().decode()
    task = ports.ledger.create(
        request.recovery_id, {"kind": "restore", "request": text, "startedAt": ports.clock.now()}
    )
    if task.data.get("request") != text:
        raise BadInput(
            f"recovery {request.recovery_id} was asked for differently before", hint="choose another id"
        )
    if task.state is TaskState.PENDING:
        ports.catalog.save_recovery(new_recovery(request, task.data["startedAt"]))
    return task


def _manifest(ports: Ports, request: RestoreRequest) -> Manifest:
    manifest = ports.repository().manifest(request.backup_id)
    if request.target is None and manifest.place != str(ports.place):
        raise BadInput(
            f"backup {request.backup_id} is of {manifest.place}, and this is {ports.place}",
            hint="name the target to restore elsewhere",
        )
    return manifest


def _total(ports: Ports, request: RestoreRequest) -> int | None:
    """How many records of the backup are asked for; None when too much of it is damaged to say."""
    repository, manifest = ports.repository(), _manifest(ports, request)
    try:
        return sum(
            len(scope.documents)
            + sum(count_range(repository, manifest.roots[name], *one) for one in scope.ranges)
            for name, scope in scopes_of(request, manifest).items()
        )
    except IntegrityError:
        return None


def preview_restore(ports: Ports, request: RestoreRequest, tally: Tally) -> None:
    """Count into `tally` what the restore would do if it began now. Nothing is written, here or there."""
    lease, deadline = Lease(TaskId(request.recovery_id), ""), Deadline(ports.clock, None)
    beat = Heartbeat(ports.ledger, lease.task, lease.owner, ports.heartbeat_s, tally.live)
    for run in _reconciliations(ports, request, lease, tally=tally, deadline=deadline, beat=beat):
        preview(run)


def _untouched(
    ports: Ports, repository: Repository, manifest: Manifest, place: Place, scope: RestoreScope
) -> RestoreScope:
    """The scope without our own root collections there, such as have come to be ours since the snapshot was taken.

    BadInput when the snapshot holds one of them as the app's own: neither may take the other's place.
    """
    own = [name for name in ports.own_collections(place) if name not in scope.exclude]
    held = [name for name in own if _holds(repository, manifest.roots[ENTRIES], name)]
    named = sorted(path_of(key) for key in scope.documents if path_of(key).partition("/")[0] in own)
    if named:
        raise BadInput(f"{named[0]} belongs to the backup system itself, and is in no backup")
    if held:
        raise BadInput(
            f"backup {manifest.id} holds the app's own {', '.join(sorted(held))}, which in {place} are the "
            "backup system's documents",
            hint="restore to another database",
        )
    return replace(scope, exclude=(*scope.exclude, *own))


def _holds(repository: Repository, root: Root, collection: str) -> bool:
    return next(iter(scan(repository, root, *FORMS[ENTRIES].span(collection))), None) is not None


def _work(ports: Ports, request: RestoreRequest, lease: Lease, tally: Tally, deadline: Deadline) -> bool:
    telling = Teller(ports)
    with Heartbeat(
        ports.ledger, lease.task, lease.owner, ports.heartbeat_s, tally.live, tell=telling
    ) as beat:
        within = beat.within(deadline)
        runs = _reconciliations(ports, request, lease, tally=tally, deadline=within, beat=beat)
        return all(reconcile(run) for run in runs)


def _reconciliations(
    ports: Ports, request: RestoreRequest, lease: Lease, *, tally: Tally, deadline: Deadline, beat: Heartbeat
) -> Iterator[Reconciliation]:
    """One for each content, from the one that the tally is in; each is begun when the one before it has ended."""
    repository = ports.repository()
    manifest = _manifest(ports, request)
    scopes = scopes_of(request, manifest)
    place, targets = ports.place, ports.sources
    names = names_there(repository, manifest, request.target, scopes)
    if request.target is not None:
        place = Place(request.target.project, request.target.database)
        targets = ports.target(place, names)
    elif USERS in scopes and USERS in targets:
        # Password hashes are told with the parameters that they were made with.
        targets = {**targets, USERS: ports.target(place, names)[USERS]}
    if ENTRIES in scopes:
        scopes[ENTRIES] = _untouched(ports, repository, manifest, place, scopes[ENTRIES])
    absent = [name for name in scopes if name not in targets]
    if absent:
        raise BadInput(
            f"backup {manifest.id} holds {' and '.join(absent)}, which are not set up here",
            hint="name what to restore, or add them to FIREKEEP_CONTENTS",
        )
    order = list(scopes)
    for name in order[order.index(tally.content) if tally.content else 0 :]:
        tally.enter(name)
        yield Reconciliation(
            ports,
            lease,
            scopes[name],
            request.exact,
            request.overwrite,
            repository,
            manifest.roots[name],
            targets[name],
            tally,
            deadline,
            beat,
        )


def _end(ports: Ports, request: RestoreRequest, lease: Lease, tally: Tally) -> Report:
    ok = tally.clean
    recovery = ports.catalog.recovery(request.recovery_id)
    now = ports.clock.now()
    ports.catalog.save_recovery(
        recovery.changed(
            status="completed" if ok else "failed",
            metadata=recovery.metadata.changed(completed_at=now, items=tally.written, size=tally.size),
            validation=Validation(verified=ok, checksum=tally.digest.hex(), errors=told(tally.told)),
        )
    )
    state = TaskState.DONE if ok else TaskState.FAILED
    ports.ledger.finish(lease.task, lease.owner, state, {**tally.saved(), "endedAt": now})
    take_down(ports, request.recovery_id)
    return Report(request.recovery_id, "completed" if ok else "failed", tally.facts())
