"""`firekeep show`: what is in a backup."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, repository_options
from cli.output import Output, count, moment, printable, table
from shared.errors import BadInput, NotFound

if TYPE_CHECKING:
    from cli.snapshots import Below
    from shared.format.manifest import Manifest
    from shared.repository import Repository
    from shared.settings import Settings


@click.command("show")
@click.argument("id_")
@click.argument("path", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Documents to list at most."
)
@click.option(
    "--settings-files",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write its settings into this new folder.",
)
@repository_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    id_: str,
    path: str | None,
    limit: int,
    settings_files: Path | None,
) -> None:
    """Show a backup, or a collection or document in it.

    ID is a backup's id, the beginning of one, or `latest`. With the PATH of a document, prints its fields with
    their types; --json gives them exactly, as Firestore's REST interface would. --settings-files writes what no
    service lets anybody restore: a folder for `firebase deploy`, with secrets in it, and a page that says what to do.

    \b
    Examples:
      firekeep show latest
      firekeep show latest countries/CH/cities
      firekeep show 20250319T033000Z-1f2e3d4c countries/CH --json
      firekeep show latest --settings-files settings
    """
    from cli.snapshots import find
    from shared import wiring
    from shared.format.key import checked_path

    repository = wiring.open_repository(chosen)
    manifest = find(repository, id_)
    if settings_files is not None:
        _write_settings(out, repository, manifest, settings_files)
        return
    if not path:
        _backup(out, repository, manifest)
        return
    path = checked_path(path.strip("/"))
    if path.count("/") % 2:
        _document(out, repository, manifest, path)
    else:
        _collection(out, repository, manifest, path, limit)


def _write_settings(out: Output, repository: Repository, manifest: Manifest, folder: Path) -> None:
    """Whole or not at all: the folder gets its name when everything is in it."""
    from shared.contents import SETTINGS
    from shared.format.setting_files import files_of
    from shared.repository.tree import scan

    root = manifest.roots.get(SETTINGS)
    if root is None:
        raise NotFound(f"backup {manifest.id} holds no settings", hint="`firekeep show` tells what it holds")
    records = [pair for batch in scan(repository, root) for pair in zip(*batch, strict=True)]
    files = files_of(records, manifest.database)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        if folder.exists():
            raise BadInput(f"{folder} is there already", hint="name a folder that is not")
        unfinished.mkdir(mode=0o700, parents=True)
        for file in files:
            (unfinished / file.name).write_bytes(file.data)
        unfinished.rename(folder)
    except OSError as error:
        raise BadInput(f"writing settings to {folder}: {error.strerror}") from None
    facts = {"id": manifest.id, "folder": str(folder), "files": {file.name: file.how for file in files}}
    out.result(facts, [f"{folder / file.name}: {file.how}" for file in files])


def _backup(out: Output, repository: Repository, manifest: Manifest) -> None:
    from cli.snapshots import collections, content_lines, covered, sums
    from shared.contents import ENTRIES

    root = manifest.roots.get(ENTRIES)
    found = list(collections(repository, root)) if root else []
    facts = {
        "id": manifest.id,
        "at": manifest.at,
        "createdAt": manifest.created,
        "source": {"project": manifest.project, "database": manifest.database},
        "selection": {name: asdict(one) for name, one in manifest.selection.items()},
        **sums(manifest),
        "parent": manifest.parent,
        "excluded": dict(manifest.excluded),
        "statistics": dict(manifest.statistics),
        "collections": {one.path: one.documents for one in found},
    }
    told = [
        f"Backup {manifest.id}",
        f"  of         {manifest.place}: {covered(manifest)}",
        f"  as of      {moment(manifest.at)}",
        f"  complete   {moment(manifest.created)}",
        *content_lines(manifest),
        f"  checksum   {facts['root']}",
    ]
    left_out = ", ".join(
        f"{name} ({count(number)})" for name, number in sorted(manifest.excluded.items()) if number
    )
    if left_out:
        told.append(f"  left out   {left_out}")
    out.result(facts, [*told, *_listed("COLLECTION", found)])


def _collection(out: Output, repository: Repository, manifest: Manifest, path: str, limit: int) -> None:
    from cli.snapshots import documents, entries
    from shared.format.key import prefix_range
    from shared.repository.tree import count_range

    root = entries(manifest)
    total = count_range(repository, root, *prefix_range(path))
    if not total:
        raise _absent("collection", path, manifest)
    found = list(islice(documents(repository, root, path), limit + 1))
    more = len(found) > limit
    facts = {
        "id": manifest.id,
        "path": path,
        "total": total,
        "documents": {one.path: one.documents for one in found[:limit]},
        "more": more,
    }
    told = [
        f"{printable(path)}: {count(total, 'document')} at and below it",
        *_listed("DOCUMENT", found[:limit]),
    ]
    out.result(facts, [*told, f"and more; --limit {limit * 10} shows them"] if more else told)


def _document(out: Output, repository: Repository, manifest: Manifest, path: str) -> None:
    from cli import values
    from cli.snapshots import collections, entries, record
    from shared.format.record import to_json

    root = entries(manifest)
    value = record(repository, root, path)
    below = list(collections(repository, root, path))
    if value is None and not below:
        raise _absent("document", path, manifest)
    document: dict[str, Any] | None = to_json(value) if value is not None else None
    facts = {
        "id": manifest.id,
        "path": path,
        "document": document,
        "collections": {one.path: one.documents for one in below},
    }
    told = [printable(path)]
    if document is None:
        told.append("  there is no such document, but there are some below it")
    else:
        told.append(f"  created {_moment(document['createTime'])}, updated {_moment(document['updateTime'])}")
        told += values.lines(document["fields"])
    out.result(facts, [*told, *_listed("COLLECTION", below)])


def _moment(text: str) -> str:
    return moment(datetime.fromisoformat(text))


def _listed(header: str, found: list[Below]) -> list[str]:
    if not found:
        return []
    rows = [(printable(one.path), count(one.documents)) for one in found]
    return ["", *table((header, "DOCUMENTS"), rows, frozenset({1}))]


def _absent(kind: str, path: str, manifest: Manifest) -> NotFound:
    return NotFound(
        f"there is no {kind} {path} in backup {manifest.id}", hint=f"see `firekeep show {manifest.id}`"
    )
