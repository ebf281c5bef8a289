"""`firekeep pin`: keep a backup, whatever the rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import output_options, repository_options
from cli.output import Output

if TYPE_CHECKING:
    from shared.settings import Settings


@click.command("pin")
@click.argument("id_", metavar="ID")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever finds it.")
@repository_options
@output_options
def command(*, out: Output, chosen: Settings, id_: str, reason: str) -> None:
    """Keep a backup until it is unpinned, whatever the rules of rotation say.

    ID is a backup's id, the beginning of one, or `latest`. The pin is kept in the repository.

    \b
    Examples:
      firekeep pin latest --reason "before the migration"
    """
    from cli.snapshots import find
    from shared import wiring
    from shared.clock import SystemClock
    from shared.repository.pins import Pin, pin

    repository = wiring.open_repository(chosen)
    snapshot = find(repository, id_).id
    new = pin(repository, Pin(snapshot, SystemClock().now(), "firekeep pin", reason))
    out.result({"pinned": snapshot, "new": new}, [f"{snapshot}: {'pinned' if new else 'was pinned already'}"])
