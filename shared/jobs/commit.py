"""Commit a snapshot: join the runs of its parts into one tree, prove the counts, write the manifest last.

Idempotent: the same runs give the same root, and a manifest that is there already is compared, not replaced.
Nothing is told as completed before the manifest was read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from shared.errors import Incomplete, IntegrityError, NotFound
from shared.format.key import after_subtree, encode, segments_of
from shared.format.manifest import Manifest
from shared.jobs.failure import failing_snapshot
from shared.jobs.lease import Lease, returned
from shared.jobs.ports import Ports, Report
from shared.models import Backup
from shared.models.fields import summary
from shared.repository import Repository
from shared.repository.tree import Root, Run, decode_run, join, scan
from shared.state.contract import Task, TaskId, TaskState

ENTRIES = "entries"
"""The name under which a manifest holds the root of the documents."""

_NAMES = 200
"""How many collections the catalog names; all of them are in the repository."""


def commit_snapshot(ports: Ports, backup_id: str) -> Report:
    """Commit, if every part is done and nobody has. Busy while another worker is at it."""
    task, owner = TaskId(backup_id), ports.owner()
    job = ports.ledger.claim(task, owner)
    if job.ended:
        return Report(backup_id, f"already {job.state}")
    with returned(ports.ledger, Lease(task, owner)):
        with failing_snapshot(ports, backup_id):
            manifest = _commit(ports, job)
        ports.catalog.save_backup(backup_of(manifest))
        root = manifest.roots[ENTRIES]
        facts = {"items": root.count, "bytes": root.size, "root": root.id.hex()}
        ports.ledger.finish(task, owner, TaskState.DONE, {**facts, "endedAt": ports.clock.now()})
    return Report(backup_id, "completed", {**facts, **manifest.statistics})


def backup_of(manifest: Manifest) -> Backup:
    """The catalog's document as the manifest keeps it, so that the repository alone can bring it back."""
    return Backup.from_message(json.dumps(dict(manifest.backup)))


def _commit(ports: Ports, job: Task) -> Manifest:
    repository = ports.repository()
    earlier = _committed(repository, job)
    if earlier is not None:
        return earlier
    parts = ports.ledger.parts(job.id.job)
    root = _root(repository, job, parts)
    _check_count(job, root)
    repository.commit(_manifest(ports, repository, job, parts, root))
    stored = repository.manifest(job.id.job)
    if stored.roots.get(ENTRIES) != root:
        raise IntegrityError(f"snapshot {job.id.job} reads back with another root than was committed")
    return stored


def _committed(repository: Repository, job: Task) -> Manifest | None:
    """The manifest that an earlier delivery committed before it died, if there is one."""
    try:
        manifest = repository.manifest(job.id.job)
    except NotFound:
        return None
    if manifest.at != job.data["at"]:
        raise IntegrityError(
            f"snapshot {manifest.id} is there already, of another instant", hint="choose another id"
        )
    return manifest


def _root(repository: Repository, job: Task, parts: list[Task]) -> Root:
    parent = job.data["parent"]
    like = repository.manifest(parent).roots.get(ENTRIES) if parent else None
    with repository.writer() as writer:
        root = join(writer, repository.chunking, _runs(repository, parts), like)
        writer.flush()
    return root


def _runs(repository: Repository, parts: list[Task]) -> Iterator[Run]:
    for part in parts:
        for name in part.data["runs"]:
            yield decode_run(repository.get_run(name))


def _check_count(job: Task, root: Root) -> None:
    expected = job.data["expected"]
    if root.count != expected:
        raise Incomplete(
            f"snapshot {job.id.job} holds {root.count} records where the count of everything says {expected}",
            hint="nothing was committed; start the backup again",
        )


def _manifest(ports: Ports, repository: Repository, job: Task, parts: list[Task], root: Root) -> Manifest:
    now = ports.clock.now()
    backup = ports.catalog.backup(job.id.job)
    completed = backup.changed(
        status="completed",
        metadata=backup.metadata.changed(completed_at=now, size=root.size, items=root.count),
        content=backup.content.changed(entries=summary(_collections(repository, root))),
        validation=backup.validation.changed(checksum=root.id.hex()),
    )
    return Manifest(
        id=job.id.job,
        at=job.data["at"],
        created=now,
        parent=job.data["parent"] or None,
        project=ports.place.project,
        database=ports.place.database,
        roots={ENTRIES: root},
        prefixes=tuple(job.data["prefixes"]),
        excluded=dict(job.data["excluded"]),
        statistics=_statistics(job, parts, now),
        backup=json.loads(completed.to_message()),
    )


def _statistics(job: Task, parts: list[Task], now: datetime) -> dict[str, int | float]:
    """Bytes stored and seconds from the request to the commit."""
    stored = sum(part.data.get("stored", 0) for part in parts)
    return {
        "storedBytes": stored,
        "parts": len(parts),
        "seconds": (now - job.data["startedAt"]).total_seconds(),
    }


def _collections(repository: Repository, root: Root) -> tuple[str, ...]:
    """The first collections of the tree, in order: one seek for each, whatever they hold."""
    names: list[str] = []
    start = b""
    while len(names) < _NAMES:
        keys = next((keys for keys, _ in scan(repository, root, start)), None)
        if not keys:
            break
        name = segments_of(keys[0])[0]
        names.append(name.decode())
        start = after_subtree(encode([name]))
    return tuple(names)
