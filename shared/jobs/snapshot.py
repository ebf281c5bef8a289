"""Start a snapshot: choose the instant, cut what is asked for into parts, send each part to a worker.

Whatever is delivered twice or dies half-way: the job document is created once, its instant never changes, its
parts are written atomically with their number, and a redelivery sends again only the parts that are not done.
"""

from __future__ import annotations

from datetime import datetime

from shared.contents import ENTRIES
from shared.errors import BadInput, NotFound
from shared.jobs.asked import excluded, want
from shared.jobs.cancel import check_wanted
from shared.jobs.commit import commit_snapshot
from shared.jobs.documents import new_backup
from shared.jobs.estimate import check_fits
from shared.jobs.failure import failing_snapshot
from shared.jobs.lease import Lease, returned
from shared.jobs.part import PART_TOPIC, new_part
from shared.jobs.ports import Ports, Report
from shared.jobs.selecting import selected
from shared.models.jobs import PartRequest, SnapshotRequest
from shared.repository.tree import split
from shared.sources.contract import Plan
from shared.state.contract import Data, Task, TaskId, TaskState

_MAX_PARTS = 1000
_CUTS = 256
_LARGE = 50_000


def start_snapshot(ports: Ports, request: SnapshotRequest) -> Report:
    """Plan the snapshot `request.backup_id` and publish its parts."""
    owner = ports.owner()
    lease = Lease(TaskId(request.backup_id), owner)
    kind = request.type or "manual"
    with returned(ports.ledger, lease), failing_snapshot(ports, request.backup_id, kind):
        task = _job(ports, request)
        claimed = ports.ledger.claim(task.id, owner)
        if claimed.ended:
            return Report(task.id.job, f"already {claimed.state}")
        check_wanted(claimed)
        if claimed.parts is None:
            _plan(ports, claimed, owner)
    ports.ledger.release(task.id, owner)
    return _send(ports, claimed)


def _job(ports: Ports, request: SnapshotRequest) -> Task:
    """The job of this request, created with its instant if this is the first delivery.

    What is asked for is looked up then, and only then: a backup set that is edited later changes no job.
    """
    try:
        task = ports.ledger.load(TaskId(request.backup_id))
    except NotFound:
        task = ports.ledger.create(request.backup_id, _asked(ports, request))
    if task.state is TaskState.PENDING:
        ports.catalog.save_backup(new_backup(ports, task.id.job, task.data["type"], task.data["startedAt"]))
    return task


def _asked(ports: Ports, request: SnapshotRequest) -> Data:
    now = ports.clock.now()
    if request.at is not None and request.at > now:
        raise BadInput(
            f"the instant {request.at.isoformat()} is in the future",
            hint="leave it out to back up the present",
        )
    wanted = want(ports, request, request.type)
    return {
        "kind": "snapshot",
        **wanted.data(),
        "requestedBy": request.requested_by,
        "at": request.at or _instant(ports),
        "exclude": excluded(ports, wanted),
        "parent": _parent(ports),
        "startedAt": now,
    }


def _instant(ports: Ports) -> datetime:
    """The one that documents can be read at; without documents, the present."""
    return ports.sources[ENTRIES].instant() if ENTRIES in ports.sources else ports.clock.now()


def _parent(ports: Ports) -> str:
    """The newest snapshot, or nothing: new leaves may be stored as patches of its leaves."""
    newest = ports.catalog.newest_completed()
    try:
        return ports.repository().manifest(newest).id if newest else ""
    except NotFound:
        return ""


def _cuts(ports: Ports, parent: str, content: str) -> list[bytes]:
    """Where the previous snapshot can be cut into equal parts; nothing for a small one, or none."""
    if not parent:
        return []
    repository = ports.repository()
    root = repository.manifest(parent).roots.get(content)
    return split(repository, root, _CUTS) if root is not None and root.count > _LARGE else []


def _plan(ports: Ports, task: Task, owner: str) -> None:
    parts: list[Data] = []
    contents: dict[str, Data] = {}
    plans: dict[str, Plan] = {}
    for one in selected(task):
        accounts = ports.accounts(one.content)
        if accounts is not None:
            accounts.check_hashes()
        own = task.data["exclude"] if one.content == ENTRIES else ()
        cuts = _cuts(ports, task.data["parent"], one.content)
        plan = plans[one.content] = ports.sources[one.content].plan(one.scope(own), task.data["at"], cuts)
        contents[one.content] = {
            "expected": plan.expected,
            "excluded": {name: plan.excluded.get(name, 0) for name in own},
            "absent": plan.absent,
        }
        parts += [new_part(one.content, part) for part in plan.parts]
    if len(parts) > _MAX_PARTS:
        raise BadInput(
            f"{len(parts)} parts are too many for one snapshot", hint="raise FIREKEEP_PART_DOCUMENTS"
        )
    check_fits(ports, task, plans)
    counts = [content["expected"] for content in contents.values()]
    expected = None if None in counts else sum(counts)
    ports.ledger.set_parts(task.id.job, owner, parts, {"expected": expected, "contents": contents})
    backup = ports.catalog.backup(task.id.job)
    ports.catalog.save_backup(backup.changed(status="in_progress"))


def _send(ports: Ports, job: Task) -> Report:
    parts = ports.ledger.parts(job.id.job)
    waiting = [task.id.part for task in parts if not task.ended]
    if not waiting:
        return commit_snapshot(ports, job.id.job)
    messages = [
        PartRequest(backup_id=job.id.job, part=number).to_message()
        for number in waiting
        if number is not None
    ]
    ports.publisher.publish(PART_TOPIC, messages)
    return Report(job.id.job, "planned", {"parts": len(parts), "sent": len(messages), "at": job.data["at"]})
