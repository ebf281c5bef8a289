"""`firekeep unpin`: let the rules decide about a backup again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import output_options, repository_options
from cli.output import Output

if TYPE_CHECKING:
    from shared.settings import Settings


@click.command("unpin")
@click.argument("id_", metavar="ID")
@repository_options
@output_options
def command(*, out: Output, chosen: Settings, id_: str) -> None:
    """Let the rules of rotation decide about a backup again.

    ID is a backup's id, the beginning of one, or `latest`. Needs the permission to delete.

    \b
    Examples:
      firekeep unpin latest
    """
    from cli.snapshots import find
    from shared import wiring
    from shared.repository.pins import unpin

    repository = wiring.open_repository(chosen)
    snapshot = find(repository, id_).id
    unpin(repository, snapshot)
    out.result({"unpinned": snapshot}, [f"{snapshot}: no longer pinned"])
