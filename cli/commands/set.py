"""`firekeep set`: selections saved under names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, selection_options
from cli.output import Output
from cli.presets import (
    check_unused,
    checked_selection,
    dropped,
    facts_lines,
    found,
    meant,
    opened,
    scheduled,
    tell_all,
)
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.settings import Settings


@click.group("set")
def command() -> None:
    """Save what to back up under a name, for requests, schedules, templates and the command line.

    \b
    Examples:
      firekeep set save --help
      firekeep set list
      firekeep set show shop
      firekeep set delete shop
    """


@command.command("save")
@click.argument("name")
@selection_options("Mean")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@project_options
@output_options
def save(
    *, out: Output, chosen: Settings, name: str, selection: dict[str, Any] | None, description: str
) -> None:
    """Save a backup set, in place of the one that had its name. A backup under way is not changed by it.

    \b
    Examples:
      firekeep set save shop --prefix orders --prefix customers --except "entries=orders/*/cache"
      firekeep set save pictures --only media=my-app.firebasestorage.app/pictures --description "What people upload"
    """
    from shared.models.sets import BackupSet

    if not selection:
        raise BadInput(
            "a backup set without a choice", hint="say with --prefix, --only or --except what it means"
        )
    document = {"name": name, "description": description, "selection": checked_selection(selection)}
    preset = BackupSet.from_document(document)
    opened(chosen).save_preset(preset)
    out.result(preset.to_document(), [f"Saved backup set {name}: {meant(preset)}."])


@command.command("list")
@project_options
@output_options
def list_(*, out: Output, chosen: Settings) -> None:
    """List the backup sets, by name."""
    from shared.models.sets import BackupSet

    none = "There are no backup sets yet. `firekeep set save` makes one."
    tell_all(out, "sets", opened(chosen).presets(BackupSet), none)


@command.command("show")
@click.argument("name")
@project_options
@output_options
def show(*, out: Output, chosen: Settings, name: str) -> None:
    """Show one backup set."""
    from shared.models.sets import BackupSet

    preset = found(chosen, BackupSet, name)
    lines = facts_lines({"means": meant(preset), "description": preset.description})
    out.result(preset.to_document(), [f"Backup set {name}", *lines])


@command.command("delete")
@click.argument("name")
@project_options
@output_options
def delete(*, out: Output, chosen: Settings, name: str) -> None:
    """Delete a backup set, unless a template or schedule uses it. Backups that were made of it stay."""
    from shared.models.sets import BackupSet, BackupTemplate

    users = [f"template {one.name}" for one in opened(chosen).presets(BackupTemplate) if one.set == name]
    check_unused(f"backup set {name}", [*users, *scheduled(chosen, "set", name)])
    dropped(chosen, BackupSet, name)
    out.result({"deleted": name}, [f"Deleted backup set {name}."])
