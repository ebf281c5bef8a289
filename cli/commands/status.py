"""`firekeep status`: how the backups are, and what needs attention."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, count, duration, moment, printable, size
from cli.preflight import reach_firestore

if TYPE_CHECKING:
    from datetime import datetime

    from shared.models.health import Health
    from shared.settings import Settings

ATTENTION = 13
"""The exit status when something needs attention."""
_SILENT = timedelta(hours=2)
"""The monitor looks every half hour."""


@click.command("status")
@repository_options
@project_options
@output_options
def command(out: Output, chosen: Settings) -> int:
    """Show how the backups are. Ends with status 13 when something needs attention.

    Looked at now: the age of the newest recovery point against what the schedule promises, what was verified and
    proven, what is stored and what that costs, open alerts, and channels of notifications that fail.

    \b
    Examples:
      firekeep status
      firekeep status --json
    """
    from shared import wiring
    from shared.jobs.monitor import status

    reach_firestore(chosen)
    watch = wiring.watch(chosen)
    health, earlier = status(watch), watch.store.health()
    looked = earlier.checked_at if earlier else None
    silent = looked is not None and health.checked_at - looked > _SILENT
    well = health.state == "ok" and not silent
    facts = dict.fromkeys(("recoveryPoint", "recoveryPointAge", "objective", "verified", "proven"))
    told = {**facts, **health.to_document(), "state": "ok" if well else "attention", "monitorLooked": looked}
    out.result(told, _told(health, looked, silent))
    return 0 if well else ATTENTION


def _told(health: Health, looked: datetime | None, silent: bool) -> Iterator[str]:
    yield "All is well." if health.state == "ok" and not silent else "ATTENTION"
    if silent:
        yield f"  the monitor has not looked since {_at(looked, '')}: nobody is told what goes wrong"
    for alert in health.alerts:
        yield f"  {printable(alert.message)} (since {moment(alert.since)})"
    for channel in health.channels:
        if channel.error:
            yield f"  {printable(channel.error)}"
    yield f"Recovery point  {_recovery_point(health)}"
    yield f"Next backup     {_at(health.next_planned, 'nothing is scheduled')}"
    yield f"Last completed  {_completed(health)}"
    yield f"Last verified   {_at(health.verified, 'none')}"
    yield f"Last proven     {_at(health.proven, 'no restore has proved one yet')}"
    yield f"Monitor looked  {_at(looked, 'never: no function does it here')}"
    yield f"Storage         {_storage(health)}"
    kept, made = health.cost.storage_per_month, health.cost.last_30_days
    yield f"Cost            about ${kept:.2f} a month for storage, ${made:.2f} for the backups of 30 days"


def _recovery_point(health: Health) -> str:
    if health.recovery_point is None or health.recovery_point_age is None:
        return "none"
    meant = f", at most {duration(health.objective)} is meant" if health.objective else ""
    return f"{moment(health.recovery_point)}, {duration(health.recovery_point_age)} old{meant}"


def _completed(health: Health) -> str:
    return f"{_at(health.completed_at, 'none')}, {health.completed_id}" if health.completed_id else "none"


def _storage(health: Health) -> str:
    if health.storage is None:
        return "not known"
    used = f"{size(health.storage.bytes)} in {count(health.storage.objects, 'object')}"
    limit = f" of {size(health.storage.limit)}" if health.storage.limit else ""
    return f"{used}{limit}, {size(health.storage.per_day)} more each day"


def _at(instant: datetime | None, otherwise: str) -> str:
    return moment(instant) if instant else otherwise
