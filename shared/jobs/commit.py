"""Commit a snapshot: join the runs of its parts into trees, prove the counts, write the manifest last.

Idempotent: the same runs give the same root, and a manifest that is there already is compared, not replaced.
Nothing is told as completed before the manifest was read back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.contents import ENTRIES, MEDIA
from shared.errors import Incomplete, IntegrityError, NotFound
from shared.format.manifest import Manifest
from shared.format.seal import name_of
from shared.jobs.answering import answer_request
from shared.jobs.audit import audit
from shared.jobs.cancel import settle
from shared.jobs.failure import failing_snapshot
from shared.jobs.groups import groups
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease, returned
from shared.jobs.limit import check_stored
from shared.jobs.ports import Ports, Report
from shared.jobs.progress import Teller, take_down
from shared.jobs.selecting import selected
from shared.models import Backup
from shared.models.fields import summary
from shared.models.jobs import VerifyRequest
from shared.repository import Repository
from shared.repository.tree import Root, Run, decode_run, join
from shared.state.contract import Task, TaskId, TaskState

Roots = Mapping[str, Root]

_FILES = {
    "taken_over": "filesTakenOver",
    "downloaded": "filesDownloaded",
    "downloaded_bytes": "bytesDownloaded",
    "changed": "filesChanged",
    "gone": "filesGone",
}
"""What became of files, as statistics name it."""

VERIFY_TOPIC = "backup-verify"

_AUDIT_S = 60.0
_NAMES = 200
"""How many collections, buckets or tenants the catalog names; all of them are in the repository."""


def commit_snapshot(ports: Ports, backup_id: str) -> Report:
    """Commit, if every part is done and nobody has. Busy while another worker is at it."""
    task, owner = TaskId(backup_id), ports.owner()
    job = ports.ledger.claim(task, owner)
    if job.ended:
        return Report(backup_id, f"already {job.state}")
    with returned(ports.ledger, Lease(task, owner)):
        beat = Heartbeat(ports.ledger, task, owner, ports.heartbeat_s, dict, tell=Teller(ports))
        with failing_snapshot(ports, backup_id), beat:
            manifest = _commit(ports, job)
            _show(ports, manifest)
            facts = {**_facts(manifest), **_audited(ports, job, manifest), **_lagging(ports, job)}
            beat.check()
        _have_checked(ports, job)
        answer_request(ports, backup_id, "done")
        ports.ledger.finish(task, owner, TaskState.DONE, {**facts, "endedAt": ports.clock.now()})
        take_down(ports, backup_id)
    return Report(backup_id, "completed", {**facts, **manifest.statistics})


def _show(ports: Ports, manifest: Manifest) -> None:
    """Write the catalog's document, unless an earlier delivery did: a check may have told its result there since."""
    if not _shown(ports, manifest.id):
        ports.catalog.save_backup(backup_of(manifest))


def _shown(ports: Ports, backup_id: str) -> bool:
    try:
        return ports.catalog.backup(backup_id).status == "completed"
    except NotFound:
        return False


def _have_checked(ports: Ports, job: Task) -> None:
    """Ask for the check that is wanted of this backup. Asked again after a crash, it is the same check."""
    depth = job.data.get("options", {}).get("validation", "none")
    if depth != "none":
        request = VerifyRequest(verify_id=check_id(job.id.job), backup_id=job.id.job, depth=depth)
        ports.publisher.publish(VERIFY_TOPIC, [request.to_message()])


def check_id(backup_id: str) -> str:
    """The id of the check that follows a backup."""
    known = f"verify-{backup_id}"
    return known if len(known) <= 128 else f"verify-{name_of(backup_id.encode()).hex()}"


def _facts(manifest: Manifest) -> dict[str, Any]:
    items, size = totals(manifest)
    return {"items": items, "bytes": size, "root": checksum(manifest.roots)}


def _audited(ports: Ports, job: Task, manifest: Manifest) -> dict[str, Any]:
    """What in this cut points to what is not in it, as far as there is time to look; of no account to the backup."""
    media = next((one for one in selected(job) if one.content == MEDIA), None)
    ends = ports.clock.monotonic() + _AUDIT_S
    found = audit(ports.repository(), manifest.roots, media, enough=lambda: ports.clock.monotonic() > ends)
    if not (found.files or found.accounts or found.passwords) and found.whole:
        return {}
    if not found.whole:
        found.tell(f"there was time to look through {found.documents} documents only")
    return {
        "missingFiles": found.files,
        "missingAccounts": found.accounts,
        "hiddenPasswords": found.passwords,
        "audit": found.told,
    }


def _lagging(ports: Ports, job: Task) -> dict[str, Any]:
    """The places that lack something of this snapshot, if the repository is kept in several."""
    names = set(ports.lagging())
    for part in ports.ledger.parts(job.id.job):
        names |= set(part.data.get("lagging", ()))
    return {"lagging": sorted(names)} if names else {}


def backup_of(manifest: Manifest) -> Backup:
    """The catalog's document as the manifest keeps it, so that the repository alone can bring it back."""
    return Backup.from_message(json.dumps(dict(manifest.backup)))


def totals(manifest: Manifest) -> tuple[int, int]:
    """Records, and the bytes that they stand for."""
    return (
        sum(root.count for root in manifest.roots.values()),
        sum(bytes_of(manifest, content) for content in manifest.roots),
    )


def bytes_of(manifest: Manifest, content: str) -> int:
    """The bytes that the records of a content stand for: of files, their own."""
    return int(manifest.statistics.get(f"{content}Bytes", manifest.roots[content].size))


def checksum(roots: Roots) -> str:
    """Hexadecimal digits that are the same for the same content: of one content, its root's id."""
    if len(roots) == 1:
        return next(iter(roots.values())).id.hex()
    return name_of(b"".join(name.encode() + b"\0" + root.id for name, root in sorted(roots.items()))).hex()


def parent_root(repository: Repository, job: Task, content: str) -> Root | None:
    """The root of this content in the snapshot that this one is compared with, if there is one."""
    parent = job.data["parent"]
    try:
        return repository.manifest(parent).roots.get(content) if parent else None
    except NotFound:
        # A rotation dropped it since: it only ever saved space.
        return None


def _commit(ports: Ports, job: Task) -> Manifest:
    repository = ports.repository()
    earlier = _committed(repository, job)
    if earlier is not None:
        return earlier
    parts = ports.ledger.parts(job.id.job)
    check_stored(job, parts)
    roots = {}
    for content in job.data["contents"]:
        own = [part for part in parts if part.data["content"] == content]
        roots[content] = _root(repository, own, parent_root(repository, job, content))
        _check_count(job, content, own, roots[content])
    settle(ports, job.id.job)
    repository.commit(_manifest(ports, repository, job, parts, roots))
    stored = repository.manifest(job.id.job)
    if stored.roots != roots:
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


def _root(repository: Repository, parts: list[Task], like: Root | None) -> Root:
    with repository.writer() as writer:
        root = join(writer, repository.chunking, _runs(repository, parts), like)
        writer.flush()
    return root


def _runs(repository: Repository, parts: list[Task]) -> Iterator[Run]:
    for part in parts:
        for name in part.data["runs"]:
            yield decode_run(repository.get_run(name))


def _check_count(job: Task, content: str, parts: list[Task], root: Root) -> None:
    """The tree holds what the parts read, and they read what was counted."""
    gone = sum(part.data["gone"] for part in parts)
    read = sum(part.data["items"] for part in parts)
    passed = sum(part.data["passed"] for part in parts)
    expected = job.data["contents"][content]["expected"]
    if root.count != read - gone or expected not in (None, read + passed):
        raise Incomplete(
            f"snapshot {job.id.job} holds {root.count} {content} where {read} were read and {gone} of them went away, "
            f"and {passed} more are not meant; the count of everything says {expected}",
            hint="nothing was committed; start the backup again",
        )


def _manifest(ports: Ports, repository: Repository, job: Task, parts: list[Task], roots: Roots) -> Manifest:
    now = ports.clock.now()
    backup = ports.catalog.backup(job.id.job)
    statistics = _statistics(job, parts, now)
    size = sum(int(statistics[f"{content}Bytes"]) for content in roots)
    items = sum(root.count for root in roots.values())
    names = {name: summary(groups(repository, name, root, _NAMES)) for name, root in roots.items()}
    completed = backup.changed(
        status="completed",
        metadata=backup.metadata.changed(completed_at=now, size=size, items=items),
        content=backup.content.changed(**names),
        validation=backup.validation.changed(checksum=checksum(roots)),
    )
    return Manifest(
        id=job.id.job,
        at=job.data["at"],
        created=now,
        parent=job.data["parent"] or None,
        project=ports.place.project,
        database=ports.place.database,
        roots=roots,
        selection={one.content: one.selected() for one in selected(job) if one.include or one.exclude},
        excluded=dict(job.data["contents"].get(ENTRIES, {}).get("excluded", {})),
        skew=_skew(job, parts),
        statistics=statistics,
        backup=json.loads(completed.to_message()),
    )


def _skew(job: Task, parts: list[Task]) -> dict[str, float]:
    """How long after the instant each content that has no past was read, at most, in seconds."""
    skew: dict[str, float] = {}
    for part in parts:
        content = part.data["content"]
        if content != ENTRIES:
            late = (part.data["readAt"] - job.data["at"]).total_seconds()
            skew[content] = max(skew.get(content, 0.0), late)
    return skew


def _statistics(job: Task, parts: list[Task], now: datetime) -> dict[str, int | float]:
    """Bytes stored, bytes read of each content, what became of files, and seconds from the request to the commit."""
    stored = sum(part.data.get("stored", 0) for part in parts)
    files: Counter[str] = Counter()
    size = dict.fromkeys((f"{content}Bytes" for content in job.data["contents"]), 0)
    for part in parts:
        files.update(part.data["files"])
        size[f"{part.data['content']}Bytes"] += part.data["size"]
    return {
        **size,
        "storedBytes": stored,
        "parts": len(parts),
        "seconds": (now - job.data["startedAt"]).total_seconds(),
        **{_FILES[name]: number for name, number in files.items()},
    }
