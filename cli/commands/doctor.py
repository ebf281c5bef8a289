"""`firekeep doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, printable
from shared.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.doctor.finding import Finding
    from shared.settings import Settings

FAULTS = 12
"""The exit status when something is wrong."""


@click.command("doctor")
@click.option("--check", "checks", multiple=True, metavar="NAME", help="Only this check. May be repeated.")
@click.option("--scratch", metavar="PLACE", default="", help="Where to try what a store promises, instead.")
@project_options
@repository_options
@output_options
def command(*, out: Output, chosen: Settings, checks: tuple[str, ...], scratch: str) -> int:
    """Look for what is wrong with an installation, and say what to do about each finding.

    Reads the project with your own credentials, opens the repository with its key, and tries what a repository
    relies on below a scratch prefix, doctor/, which it clears. Nothing else is written. With a local stack, what it
    does not have is not checked. Exit status: 0 when nothing is wrong, warnings included, 12 otherwise.

    \b
    Examples:
      firekeep doctor
      firekeep doctor --check key --check topics --json
      firekeep doctor --scratch gs://my-app-scratch/doctor
    """
    from cli.doctor.examination import CHECKS, examine
    from cli.doctor.finding import Patient, State
    from cli.doctor.google import google_of
    from shared.clock import SystemClock

    names = [check.name for check in CHECKS]
    for name in checks:
        if name not in names:
            raise BadInput(f"--check {name[:80]!r} is no check", hint=f"write one of {', '.join(names)}")
    patient = Patient(chosen, google_of(chosen), SystemClock().now(), scratch)
    patient.chosen.needed_project()
    found = list(examine(patient, checks))
    healthy = all(one.state is not State.FAILED for one in found)
    facts = {
        "healthy": healthy,
        "findings": [
            {"name": one.name, "state": one.state.value, "what": one.what, "fix": one.fix or None}
            for one in found
        ],
    }
    out.result(facts, [*_lines(found), "", _summary(found)])
    return 0 if healthy else FAULTS


def _lines(found: Iterable[Finding]) -> Iterable[str]:
    for one in found:
        yield f"{one.state.value:9}  {one.name}: {printable(one.what)}"
        if one.fix:
            yield f"{'':9}  fix: {printable(one.fix)}"


def _summary(found: list[Finding]) -> str:
    counts = {
        state: sum(one.state == state for one in found) for state in ("failed", "warning", "unchecked", "ok")
    }
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number)
