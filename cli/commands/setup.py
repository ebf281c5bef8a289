"""`firekeep setup`: deploy everything from a laptop, explained step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import checked_database, checked_project, output_options
from cli.output import Output
from shared.contents import CONTENTS
from shared.errors import BadInput, FirekeepError, Unavailable

if TYPE_CHECKING:
    from cli.deployment.command import Step
    from cli.deployment.plan import Target

SOURCE = Path(__file__).parents[2]
"""Where this program's own source is, which is what is deployed."""
_LOCATION = r"[a-z][a-z0-9-]{1,40}"
_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"


@click.command("setup")
@click.option("--project", required=True, metavar="ID", help="The project to protect, and to deploy to.")
@click.option("--region", default="europe-west1", show_default=True, help="Where functions and backups are.")
@click.option("--database", default="(default)", show_default=True, metavar="ID", help="What is backed up.")
@click.option("--state-location", metavar="LOCATION", help="Where firekeep's own database is. [--region]")
@click.option("--bucket", metavar="NAME", help="Where backups are kept. [PROJECT-firekeep]")
@click.option(
    "--media-bucket",
    "media",
    multiple=True,
    metavar="NAME",
    help="A bucket whose files are backed up. May be repeated.",
)
@click.option("--only", "contents", multiple=True, type=click.Choice(CONTENTS), help="Back up only this.")
@click.option(
    "--retention", default="7d", show_default=True, help="How long nothing can delete a backup's objects."
)
@click.option(
    "--source", default=SOURCE, type=click.Path(path_type=Path), help="The source to deploy. [this one]"
)
@click.option("--from", "first", metavar="STEP", help="Go on from this step.")
@click.option("--dry-run", is_flag=True, help="Print the commands, as a script, and run none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_options
def command(
    *, out: Output, source: Path, first: str | None, dry_run: bool, yes: bool, **place: object
) -> None:
    """Deploy everything to a Google Cloud project: APIs, a database and a bucket of firekeep's own, a key, topics,
    identities that may do only what they must, the repository, rules, functions and schedules.

    Uses gcloud, npx and your own sign-in. Running it again changes nothing that is as it should be; after a failure,
    it says how to go on.

    \b
    Examples:
      firekeep setup --project my-app --dry-run
      firekeep setup --project my-app --region europe-west1
      firekeep setup --project my-app --from deploy-snapshot --yes
    """
    from cli.deployment.plan import steps

    todo = _from(steps(_target(**place)), first)  # type: ignore[arg-type]
    if not (source / "main.py").is_file():
        raise BadInput(
            f"there is no source to deploy in {source}", hint="name a clone of firekeep with --source"
        )
    if dry_run:
        lines = [_script(step) for step in todo]
        head = ["#!/bin/sh", "set -eu", f"cd {_quoted(source)}"]
        out.result({"steps": [_facts(step) for step in todo]}, [*head, *lines])
        return
    _run(out, todo, source, yes)


def _run(out: Output, todo: list[Step], source: Path, yes: bool) -> None:
    from cli.deployment.run import check_programs, run_step

    check_programs(todo)
    for step in todo:
        out.note(f"{step.name}: {step.why}")
    if not yes:
        if out.json:
            raise BadInput("nobody can be asked with --json", hint="add --yes")
        click.confirm(f"Do these {len(todo)} steps?", abort=True, err=True)
    for number, step in enumerate(todo, 1):
        out.note(f"[{number}/{len(todo)}] {step.name}")
        try:
            run_step(step, source, lambda line: out.note(f"    {line}"))
        except FirekeepError as error:
            hint = f"{error.hint}; " if error.hint else ""
            raise Unavailable(
                f"step {step.name}: {error.message}",
                hint=f"{hint}mend it, then run the same command with --from {step.name}; nothing is done twice",
            ) from None
    told = ["Everything is deployed.", "", "Look whether all is well:", "  firekeep doctor", "", "A first backup:",
            "  firekeep backup --via-functions"]  # fmt: skip
    out.result({"done": [step.name for step in todo]}, told)


def _target(
    *, project: str, region: str, database: str, state_location: str | None, bucket: str | None,
    media: tuple[str, ...], contents: tuple[str, ...], retention: str,
) -> Target:  # fmt: skip
    from cli.deployment.command import Value
    from cli.deployment.plan import STATE_DATABASE, Target

    project = checked_project(project)
    if checked_database(database) == STATE_DATABASE:
        raise BadInput(
            f"{STATE_DATABASE} is the database that firekeep makes for itself",
            hint="name the app's with --database",
        )
    number = Value(("gcloud", "projects", "describe", project, "--format=value(projectNumber)"))
    files = media or (f"{project}.firebasestorage.app",)
    return Target(
        project=project,
        number=number,
        region=_checked("--region", region, _LOCATION),
        database=database,
        state_location=_checked("--state-location", state_location or region, _LOCATION),
        bucket=_checked("--bucket", bucket or f"{project.replace(':', '-')}-firekeep", _BUCKET),
        media=tuple(_checked("--media-bucket", name, _BUCKET) for name in files),
        media_location=region,
        contents=tuple(name for name in CONTENTS if not contents or name in contents),
        retention=_checked("--retention", retention, r"[0-9]{1,5}[smhdwy]"),
    )


def _checked(option: str, text: str, pattern: str) -> str:
    import re

    if not re.fullmatch(pattern, text):
        raise BadInput(f"{option} {text[:80]!r} is not valid", hint=f"it looks like {pattern}")
    return text


def _from(todo: list[Step], first: str | None) -> list[Step]:
    names = [step.name for step in todo]
    if first is None:
        return todo
    if first not in names:
        raise BadInput(f"--from {first[:80]!r} is no step", hint=f"write one of {', '.join(names)}")
    return todo[names.index(first) :]


def _script(step: Step) -> str:
    return "\n".join(["", f"# {step.name}: {step.why}", *(command.shell() for command in step.commands)])


def _facts(step: Step) -> dict[str, object]:
    return {"name": step.name, "why": step.why, "commands": [command.shell() for command in step.commands]}


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
