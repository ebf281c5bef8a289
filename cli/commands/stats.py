"""`firekeep stats`: backups and recoveries over time, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, count, duration, moment, size, table
from cli.preflight import reach_firestore

if TYPE_CHECKING:
    from shared.monitoring.contract import Statistics
    from shared.settings import Settings


@click.command("stats")
@click.option(
    "--days", type=click.IntRange(1, 36_500), default=90, show_default=True, help="How far back to look."
)
@repository_options
@project_options
@output_options
def command(out: Output, chosen: Settings, days: int) -> None:
    """Show each backup and recovery in numbers, oldest first, and their sums.

    The numbers of a backup stay when it is dropped. Costs are estimates at list prices, of making it.

    \b
    Examples:
      firekeep stats
      firekeep stats --days 365 --json
    """
    from shared import wiring
    from shared.clock import SystemClock
    from shared.jobs.statistics import statistics

    reach_firestore(chosen)
    watch = wiring.watch(chosen)
    since = SystemClock().now() - timedelta(days=days)
    found = statistics(watch.ports, watch.store, since)
    sums = _sums(found)
    out.result(
        {"since": since, "runs": [one.to_document() for one in found], "sums": sums}, _told(found, sums)
    )


def _sums(found: Sequence[Statistics]) -> dict[str, Any]:
    backups = [one for one in found if one.kind == "backup"]
    return {
        "backups": len(backups),
        "recoveries": len(found) - len(backups),
        "stored": sum(one.stored for one in backups),
        "cost": round(sum(one.cost for one in backups), 6),
    }


def _told(found: Sequence[Statistics], sums: dict[str, Any]) -> list[str]:
    if not found:
        return ["Nothing has been backed up or restored in that time."]
    header = ("ID", "WHAT", "AS OF", "RECORDS", "DATA", "NEW", "TIME", "COST")
    lines = table(header, map(_row, found), frozenset({3, 4, 5, 6, 7}))
    backups = count(sums["backups"], "backup")
    recoveries = f"{count(sums['recoveries'])} {'recovery' if sums['recoveries'] == 1 else 'recoveries'}"
    return [*lines, f"{backups}, {size(sums['stored'])} stored, about ${sums['cost']:.2f}; {recoveries}"]


def _row(one: Statistics) -> tuple[str, ...]:
    new, cost = (size(one.stored), f"${one.cost:.4f}") if one.kind == "backup" else ("-", "-")
    what = one.kind if one.status == "completed" else f"{one.kind}, {one.status}"
    return (one.id, what, moment(one.at), count(one.items), size(one.bytes), new, duration(one.seconds), cost)
