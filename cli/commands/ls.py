"""`firekeep ls`: the backups there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, count, moment, size, table
from cli.preflight import reach_firestore
from shared.errors import FirekeepError

if TYPE_CHECKING:
    from shared.format.manifest import Manifest
    from shared.models import Backup
    from shared.settings import Settings


@click.command("ls")
@click.option("--offline", is_flag=True, help="Look at the repository only, not at the catalog in Firestore.")
@repository_options
@project_options
@output_options
def command(out: Output, chosen: Settings, offline: bool) -> None:
    """List the backups, oldest first.

    The repository tells which are complete; the catalog in Firestore, where there is one, also tells which have
    been verified, are under way, or have failed.

    \b
    Examples:
      firekeep ls
      firekeep ls --offline --repository ~/backups
      firekeep ls --json
    """
    from shared import wiring

    repository = wiring.open_repository(chosen)
    manifests = {one: repository.manifest(one) for one in repository.snapshots()}
    catalog = {} if offline or not chosen.project else _catalog(out, chosen)
    rows = [_of_manifest(one, catalog.get(one.id)) for one in manifests.values()]
    rows += [_of_catalog(one) for one in catalog.values() if one.id not in manifests]
    rows.sort(key=lambda row: (row["at"], row["id"]))
    out.result({"repository": chosen.repository, "backups": rows}, _told(rows))


def _catalog(out: Output, chosen: Settings) -> dict[str, Backup]:
    from shared import wiring

    try:
        reach_firestore(chosen)
        return {one.id: one for one in wiring.catalog(chosen).backups()}
    except FirekeepError as error:
        out.note(f"the catalog in Firestore cannot be read, so this is the repository alone: {error}")
        return {}


def _of_manifest(manifest: Manifest, known: Backup | None) -> dict[str, Any]:
    from cli.snapshots import covered, sums

    return {
        "id": manifest.id,
        "status": "completed",
        "at": manifest.at,
        "source": manifest.place,
        "selection": {name: asdict(one) for name, one in manifest.selection.items()},
        "covers": covered(manifest),
        **sums(manifest),
        "storedBytes": manifest.statistics.get("storedBytes"),
        "verified": known.validation.verified if known else None,
        "errors": list(known.validation.errors or ()) if known else [],
    }


def _of_catalog(backup: Backup) -> dict[str, Any]:
    # The catalog may say so of a snapshot that the repository no longer holds.
    status = "missing" if backup.status == "completed" else backup.status
    return {
        "id": backup.id,
        "status": status,
        "at": backup.metadata.created_at,
        "source": None,
        "selection": {},
        "covers": "-",
        "items": backup.metadata.items,
        "bytes": backup.metadata.size,
        "storedBytes": None,
        "verified": False,
        "errors": list(backup.validation.errors or ()),
    }


def _told(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["There are no backups yet. `firekeep backup` makes one."]
    header = ("ID", "AS OF", "RECORDS", "DATA", "NEW", "STATE", "OF")
    cells = [
        (
            row["id"],
            moment(row["at"]),
            count(row["items"]),
            size(row["bytes"]),
            "-" if row["storedBytes"] is None else size(row["storedBytes"]),
            _state(row),
            row["covers"],
        )
        for row in rows
    ]
    return table(header, cells, frozenset({2, 3, 4}))


def _state(row: dict[str, Any]) -> str:
    if row["status"] != "completed":
        return str(row["status"])
    if row["errors"]:
        return "DAMAGED"
    return "verified" if row["verified"] else "complete"
