"""`firekeep export`: a backup, or a part of it, as files that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, repository_options, selection_options
from cli.output import Output, count
from cli.preflight import reach_firestore
from cli.progress import Meter, Reading
from shared.errors import BadInput, Denied, Unavailable

if TYPE_CHECKING:
    from shared.exporting.exported import Export
    from shared.format.manifest import Manifest
    from shared.settings import Settings

FORMATS = ("jsonl", "json", "csv", "parquet", "zip")


@click.command("export")
@click.argument("id_", metavar="ID")
@selection_options("Export")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True, help="Its form."
)
@click.option("--output", required=True, metavar="PATH", help="Where it goes; - is standard output.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@repository_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    id_: str,
    selection: dict[str, Any] | None,
    form: str,
    output: str,
    force: bool,
) -> None:
    """Write what a backup holds as JSON Lines, JSON, CSV, Parquet or a zip archive.

    ID is a backup's id, the beginning of one, or `latest`. A zip holds everything: documents, files, accounts and
    settings. The other forms hold documents; CSV is a folder with a file for each kind of collection. JSON Lines can be
    brought back with `firekeep import`. What is exported is not encrypted.

    \b
    Examples:
      firekeep export latest --output app.jsonl
      firekeep export latest --prefix users --format csv --output users
      firekeep export latest --format zip --output app.zip
      firekeep export latest --output - | jq .path
    """
    from cli.snapshots import find
    from shared import wiring
    from shared.clock import SystemClock
    from shared.exporting.exported import write_export

    if output == "-" and (form == "csv" or out.json):
        raise BadInput(
            "standard output takes one file and nothing else",
            hint="name a path with --output, or leave out --json",
        )
    repository = wiring.open_repository(chosen)
    manifest = find(repository, id_)
    check_allowed(chosen, out, manifest, form)
    export = chosen_export(repository, manifest, selection, form)
    with Meter(out, SystemClock()) as meter:
        write_export(export, form, output, force=force, seen=showing(meter, export.total))
    done = dict(export.done)
    facts = {"id": export.manifest.id, "format": form, "output": output, "records": done}
    if output != "-":
        out.result(facts, [f"Exported {told(done)} to {output}", *left_out(export)])


def check_allowed(chosen: Settings, out: Output, manifest: Manifest, form: str) -> None:
    """BadInput when the configuration does not allow this form of a manual backup. Where the project cannot be
    reached there is no configuration to keep to: data must come out then above all.
    """
    from shared import wiring
    from shared.jobs.asked import check_formats

    if not chosen.project or manifest.backup.get("type") != "manual":
        return
    try:
        reach_firestore(chosen)
        config = wiring.catalog(chosen).config()
    except (Denied, Unavailable) as error:
        out.note(f"the configuration cannot be read, so every form is allowed: {error.message}")
        return
    if config is not None:
        check_formats(config.manual, (form,))


def chosen_export(repository: Any, manifest: Any, selection: dict[str, Any] | None, form: str) -> Export:
    """What to export. BadInput for a content that the form has no place for."""
    from shared.contents import ENTRIES
    from shared.exporting.exported import Export

    other = [name for name in selection or () if name != ENTRIES]
    if form != "zip" and other:
        raise BadInput(f"{form} has no place for {other[0]}", hint="use --format zip")
    if form != "zip" and ENTRIES not in manifest.roots:
        raise BadInput(f"backup {manifest.id} holds no documents", hint="use --format zip for all else")
    only = selection if form == "zip" or selection else {ENTRIES: {}}
    return Export(repository, manifest, only)


def showing(meter: Meter, total: int) -> Callable[[int, int], None]:
    return lambda done, size: meter.show(Reading("exporting", done, total, size))


def told(done: dict[str, int]) -> str:
    """`12 documents, 3 files`."""
    nouns = {"entries": "document", "media": "file", "users": "account", "settings": "setting"}
    return ", ".join(count(number, nouns[name]) for name, number in done.items()) or "nothing"


def left_out(export: Export) -> Iterator[str]:
    """What the backup holds and the form does not."""
    others = [name for name in export.manifest.roots if name not in export.done and not export.selected]
    if others:
        yield f"Not in it: {' and '.join(others)}; --format zip takes them too"
