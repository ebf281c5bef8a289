"""`firekeep rotate`: drop what need not be kept, and free what nothing needs."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.options import functions_option, output_options, project_options, repository_options
from cli.output import Output, count, moment, printable, size, table
from cli.progress import Reading

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.state.contract import Ledger, Task


@click.command("rotate")
@click.option(
    "--dry-run", is_flag=True, help="Only say what would be dropped, why, and what that would free."
)
@click.option(
    "--unfreeze", is_flag=True, help="Go on after rotation stopped because most of the data was gone."
)
@functions_option
@repository_options
@project_options
@output_options
def command(*, out: Output, chosen: Settings, dry_run: bool, unfreeze: bool, via_functions: bool) -> None:
    """Drop the backups that need not be kept, and free what no backup needs.

    The rules are in Firestore: backupConfig/main, backupConfig/storage and backupConfig/retention. What was dropped
    is freed by a later rotation, at least FIREKEEP_COLLECT_GRACE_HOURS later.

    \b
    Examples:
      firekeep rotate --dry-run
      firekeep rotate
      firekeep rotate --unfreeze
    """
    from cli.jobs import ROTATE, Job, new_id, perform
    from shared.clock import SystemClock
    from shared.models.jobs import RotateRequest

    rotate_id = f"rotate-{new_id(SystemClock(), secrets.token_bytes)}"
    request = RotateRequest(rotate_id=rotate_id, dry_run=dry_run, unfreeze=unfreeze)
    job = Job(rotate_id, ROTATE, request.to_message(), reading, "firekeep rotate", checkpoints=False)
    task = perform(chosen, out, job, via_functions)
    facts: dict[str, Any] = {
        "decisions": [],
        "dropped": [],
        "held": [],
        "frozen": "",
        "freed": {},
        "collected": {},
    }
    facts = {name: task.data.get(name, empty) for name, empty in facts.items()}
    out.result({"dryRun": dry_run, **facts}, _told(facts, dry_run))


def reading(_: Ledger, task: Task) -> Reading:
    """How far a rotation is."""
    return Reading(task.data.get("phase", "deciding"), task.data.get("liveItems", 0))


def _told(facts: dict[str, Any], dry_run: bool) -> list[str]:
    verb = "drop" if dry_run else "dropped"
    rows = [_row(one, facts, verb) for one in facts["decisions"]]
    lines = (
        table(("BACKUP", "OF", "", "FREES" if dry_run else "", "RULE"), rows, frozenset({3})) if rows else []
    )
    lines += [printable(f"FROZEN: {facts['frozen']}")] if facts["frozen"] else []
    if facts["frozen"]:
        lines.append("nothing is dropped or freed until `firekeep rotate --unfreeze`")
    if dry_run:
        return [*lines, f"would free {size(sum(facts['freed'].values()))} in time"]
    return [*lines, *_collected(facts["collected"]), *(f"held by the store: {one}" for one in facts["held"])]


def _row(decision: dict[str, Any], facts: dict[str, Any], verb: str) -> tuple[str, ...]:
    dropped = decision["id"] in facts["dropped"] or (verb == "drop" and not decision["keep"])
    freed = facts["freed"].get(decision["id"])
    return (
        printable(decision["id"]),
        moment(decision["at"]),
        verb if dropped else "keep",
        "" if freed is None else size(freed),
        printable(decision["rule"]),
    )


def _collected(done: dict[str, Any]) -> list[str]:
    lines = [f"freed {size(done.get('bytes', 0))} in {count(done.get('packs', 0), 'pack')}"]
    if done.get("marked_packs"):
        lines.append(f"marked {size(done['marked_bytes'])} in {count(done['marked_packs'], 'pack')}")
    until = done.get("waiting_until")
    if isinstance(until, datetime):
        lines.append(f"what is marked can be freed from {moment(until)} on")
    return lines + [f"held by the store: {key}" for key in done.get("held", [])]
