"""`firekeep restore`: bring back what a backup holds, writing only what differs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from cli.interrupt import Background, Interrupted
from cli.options import (
    checked_database,
    checked_project,
    document_option,
    functions_option,
    output_options,
    project_options,
    repository_options,
    selection_options,
)
from cli.output import Output, count, moment, printable, size
from cli.preflight import reach_firestore
from cli.progress import Meter, Reading
from shared.errors import BadInput, Conflict, IntegrityError

if TYPE_CHECKING:
    from shared.format.manifest import Manifest
    from shared.jobs.tally import Tally
    from shared.models.jobs import RestoreRequest
    from shared.repository import Repository
    from shared.settings import Settings
    from shared.state.contract import Task

_COUNTS = (
    "created",
    "updated",
    "deleted",
    "unchanged",
    "extra",
    "kept",
    "conflicts",
    "refused",
    "checked",
    "differences",
)
_TOLD = 20


@click.command("restore")
@click.argument("id_", metavar="ID", required=False)
@selection_options("Restore")
@document_option
@click.option("--to", metavar="PROJECT[/DATABASE]", help="Restore into another database; references follow.")
@click.option(
    "--bucket", multiple=True, metavar="OLD=NEW", help="With --to: the bucket that takes another's files."
)
@click.option("--exact", is_flag=True, help="Also DELETE documents that the backup does not hold.")
@click.option("--no-overwrite", is_flag=True, help="Leave documents that exist as they are.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--yes", "-y", is_flag=True, help="Do not compare first and ask; begin at once.")
@click.option("--resume", metavar="ID", help="Go on with a restore that was interrupted.")
@functions_option
@repository_options
@project_options
@output_options
def command(
    *,
    out: Output,
    chosen: Settings,
    id_: str | None,
    selection: dict[str, Any] | None,
    document: tuple[str, ...],
    to: str | None,
    bucket: tuple[str, ...],
    exact: bool,
    no_overwrite: bool,
    dry_run: bool,
    yes: bool,
    resume: str | None,
    via_functions: bool,
) -> int:
    """Restore a backup, or a part of it, and read it again to prove that it arrived.

    ID is a backup's id, the beginning of one, or `latest`. What is equal already is not written. A document that
    somebody changes meanwhile is left as it is, and named. Nothing is deleted without --exact.

    \b
    Examples:
      firekeep restore latest --dry-run
      firekeep restore latest --prefix users --prefix orders
      firekeep restore latest --document users/alice
      firekeep restore latest --only users=4fT9aXw --only media=my-app.appspot.com/users/4fT9aXw
      firekeep restore latest --to my-staging --yes
      firekeep restore 20250319T033000Z-1f2e3d4c --exact
    """
    from shared import wiring

    if resume and (id_ or selection or document or to or exact or no_overwrite or dry_run):
        raise BadInput("--resume goes on with what was asked for before", hint="give nothing but its id")
    if not resume and not id_:
        raise BadInput(
            "the backup to restore is not named", hint="`firekeep ls` lists them; `latest` is the newest"
        )
    repository = wiring.open_repository(chosen)
    if resume:
        request = _resumed(chosen, resume)
    else:
        request = _request(
            repository,
            id_ or "",
            selection=selection,
            document=document,
            to=_target(to, bucket),
            exact=exact,
            overwrite=not no_overwrite,
        )
    if dry_run:
        manifest = repository.manifest(request.backup_id)
        tally = _preview(chosen, out, request, _total(repository, manifest, request))
        out.result(_facts(request, "dry run", tally.facts()), _planned(chosen, manifest, request, tally))
        return 0
    ask = not (yes or resume or out.json)
    return restored(chosen, out, repository, request, ask=ask, via_functions=via_functions)


def restored(
    chosen: Settings,
    out: Output,
    repository: Repository,
    request: RestoreRequest,
    *,
    ask: bool,
    via_functions: bool = False,
) -> int:
    """Restore, after showing what would change and asking, if that is wanted. The exit status."""
    manifest = repository.manifest(request.backup_id)
    total = _total(repository, manifest, request)
    if ask:
        _ask(out, _planned(chosen, manifest, request, _preview(chosen, out, request, total)))
    return _restore(chosen, out, request, total, via_functions)


def _restore(chosen: Settings, out: Output, request: RestoreRequest, total: int, via_functions: bool) -> int:
    from cli.jobs import RESTORE, Job, perform

    recovery_id = request.recovery_id
    job = Job(
        recovery_id,
        RESTORE,
        request.to_message(),
        lambda _, task: reading(task, total),
        f"firekeep restore --resume {recovery_id}",
    )
    task = perform(chosen, out, job, via_functions)
    facts = _facts(request, "completed" if task.state == "done" else "failed", task.data)
    out.result(facts, _told(facts))
    if task.state == "done":
        return 0
    return IntegrityError.exit_status if facts["differences"] else Conflict.exit_status


def _request(
    repository: Repository,
    name: str,
    *,
    selection: dict[str, Any] | None,
    document: tuple[str, ...],
    to: dict[str, Any] | None,
    exact: bool,
    overwrite: bool,
) -> RestoreRequest:
    from cli.jobs import new_id
    from cli.snapshots import find
    from shared.clock import SystemClock
    from shared.models.jobs import RestoreRequest

    asked: dict[str, Any] = {
        "recoveryId": f"restore-{new_id(SystemClock(), secrets.token_bytes)}",
        "backupId": find(repository, name).id,
        "documents": list(document),
        "exact": exact,
        "overwrite": overwrite,
        "requestedBy": "command line",
    }
    asked |= {"selection": selection} if selection else {}
    return RestoreRequest.from_document(asked | ({"target": to} if to else {}))


def _target(to: str | None, buckets: tuple[str, ...]) -> dict[str, Any] | None:
    if to is None:
        if buckets:
            raise BadInput("--bucket says where files go elsewhere", hint="say with --to where that is")
        return None
    project, slash, database = to.partition("/")
    named = {"project": checked_project(project), "buckets": list(buckets)}
    return named | {"database": checked_database(database)} if slash else named


def _resumed(chosen: Settings, recovery_id: str) -> RestoreRequest:
    from shared import wiring
    from shared.models.jobs import RestoreRequest
    from shared.state.contract import TaskId

    reach_firestore(chosen)
    task = wiring.ledger(chosen).load(TaskId(recovery_id))
    if task.data.get("kind") != "restore":
        raise BadInput(
            f"{recovery_id} is not a restore", hint="`firekeep backup --resume` goes on with a backup"
        )
    return RestoreRequest.from_message(task.data["request"])


def _total(repository: Repository, manifest: Manifest, request: RestoreRequest) -> int:
    """About how many records of the backup are asked for. BadInput when it does not cover them."""
    from shared.jobs.scope import scopes_of
    from shared.repository.tree import count_range

    total = 0
    for name, scope in scopes_of(request, manifest).items():
        total += sum(count_range(repository, manifest.roots[name], *one) for one in scope.ranges)
        total += len(scope.documents)
    return total


def _preview(chosen: Settings, out: Output, request: RestoreRequest, total: int) -> Tally:
    """What the restore would do, by comparing; nothing is written."""
    from shared import wiring
    from shared.jobs.restore import preview_restore
    from shared.jobs.tally import Tally

    reach_firestore(chosen)
    ports, tally = wiring.build_ports(chosen), Tally()

    def stop() -> None:
        raise Interrupted("stopped comparing; nothing was changed")

    with Meter(out, ports.clock) as meter:
        work = Background(lambda: preview_restore(ports, request, tally))
        work.result(lambda: meter.show(Reading("comparing", _seen(tally.live()), total)), stop)
    return tally


def _seen(live: dict[str, Any]) -> int:
    return int(live.get("liveApplied", 0))


def reading(task: Task, total: int) -> Reading:
    """How far a restore of `total` documents is."""
    checked = task.data.get("liveChecked", 0)
    if checked or task.data.get("phase") == "check":
        return Reading("checking", checked, total)
    return Reading("restoring", task.data.get("liveApplied", 0), total)


def _ask(out: Output, planned: list[str]) -> None:
    for line in planned:
        out.note(line)
    try:
        wanted = click.confirm("Go ahead?", default=False, err=True)
    except click.Abort:
        raise Interrupted("no answer; nothing was changed", hint="--yes goes ahead without asking") from None
    if not wanted:
        raise Interrupted("not confirmed; nothing was changed")


def _facts(request: RestoreRequest, status: str, data: Any) -> dict[str, Any]:
    return {
        "id": request.recovery_id,
        "backupId": request.backup_id,
        "status": status,
        **{name: int(data.get(name, 0)) for name in _COUNTS},
        "bytes": int(data.get("size", 0)),
        "byHand": list(data.get("by_hand", [])),
        "told": list(data.get("told", [])),
    }


def _planned(chosen: Settings, manifest: Manifest, request: RestoreRequest, tally: Tally) -> list[str]:
    target = request.target
    into = (
        f"{target.project}/{target.database}" if target else f"{chosen.project}/{chosen.database}, in place"
    )
    chosen_names = request.selection.chosen if request.selection else {}
    named = [name for choice in chosen_names.values() for name in choice.include]
    scope = printable(", ".join((*(named or chosen_names), *request.documents)) or "everything it covers")
    lines = [
        f"Restore backup {manifest.id}, as of {moment(manifest.at)}",
        f"  of         {manifest.place}: {scope}",
        f"  into       {into}",
        f"  create     {count(tally.created, 'record')}",
        f"  overwrite  {count(tally.updated, 'record')}",
        f"  delete     {count(tally.deleted, 'record')}",
        f"  unchanged  {count(tally.unchanged, 'record')}",
    ]
    if tally.extra:
        lines.append(
            f"  keep       {count(tally.extra, 'record')} that the backup does not hold (--exact deletes them)"
        )
    if tally.kept:
        lines.append(f"  keep       {count(tally.kept, 'record')} that differ (--no-overwrite)")
    return lines


def _told(facts: dict[str, Any]) -> list[str]:
    done = facts["status"] == "completed"
    lines = [
        f"Restore {facts['id']} {'is complete: what was written was read again and is equal.' if done else 'FAILED.'}",
        f"  created    {count(facts['created'])}",
        f"  updated    {count(facts['updated'])}",
        f"  deleted    {count(facts['deleted'])}",
        f"  unchanged  {count(facts['unchanged'])}",
        f"  written    {size(facts['bytes'])}",
    ]
    for name, meaning in (
        ("extra", "are not in the backup and were left (--exact deletes them)"),
        ("kept", "differ and were left (--no-overwrite)"),
        ("conflicts", "changed meanwhile and were left as they are"),
        ("refused", "were not taken by the service"),
        ("differences", "were read again and are not as wanted"),
    ):
        if facts[name]:
            lines.append(f"  {count(facts[name], 'record')} {meaning}")
    if facts["byHand"]:
        left = count(len(facts["byHand"]), "setting")
        lines.append(
            f"  {left} left to people; `firekeep show {facts['backupId']} --settings-files DIR` writes them"
        )
    lines += [f"    {printable(one)}" for one in facts["told"][:_TOLD]]
    return lines
