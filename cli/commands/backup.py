"""`firekeep backup`: take a snapshot."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from cli.options import (
    functions_option,
    instant,
    output_options,
    project_options,
    repository_options,
)
from cli.output import Output, count, duration, moment, printable, rate, size
from cli.preflight import reach_firestore
from cli.presets import asked_options, check_there
from cli.progress import Reading
from shared.errors import BadInput, IntegrityError

if TYPE_CHECKING:
    from shared.format.manifest import Manifest
    from shared.models.jobs import SnapshotRequest
    from shared.settings import Settings
    from shared.state.contract import Ledger, Task


_TOLD = 10
_AUDIT = ("missingFiles", "missingAccounts", "hiddenPasswords", "audit")


@click.command("backup")
@asked_options("Back up")
@click.option("--at", metavar="TIME", help="The moment to back up; by default now.")
@click.option("--id", "backup_id", metavar="ID", help="The id to give it; by default made from the time.")
@click.option("--resume", metavar="ID", help="Go on with a backup that was interrupted.")
@functions_option
@repository_options
@project_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    asked: dict[str, Any],
    at: str | None,
    backup_id: str | None,
    resume: str | None,
    via_functions: bool,
) -> int:
    """Back up the app as it is at one moment.

    Every backup is a full one, but stores only what is new. If it is interrupted, what was read is kept, and
    --resume goes on with it.

    \b
    Examples:
      firekeep backup
      firekeep backup --prefix users --prefix orders/2025/items
      firekeep backup --only entries --except "entries=users/*/cache"
      firekeep backup --set pictures
      firekeep backup --template weekly
      firekeep backup --at 2025-03-19T03:30
      firekeep backup --resume 20250319T033000Z-1f2e3d4c
    """
    from cli.jobs import SNAPSHOT, Job, perform
    from shared import wiring

    if resume and (asked or at or backup_id):
        raise BadInput("--resume goes on with what was asked for before", hint="give nothing but its id")
    request = _resumed(chosen, resume) if resume else _request(asked, at, backup_id)
    if via_functions:
        check_there(chosen, asked)
    job = Job(
        request.backup_id,
        SNAPSHOT,
        request.to_message(),
        reading,
        f"firekeep backup --resume {request.backup_id}",
    )
    repository = wiring.open_repository(chosen)
    task = perform(chosen, out, job, via_functions)
    repository.refresh()
    manifest = repository.manifest(request.backup_id)
    contents = task.data.get("contents", {}).values()
    absent = {name: why for content in contents for name, why in content.get("absent", {}).items()}
    audit = {name: task.data[name] for name in _AUDIT if name in task.data}
    checked = {} if via_functions else _checked(chosen, task)
    told = [*_told(manifest), *_pointing_nowhere(audit), *_check_lines(checked)]
    lagging = list(task.data.get("lagging", ()))
    told += [
        f"  lagging    {place} lacks some of it; `firekeep migrate --sync` brings it up to date"
        for place in lagging
    ]
    told += [f"  not there  {name}: {why}" for name, why in absent.items()]
    out.result({**_facts(manifest), "absent": absent, "lagging": lagging, **audit, **checked}, told)
    return IntegrityError.exit_status if checked.get("errors") else 0


def _request(asked: dict[str, Any], at: str | None, backup_id: str | None) -> SnapshotRequest:
    from cli.jobs import new_id
    from shared.clock import SystemClock
    from shared.models.jobs import SnapshotRequest

    wanted = {
        "backupId": backup_id or new_id(SystemClock(), secrets.token_bytes),
        "requestedBy": "command line",
        **asked,
        **({"at": instant(at, "--at")} if at else {}),
    }
    return SnapshotRequest.from_document(wanted)


def _resumed(chosen: Settings, backup_id: str) -> SnapshotRequest:
    """What was asked for, as the job's document tells it. NotFound when there is no such job."""
    from shared import wiring
    from shared.models.jobs import Selection, SnapshotRequest
    from shared.state.contract import TaskId

    reach_firestore(chosen)
    task = wiring.ledger(chosen).load(TaskId(backup_id))
    if task.data.get("kind") != "snapshot":
        raise BadInput(
            f"{backup_id} is not a backup", hint="`firekeep restore --resume` goes on with a restore"
        )
    return SnapshotRequest(
        backup_id=backup_id,
        type=task.data["type"],
        selection=Selection.from_document(task.data["selection"]),
        requested_by=task.data["requestedBy"],
    )


def reading(ledger: Ledger, task: Task) -> Reading:
    """How far a snapshot is: its parts added up."""
    if task.parts is None:
        return Reading("planning")
    parts = [part.data for part in ledger.parts(task.id.job)]
    items = sum(max(part["items"], part.get("liveItems", 0)) for part in parts)
    stored = sum(max(part["size"], part.get("liveBytes", 0)) for part in parts)
    return Reading(
        "committing" if task.all_parts_done else "reading", items, task.data.get("expected"), stored
    )


def _facts(manifest: Manifest) -> dict[str, Any]:
    from cli.snapshots import sums

    return {
        "id": manifest.id,
        "status": "completed",
        "at": manifest.at,
        "completedAt": manifest.created,
        **sums(manifest),
        "excluded": dict(manifest.excluded),
        **manifest.statistics,
    }


def _checked(chosen: Settings, task: Task) -> dict[str, Any]:
    """What the check that follows the backup has found; nothing when there is none."""
    from shared import wiring

    depth = task.data.get("options", {}).get("validation", "none")
    if depth == "none":
        return {}
    found = wiring.catalog(chosen).backup(task.id.job).validation
    return {"validation": depth, "verified": found.verified, "errors": list(found.errors or ())}


def _check_lines(checked: dict[str, Any]) -> list[str]:
    if not checked:
        return []
    told = f"{checked['validation']} verified" if checked["verified"] else "DAMAGED"
    return [f"  check      {told}", *(f"    {printable(line)}" for line in checked["errors"][:_TOLD])]


def _pointing_nowhere(audit: dict[str, Any]) -> list[str]:
    if not audit:
        return []
    number = audit["missingFiles"] + audit["missingAccounts"]
    told = []
    if number:
        told.append(
            f"  note       {count(number, 'reference')} to files or accounts that are not in this backup"
        )
    if audit["hiddenPasswords"]:
        hidden = count(audit["hiddenPasswords"], "account")
        told.append(
            f"  note       {hidden} with passwords that a restore into an empty project cannot bring back"
        )
    return told + [f"    {printable(line)}" for line in audit["audit"][:_TOLD]]


def _told(manifest: Manifest) -> list[str]:
    from cli.snapshots import content_lines

    facts = _facts(manifest)
    seconds = float(facts.get("seconds", 0))
    left_out = sum(manifest.excluded.values())
    told = [
        f"Backup {manifest.id} is complete.",
        f"  as of      {moment(manifest.at)}",
        *content_lines(manifest),
        f"  new data   {size(facts.get('storedBytes', 0))} stored",
        f"  time       {duration(seconds)}, {rate(facts['items'], seconds)}",
    ]
    gone = manifest.statistics.get("filesGone", 0)
    if gone:
        told.append(
            f"  left out   {count(int(gone), 'file')} deleted, or changed again and again, while being read"
        )
    if left_out:
        told.append(f"  left out   {count(left_out, 'document')} of the backup system itself")
    return told
