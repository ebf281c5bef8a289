"""`firekeep template`: selections with options, saved under names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, selection_options
from cli.output import Output, size
from cli.presets import (
    byte_count,
    check_unused,
    checked_selection,
    dropped,
    facts_lines,
    found,
    meant,
    opened,
    scheduled,
    set_option,
    tell_all,
)
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.models.sets import BackupTemplate
    from shared.settings import Settings


@click.group("template")
def command() -> None:
    """Save what to back up, and how, under a name: what is chosen, its checks, formats and limits.

    \b
    Examples:
      firekeep template save --help
      firekeep template list
      firekeep template show shop
      firekeep template delete shop
    """


@command.command("save")
@click.argument("name")
@selection_options("Mean")
@set_option
@click.option(
    "--type", "type_", type=click.Choice(["automatic", "manual"]), help="What its backups count as."
)
@click.option(
    "--validation",
    type=click.Choice(["none", "structure", "data"]),
    help="How each backup is checked right after it is complete.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME",
    help="A format its backups may be exported to. May be repeated.",
)
@click.option(
    "--max-size", metavar="SIZE", callback=byte_count, help="What a backup may newly store: 500MB, 2GB."
)
@click.option("--note", metavar="TEXT", help="A note for each backup's job.")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@project_options
@output_options
def save(
    *,
    out: Output,
    chosen: Settings,
    name: str,
    selection: dict[str, Any] | None,
    set_: str | None,
    type_: str | None,
    validation: str | None,
    formats: tuple[str, ...],
    max_size: int | None,
    note: str | None,
    description: str,
) -> None:
    """Save a backup template, in place of the one that had its name. Without a choice it means everything.

    \b
    Examples:
      firekeep template save weekly --type automatic --validation data
      firekeep template save shop --set shop --max-size 500MB --format jsonl --note "before a release"
    """
    from shared.models.sets import BackupSet, BackupTemplate

    if selection and set_:
        raise BadInput("--set and options that choose exclude one another", hint="keep one of them")
    options = {"validation": validation, "formats": list(formats), "maxSize": max_size, "note": note}
    fields = {
        "selection": checked_selection(selection) if selection else None,
        "set": set_,
        "type": type_,
        "options": {key: value for key, value in options.items() if value not in (None, [])},
    }
    given = {key: value for key, value in fields.items() if value}
    preset = BackupTemplate.from_document({"name": name, "description": description, **given})
    catalog = opened(chosen)
    if preset.set:
        catalog.preset(BackupSet, preset.set)
    catalog.save_preset(preset)
    out.result(preset.to_document(), [f"Saved backup template {name}: {meant(preset)}."])


@command.command("list")
@project_options
@output_options
def list_(*, out: Output, chosen: Settings) -> None:
    """List the backup templates, by name."""
    from shared.models.sets import BackupTemplate

    none = "There are no backup templates yet. `firekeep template save` makes one."
    tell_all(out, "templates", opened(chosen).presets(BackupTemplate), none)


@command.command("show")
@click.argument("name")
@project_options
@output_options
def show(*, out: Output, chosen: Settings, name: str) -> None:
    """Show one backup template."""
    from shared.models.sets import BackupTemplate

    preset = found(chosen, BackupTemplate, name)
    out.result(preset.to_document(), [f"Backup template {name}", *facts_lines(_told(preset))])


@command.command("delete")
@click.argument("name")
@project_options
@output_options
def delete(*, out: Output, chosen: Settings, name: str) -> None:
    """Delete a backup template, unless a schedule uses it. Backups that were made of it stay."""
    from shared.models.sets import BackupTemplate

    check_unused(f"backup template {name}", scheduled(chosen, "template", name))
    dropped(chosen, BackupTemplate, name)
    out.result({"deleted": name}, [f"Deleted backup template {name}."])


def _told(preset: BackupTemplate) -> dict[str, str]:
    told = {"means": meant(preset), "description": preset.description, "type": preset.type or ""}
    options = preset.options
    if options is None:
        return told
    return told | {
        "validation": options.validation or "",
        "formats": ", ".join(options.formats),
        "max size": size(options.max_size) if options.max_size else "",
        "note": options.note or "",
    }
