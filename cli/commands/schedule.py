"""`firekeep schedule`: when backups, and recoveries elsewhere, are made by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.options import (
    checked_database,
    checked_project,
    output_options,
    project_options,
)
from cli.output import Output, moment, printable, table
from cli.presets import asked_options, check_there, checked_selection, dropped, meaning, opened
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.models.config import Schedule
    from shared.models.schedules import BackupSchedule, ScheduleState
    from shared.settings import Settings


@dataclass(frozen=True)
class _Entry:
    """A schedule in a list: when, what, and whether it is on; or why it cannot be followed."""

    name: str
    schedule: Schedule | None
    enabled: bool
    makes: str
    error: str = ""

    @property
    def when(self) -> str:
        one = self.schedule
        return f"{one.frequency} {one.time} {one.timezone}" if one else ""


@click.group("schedule")
def command() -> None:
    """Say when backups, and recoveries elsewhere, are made by themselves.

    \b
    Examples:
      firekeep schedule save --help
      firekeep schedule list
      firekeep schedule next
      firekeep schedule delete shop
    """


@command.command("save")
@click.argument("name")
@asked_options("Back up")
@click.option("--daily", metavar="HH:MM", help="Every day at this time.")
@click.option("--weekly", metavar="HH:MM", help="Every Monday at this time.")
@click.option("--monthly", metavar="HH:MM", help="On the 1st of every month at this time.")
@click.option("--zone", metavar="NAME", default="UTC", help="The time's zone, like Europe/Berlin. [UTC]")
@click.option("--restore-to", metavar="PROJECT[/DATABASE]", help="Restore there instead of making a backup.")
@click.option("--of", metavar="NAME", help="With --restore-to: the schedule whose newest backup it is.")
@click.option("--bucket", multiple=True, metavar="OLD=NEW", help="With --restore-to: where files go.")
@click.option("--exact", is_flag=True, help="With --restore-to: also DELETE what the backup does not hold.")
@click.option("--off", is_flag=True, help="Save it switched off.")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@project_options
@output_options
def save(
    *,
    out: Output,
    chosen: Settings,
    name: str,
    asked: dict[str, Any],
    daily: str | None,
    weekly: str | None,
    monthly: str | None,
    zone: str,
    restore_to: str | None,
    of: str | None,
    bucket: tuple[str, ...],
    exact: bool,
    off: bool,
    description: str,
) -> None:
    """Save a schedule, in place of the one that had its name. Without a choice it means everything.

    \b
    Examples:
      firekeep schedule save shop --daily 03:30 --zone Europe/Berlin --set shop
      firekeep schedule save staging --weekly 05:00 --restore-to my-staging --exact
    """
    from shared.models.schedules import BackupSchedule

    times = {"daily": daily, "weekly": weekly, "monthly": monthly}
    document: dict[str, Any] = {"name": name, "description": description, "enabled": not off}
    document["schedule"] = _when(times, zone)
    if restore_to is None:
        if of or bucket or exact:
            raise BadInput("--of, --bucket and --exact are about a recovery", hint="say where, --restore-to")
        document["backup"] = _checked(chosen, asked)
    else:
        more = {"of": of} if of else {}
        document["recovery"] = _recovery(
            chosen, asked, {**more, "target": _target(restore_to, bucket), "exact": exact}
        )
    preset = BackupSchedule.from_document(document)
    opened(chosen).save_preset(preset)
    entry = _entry(preset)
    out.result(preset.to_document(), [f"Saved schedule {name}: {entry.when}, {entry.makes}."])


@command.command("list")
@project_options
@output_options
def list_(*, out: Output, chosen: Settings) -> None:
    """List the schedules: the configuration's for automatic backups, and those saved by name."""
    entries = _entries(chosen)
    rows = [(one.name, one.when, one.error or one.makes, "on" if one.enabled else "off") for one in entries]
    facts = [
        {
            "name": one.name,
            "enabled": one.enabled,
            "makes": one.makes,
            **({"schedule": one.schedule.to_document()} if one.schedule else {}),
            **({"error": one.error} if one.error else {}),
        }
        for one in entries
    ]
    out.result({"schedules": facts}, _shown(("NAME", "WHEN", "MAKES", ""), rows))


@command.command("next")
@project_options
@output_options
def next_(*, out: Output, chosen: Settings) -> None:
    """Tell when each schedule runs next, in your zone and in its own, and what came of its last time."""
    from shared import wiring
    from shared.clock import SystemClock

    now = SystemClock().now()
    entries = _entries(chosen)
    states = wiring.schedules(chosen).states()
    rows, facts = [], []
    for one in entries:
        if one.schedule is None:
            continue
        held = states.get(one.name)
        at, there = _next(one.schedule, now)
        last = _last(held.state if held else None)
        shown = (moment(at), there) if one.enabled else ("switched off", "")
        rows.append((one.name, *shown, last))
        told = {"next": at, "there": there} if one.enabled else {}
        facts.append({"name": one.name, "enabled": one.enabled, **told, "last": last})
    out.result({"schedules": facts}, _shown(("NAME", "NEXT", "IN ITS ZONE", "LAST"), rows))


@command.command("delete")
@click.argument("name")
@project_options
@output_options
def delete(*, out: Output, chosen: Settings, name: str) -> None:
    """Delete a schedule. What it made stays, and what it has started goes on."""
    from shared.models.schedules import BackupSchedule

    dropped(chosen, BackupSchedule, name)
    out.result({"deleted": name}, [f"Deleted schedule {name}."])


def _when(times: dict[str, str | None], zone: str) -> dict[str, str]:
    given = [(frequency, time) for frequency, time in times.items() if time]
    if len(given) != 1:
        raise BadInput("a schedule has one time", hint="give one of --daily, --weekly and --monthly")
    ((frequency, time),) = given
    return {"frequency": frequency, "time": time, "timezone": zone}


def _checked(chosen: Settings, asked: dict[str, Any]) -> dict[str, Any]:
    if "selection" in asked:
        checked_selection(asked["selection"])
    check_there(chosen, asked)
    return asked


def _target(restore_to: str, buckets: tuple[str, ...]) -> dict[str, Any]:
    project, slash, database = restore_to.partition("/")
    named = {"project": checked_project(project), "buckets": list(buckets)}
    return named | {"database": checked_database(database)} if slash else named


def _recovery(chosen: Settings, asked: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    from shared.jobs.ports import Place
    from shared.jobs.tick import check_elsewhere
    from shared.models.schedules import ScheduledRecovery

    if asked.keys() - {"selection"}:
        raise BadInput(
            "a recovery is not of a set or template", hint="choose with --prefix, --only, --except"
        )
    if "selection" in asked:
        checked_selection(asked["selection"])
    recovery = ScheduledRecovery.from_document({**asked, **fields})
    check_elsewhere(Place(chosen.needed_project(), chosen.database), recovery)
    return recovery.to_document()


def _entries(chosen: Settings) -> list[_Entry]:
    from shared import wiring
    from shared.models.schedules import AUTOMATIC

    try:
        config = opened(chosen).config()
    except BadInput as error:
        first = [_Entry(AUTOMATIC, None, False, "", error.message)]
    else:
        automatic = config.automatic if config else None
        first = (
            [_Entry(AUTOMATIC, automatic.schedule, automatic.enabled, "backs up everything")]
            if automatic
            else []
        )
    found = wiring.schedules(chosen).schedules()
    return first + [
        _Entry(name, None, False, "", one.message) if isinstance(one, BadInput) else _entry(one)
        for name, one in found
    ]


def _entry(schedule: BackupSchedule) -> _Entry:
    recovery, backup = schedule.recovery, schedule.backup
    if recovery is not None:
        makes = f"restores {recovery.of} into {recovery.target.project}/{recovery.target.database}"
    elif backup is not None and (backup.set or backup.template):
        kind = "set" if backup.set else "template"
        makes = f"backs up the {kind} {backup.set or backup.template}"
    else:
        chosen = backup.selection if backup else None
        makes = f"backs up {meaning(chosen) if chosen else 'everything'}"
    return _Entry(schedule.name, schedule.schedule, schedule.enabled, makes)


def _next(schedule: Schedule, now: datetime) -> tuple[datetime, str]:
    """The moment, and what the clocks show then in the schedule's zone."""
    from zoneinfo import ZoneInfo

    from shared.policy.due import following

    at = following(schedule, now)
    return at, at.astimezone(ZoneInfo(schedule.timezone)).strftime("%Y-%m-%d %H:%M %Z")


def _last(state: ScheduleState | None) -> str:
    if state is None or state.last is None:
        return "none yet"
    if state.outcome == "due":
        return f"started {state.run}"
    return f"{state.outcome}: {state.reason}"


def _shown(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return ["There are no schedules yet. `firekeep schedule save` makes one."]
    return table(header, [tuple(printable(cell) for cell in row) for row in rows])
