"""`firekeep verify`: prove that backups are whole."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from cli.options import functions_option, output_options, project_options, repository_options
from cli.output import Output, count, printable
from cli.progress import Reading
from shared.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.state.contract import Ledger, Task

_TOLD = 20


@click.command("verify")
@click.argument("id_", metavar="[ID]", required=False)
@click.option(
    "--depth",
    type=click.Choice(["structure", "data"]),
    default="structure",
    show_default=True,
    help="structure: every hash on the way down. data: every byte read, opened and hashed again.",
)
@click.option(
    "--sample", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="With data: which share of it."
)
@functions_option
@repository_options
@project_options
@output_options
def command(
    *, out: Output, chosen: Settings, id_: str | None, depth: Any, sample: float, via_functions: bool
) -> int:
    """Check one backup, or all of them. Ends with status 10 when something is damaged.

    ID is a backup's id, the beginning of one, or `latest`. The result is kept in the catalog.

    \b
    Examples:
      firekeep verify
      firekeep verify latest --depth data
      firekeep verify --depth data --sample 0.05
    """
    from cli.jobs import VERIFY, Job, new_id, perform
    from cli.snapshots import find
    from shared import wiring
    from shared.clock import SystemClock
    from shared.models.jobs import VerifyRequest

    repository = wiring.open_repository(chosen)
    backup_id = find(repository, id_).id if id_ else None
    if not id_ and next(repository.snapshots(), None) is None:
        raise NotFound("there is nothing to verify: the repository holds no snapshot")
    verify_id = f"verify-{new_id(SystemClock(), secrets.token_bytes)}"
    request = VerifyRequest(verify_id=verify_id, backup_id=backup_id, depth=depth, sample=sample)
    resume = " ".join(["firekeep verify", *([backup_id] if backup_id else []), f"--depth {depth}"])
    job = Job(verify_id, VERIFY, request.to_message(), reading, resume, checkpoints=False)
    task = perform(chosen, out, job, via_functions)
    facts = {name: task.data.get(name, []) for name in ("verified", "damaged", "findings")}
    out.result({"depth": depth, "sample": sample, **facts}, _told(facts, depth, sample))
    return 0 if facts["verified"] and not facts["damaged"] else IntegrityError.exit_status


def reading(_: Ledger, task: Task) -> Reading:
    """How far a verification is."""
    return Reading("verifying", task.data.get("liveItems", 0), None, task.data.get("liveBytes", 0))


def _told(facts: dict[str, list[str]], depth: str, sample: float) -> list[str]:
    how = depth if depth == "structure" or sample == 1 else f"{sample:.0%} of the data"
    told = [f"{one}: whole ({how})" for one in facts["verified"]]
    told += [f"{one}: DAMAGED" for one in facts["damaged"]]
    findings = facts["findings"]
    told += [f"  {printable(one)}" for one in findings[:_TOLD]]
    if len(findings) > _TOLD:
        told.append(f"  and {count(len(findings) - _TOLD)} more; --json names them")
    return told
