"""`firekeep recover`: the repository and its key are all that is left."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, repository_options, selection_options
from cli.output import Output, count, moment, table
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.format.manifest import Manifest
    from shared.repository import Repository
    from shared.settings import Settings


@click.command("recover")
@click.argument("id_", metavar="ID", required=False)
@selection_options("Restore")
@click.option("--bucket", multiple=True, metavar="OLD=NEW", help="The bucket that takes another's files.")
@click.option("--yes", "-y", is_flag=True, help="Do not compare first and ask; begin at once.")
@repository_options
@project_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    id_: str | None,
    selection: dict[str, Any] | None,
    bucket: tuple[str, ...],
    yes: bool,
) -> int:
    """Start again from the repository alone, when the project is lost.

    Without an ID, tells what the repository holds; that needs no project. With one, brings back the list of backups
    in the project named by --project, which may be new and empty, and restores that backup into it. The key may be
    made from the recovery kit: see `firekeep key --help`.

    \b
    Examples:
      firekeep recover --repository gs://my-backups/app --key-file ~/backups.key
      firekeep recover latest --project my-app-two --repository gs://my-backups/app --key-file ~/backups.key
    """
    from cli.commands.restore import restored
    from cli.snapshots import find
    from shared import wiring
    from shared.models.jobs import RestoreRequest

    repository = wiring.open_repository(chosen)
    if id_ is None:
        return _tell(out, repository)
    manifest = find(repository, id_)
    _rebuild(out, chosen)
    asked: dict[str, Any] = {
        "recoveryId": _new_id(),
        "backupId": manifest.id,
        "requestedBy": "command line",
        **({"selection": selection} if selection else {}),
        **_elsewhere(chosen, manifest, bucket),
    }
    ask = not (yes or out.json)
    return restored(chosen, out, repository, RestoreRequest.from_document(asked), ask=ask)


def _new_id() -> str:
    from cli.jobs import new_id
    from shared.clock import SystemClock

    return f"recover-{new_id(SystemClock(), secrets.token_bytes)}"


def _tell(out: Output, repository: Repository) -> int:
    from cli.snapshots import covered, sums

    manifests = sorted(map(repository.manifest, repository.snapshots()), key=lambda one: (one.at, one.id))
    rows = [{"id": one.id, "at": one.at, "source": one.place, **sums(one)} for one in manifests]
    if not rows:
        out.result({"backups": []}, ["The repository opens, and holds no backups."])
        return 0
    told = [f"The repository opens, and holds {count(len(rows), 'backup')}:"]
    told += table(
        ("ID", "AS OF", "RECORDS", "OF"),
        [
            (one.id, moment(one.at), count(row["items"]), f"{one.place}: {covered(one)}")
            for one, row in zip(manifests, rows, strict=True)
        ],
        frozenset({2}),
    )
    told.append(f"Restore one with: firekeep recover {manifests[-1].id} --project PROJECT")
    out.result({"backups": rows}, told)
    return 0


def _rebuild(out: Output, chosen: Settings) -> None:
    """The catalog comes first: it does no harm, and shows people what there is while the rest takes its time."""
    from cli.preflight import reach_firestore
    from shared import wiring
    from shared.jobs.rebuild import rebuild_catalog

    chosen.needed_project()
    reach_firestore(chosen)
    rebuilt = rebuild_catalog(wiring.build_ports(chosen)).facts["rebuilt"]
    out.note(f"the catalog of {chosen.project} now shows {count(len(rebuilt), 'backup')} more")


def _elsewhere(chosen: Settings, manifest: Manifest, bucket: tuple[str, ...]) -> dict[str, Any]:
    """The target, unless the project is the one that the backup was taken of."""
    if manifest.place == f"{chosen.project}/{chosen.database}":
        if bucket:
            raise BadInput("--bucket says where files go in another project", hint="leave it out")
        return {}
    return {"target": {"project": chosen.project, "database": chosen.database, "buckets": list(bucket)}}
