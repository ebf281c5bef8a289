"""`firekeep migrate`: copy or move a repository to another place, or bring its copies up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, repository_options
from cli.output import Output, count, printable, size
from cli.progress import Meter, Reading
from shared.errors import BadInput, IntegrityError, NotFound

if TYPE_CHECKING:
    from shared.settings import Settings

_TOLD = 20


@click.command("migrate")
@click.argument("source", required=False)
@click.argument("destination", required=False)
@click.option("--move", is_flag=True, help="Delete the source when the copy has been checked.")
@click.option(
    "--sync", is_flag=True, help="Bring the other places of FIREKEEP_REPOSITORY up to date instead."
)
@click.option("--dry-run", is_flag=True, help="Tell what would be copied, and change nothing.")
@repository_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    source: str | None,
    destination: str | None,
    move: bool,
    sync: bool,
    dry_run: bool,
) -> int:
    """Copy a repository from one place to another: folders, and buckets at gs://, firebase://, s3:// or az://.

    What is there already is not copied again, so an interrupted copy goes on when it is run again. The copy becomes
    a repository with its last object. In the end it is checked: every object's size, and every hash on the way down
    to the data. Objects that the source holds against deletion are never moved away.

    \b
    Examples:
      firekeep migrate ~/backups gs://my-backups/app --dry-run
      firekeep migrate ~/backups gs://my-backups/app
      firekeep migrate ~/backups s3://other/app --move
      firekeep migrate --sync
    """
    pairs = _pairs(chosen, source, destination, sync, move)
    facts = [_migrate(out, chosen, pair, move, dry_run) for pair in pairs]
    out.result({"migrations": facts}, [line for one in facts for line in _told(one)])
    return IntegrityError.exit_status if any(one["findings"] for one in facts) else 0


def _pairs(
    chosen: Settings, source: str | None, destination: str | None, sync: bool, move: bool
) -> list[tuple[str, str]]:
    from dataclasses import replace

    from shared import wiring

    if not sync:
        if source is None or destination is None:
            raise BadInput(
                "migrate needs a source and a destination", hint="or --sync for a repository's copies"
            )
        first, second = (wiring.places(replace(chosen, repository=one)) for one in (source, destination))
        if len(first) != 1 or len(second) != 1 or first == second:
            raise BadInput("source and destination must be one place each, and not the same")
        return [(first[0], second[0])]
    if source is not None or move:
        raise BadInput("--sync takes no places and moves nothing", hint="it goes by FIREKEEP_REPOSITORY")
    primary, *others = wiring.places(chosen)
    if not others:
        raise BadInput("the repository is in one place only", hint="name several in FIREKEEP_REPOSITORY")
    return [(primary, other) for other in others]


def _migrate(
    out: Output, chosen: Settings, pair: tuple[str, str], move: bool, dry_run: bool
) -> dict[str, Any]:
    from shared import wiring
    from shared.clock import SystemClock
    from shared.repository.layout import CONFIG

    source, destination = (wiring.provider_at(chosen, place) for place in pair)
    clock = SystemClock()
    with Meter(out, clock) as meter:
        total = _Total(meter)
        transfer = wiring.transfer(source, destination, total.seen)
        _refuse_another(transfer, CONFIG, pair)
        for stat in transfer.missing():
            total.missing(stat.size)
        facts = {
            "source": pair[0],
            "destination": pair[1],
            "dryRun": dry_run,
            "missing": total.objects,
            "missingBytes": total.bytes,
            "present": transfer.progress.present,
        }
        if dry_run:
            return facts | _outcome()
        done = transfer.copy()
        if done.failed:
            raise next(iter(done.failed.values()))
        meter.show(Reading("checking"))
        findings = [f"{key}: not there in full" for key in transfer.check()]
        findings = findings or _structure(chosen, destination)
        if move and not findings:
            meter.show(Reading("removing"))
            transfer.remove(clock)
        return facts | _outcome(done.copied, done.bytes, done.removed, done.kept, findings)


class _Total:
    """What there is to do, and how far it is, as readings."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.objects = self.bytes = 0

    def missing(self, size: int) -> None:
        self.objects, self.bytes = self.objects + 1, self.bytes + size
        self._meter.show(Reading("comparing", self.objects))

    def seen(self, progress: Any) -> None:
        if progress.removed or progress.kept:
            self._meter.show(Reading("removing", progress.removed))
        else:
            self._meter.show(Reading("copying", progress.copied, self.objects, progress.bytes))


def _refuse_another(transfer: Any, key: str, pair: tuple[str, str]) -> None:
    try:
        transfer.refuse_another(key)
    except NotFound as error:
        raise NotFound(f"there is no repository at {pair[0]}", hint=error.hint or "check the place") from None


def _structure(chosen: Settings, destination: Any) -> list[str]:
    """What a check of the copy finds. A repository without a snapshot has nothing that could be wrong yet."""
    from shared import wiring
    from shared.repository.check import check_structure

    repository = wiring.open_repository_in(destination, chosen)
    empty = next(repository.snapshots(), None) is None
    return [
        f"{one.key or 'repository'}: {one.message}"
        for one in check_structure(repository, None)
        if not (empty and one.code == "nothing")
    ]


def _outcome(
    copied: int = 0, copied_bytes: int = 0, removed: int = 0, kept: Any = (), findings: Any = ()
) -> dict[str, Any]:
    return {
        "copied": copied,
        "copiedBytes": copied_bytes,
        "removed": removed,
        "kept": list(kept),
        "findings": list(findings),
    }


def _told(facts: dict[str, Any]) -> list[str]:
    way = f"{facts['source']} to {facts['destination']}"
    objects = count(facts["missing"], "object")
    if facts["dryRun"]:
        there = f"{count(facts['present'])} are there already"
        return [f"Would copy {objects} ({size(facts['missingBytes'])}) from {way}; {there}."]
    told = [f"Copied {count(facts['copied'], 'object')} ({size(facts['copiedBytes'])}) from {way}."]
    if facts["findings"]:
        told += ["The copy is DAMAGED:", *(f"  {printable(one)}" for one in facts["findings"][:_TOLD])]
        return told
    told.append("Checked: every object is there, and the repository's structure is whole.")
    if facts["removed"] or facts["kept"]:
        told.append(f"Removed {count(facts['removed'], 'object')} from {facts['source']}.")
    if facts["kept"]:
        told.append(
            f"{count(len(facts['kept']), 'object')} could not go, as they are held or deletion is denied:"
        )
        told += [f"  {printable(one)}" for one in facts["kept"][:_TOLD]]
    return told
