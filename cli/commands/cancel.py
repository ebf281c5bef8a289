"""`firekeep cancel`: stop a backup, a restore, a check or a rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output

if TYPE_CHECKING:
    from shared.settings import Settings

_MEANINGS = {
    "cancelled": "it is stopped",
    "cancelling": "whoever works on it stops within seconds",
    "ended meanwhile": "it had just ended",
}


@click.command("cancel")
@click.argument("id_", metavar="ID")
@repository_options
@project_options
@output_options
def command(*, out: Output, chosen: Settings, id_: str) -> None:
    """Stop a backup, a restore, a check or a rotation that is under way, wherever it runs.

    A cancelled backup leaves nothing visible. A cancelled restore leaves what it has written, and says how much that
    is. What has ended stays as it is.

    \b
    Examples:
      firekeep cancel 20260101T030000Z-1a2b3c4d
    """
    from cli.preflight import reach_firestore
    from shared import wiring
    from shared.jobs.cancel import cancel_job

    reach_firestore(chosen)
    report = cancel_job(wiring.build_ports(chosen), id_, "the command line")
    meaning = _MEANINGS.get(report.outcome, f"it is {report.outcome}")
    out.result({"id": id_, "outcome": report.outcome}, [f"{id_}: {meaning}"])
