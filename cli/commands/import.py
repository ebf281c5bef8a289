"""`firekeep import`: documents of a JSON Lines file into a database."""
# ruff: noqa: N999  # a command's module is named as the command is

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.interrupt import Interrupted
from cli.options import checked_database, checked_project, output_options, project_options
from cli.output import Output, count, printable
from cli.preflight import reach_firestore
from cli.progress import Meter, Reading
from shared.errors import Conflict, IntegrityError

if TYPE_CHECKING:
    from shared.exporting.importing import Import
    from shared.jobs.ports import Place
    from shared.jobs.tally import Tally
    from shared.settings import Settings

_COUNTS = ("created", "updated", "deleted", "unchanged", "conflicts", "refused", "checked", "differences")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", metavar="PROJECT[/DATABASE]", help="Into another database.")
@click.option("--exact", is_flag=True, help="Also DELETE other documents in the file's root collections.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--yes", "-y", is_flag=True, help="Do not compare first and ask; begin at once.")
@project_options
@output_options
def command(
    *, out: Output, chosen: Settings, file: Path, to: str | None, exact: bool, dry_run: bool, yes: bool
) -> int:
    """Bring the documents of a JSON Lines FILE, as `firekeep export` writes it, into a database.

    The whole file is checked first: a line that is wrong is named, and nothing is written. What is equal already is not
    written. A document that somebody changes meanwhile is left as it is, and named. Nothing is deleted without --exact.

    \b
    Examples:
      firekeep import app.jsonl --dry-run
      firekeep import app.jsonl --to my-staging --yes
    """
    from dataclasses import replace

    job = _job(chosen, out, file, to, exact)
    if dry_run or not (yes or out.json):
        tally = _run(out, replace(job, dry_run=True), "comparing")
        if dry_run:
            out.result(_facts(job.place, "dry run", tally), _planned(job, tally))
            return 0
        _ask(out, _planned(job, tally))
    tally = _run(out, job, "importing")
    out.result(_facts(job.place, "completed" if tally.clean else "failed", tally), _told(tally))
    if tally.clean:
        return 0
    return IntegrityError.exit_status if tally.differences else Conflict.exit_status


def _job(chosen: Settings, out: Output, file: Path, to: str | None, exact: bool) -> Import:
    from shared import wiring
    from shared.clock import SystemClock
    from shared.exporting.importing import Import, check_file
    from shared.jobs.ports import Place
    from shared.models.collections import SYSTEM_COLLECTIONS

    place = _place(to) if to else Place(chosen.needed_project(), chosen.database)
    state = Place(chosen.project, chosen.state_database)
    own = SYSTEM_COLLECTIONS if place == state else ()
    with Meter(out, SystemClock()) as meter:
        checked = check_file(file, own, lambda done, size: meter.show(Reading("checking", done, None, size)))
    reach_firestore(chosen)
    return Import(checked, wiring.firestore_source(chosen, place), place, own, exact)


def _place(to: str) -> Place:
    from shared.jobs.ports import Place

    project, _, database = to.partition("/")
    return Place(checked_project(project), checked_database(database) if database else "(default)")


def _run(out: Output, job: Import, phase: str) -> Tally:
    from shared.clock import SystemClock
    from shared.exporting.importing import run_import
    from shared.jobs.tally import Tally

    tally = Tally()
    with Meter(out, SystemClock()) as meter:
        run_import(job, tally, lambda done, size: meter.show(Reading(phase, done, job.file.total, size)))
    return tally


def _ask(out: Output, planned: list[str]) -> None:
    for line in planned:
        out.note(line)
    try:
        wanted = click.confirm("Go ahead?", default=False, err=True)
    except click.Abort:
        raise Interrupted("no answer; nothing was changed", hint="--yes goes ahead without asking") from None
    if not wanted:
        raise Interrupted("not confirmed; nothing was changed")


def _facts(place: Place, status: str, tally: Tally) -> dict[str, object]:
    counts = {name: getattr(tally, name) for name in _COUNTS}
    return {"status": status, "into": str(place), **counts, "told": list(tally.told)}


def _planned(job: Import, tally: Tally) -> list[str]:
    return [
        f"Import {count(job.file.total, 'document')} into {job.place}",
        f"  create     {count(tally.created)}",
        f"  overwrite  {count(tally.updated)}",
        f"  delete     {count(tally.deleted)}",
        f"  unchanged  {count(tally.unchanged)}",
    ]


def _told(tally: Tally) -> list[str]:
    done = "is complete: what was written was read again and is equal." if tally.clean else "FAILED."
    lines = [f"Import {done}"]
    lines += [f"  {name:<11} {count(getattr(tally, name))}" for name in _COUNTS]
    return lines + [f"  {printable(line)}" for line in tally.told[:20]]
