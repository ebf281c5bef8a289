"""`firekeep repair`: bring back what is damaged or missing in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, printable
from shared.errors import BadInput, IntegrityError

if TYPE_CHECKING:
    from shared.jobs.repair import Repaired
    from shared.settings import Settings

_TOLD = 20


@click.command("repair")
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every backup.")
@click.option("--from", "source", metavar="PLACE", help="Another place that holds a copy of the repository.")
@click.option("--live", is_flag=True, help="Also from the project itself, where it has not changed since.")
@repository_options
@project_options
@output_options
def command(
    *, out: Output, chosen: Settings, id_: str | None, everything: bool, source: str | None, live: bool
) -> int:
    """Bring back what is damaged or missing, and check all of it again. Ends with status 10 when something is left.

    ID is a backup's id, the beginning of one, or `latest`. Looked for is a whole copy in the repository's other places,
    then in PLACE, and with --live among the documents and files of the project. Nothing counts that is not exactly what
    was lost. Let no rotation run meanwhile.

    \b
    Examples:
      firekeep repair latest --from gs://my-second-bucket/backups
      firekeep repair --all --live
    """
    from cli.snapshots import find
    from shared import wiring
    from shared.jobs.repair import Repaired, findings_of

    if everything == bool(id_):
        raise BadInput("it is not clear what to repair", hint="give the id of a backup, or --all")
    repository = wiring.open_repository(chosen, salvage=True)
    ids = [find(repository, id_).id] if id_ else list(repository.snapshots())
    done = Repaired()
    _from_places(chosen, ids, source, done)
    if live:
        from cli.preflight import reach_firestore
        from shared.jobs.remake import remake

        reach_firestore(chosen)
        remake(wiring.build_ports(chosen), wiring.open_repository(chosen, salvage=True), ids, done)
    left = findings_of(wiring.open_repository(chosen, salvage=True), ids)
    told = [f"{finding.code}: {finding.message}" for finding in left]
    out.result({"copied": done.copied, "remade": done.remade, "left": told}, _lines(done, told))
    return IntegrityError.exit_status if left else 0


def _from_places(chosen: Settings, ids: list[str], source: str | None, done: Repaired) -> None:
    """Mend each of the repository's places from the others."""
    from shared import wiring
    from shared.jobs.repair import Elsewhere, mend

    names = wiring.places(chosen)
    others = [
        Elsewhere(name, wiring.provider_at(chosen, name))
        for name in dict.fromkeys([*names, *filter(None, [source])])
    ]
    for name in names:
        alone = wiring.open_repository_in(wiring.provider_at(chosen, name), chosen, salvage=True)
        mend(alone, [one for one in others if one.name != name], ids, done)


def _lines(done: Repaired, left: list[str]) -> list[str]:
    lines = [f"copied  {printable(one)}" for one in done.copied]
    lines += [f"remade  {printable(one)}" for one in done.remade]
    lines += [f"LEFT    {printable(one)}" for one in left[:_TOLD]]
    if len(left) > _TOLD:
        lines.append(f"and {len(left) - _TOLD} more; --json names them")
    return [*lines, "Not everything could be repaired." if left else "Everything is whole."]
