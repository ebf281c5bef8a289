"""Writes cloudbuild.yaml from the function table: `python -m tools.cloudbuild [FOLDER]`.

A test fails while the file differs from what the table says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from cli.deployment.command import Command, Step
from cli.deployment.plan import Target, steps
from functions.table import FUNCTIONS, FunctionSpec, ObjectTrigger

_HEADER = """\
# Generated from functions/table.py by `python -m tools.cloudbuild`; edit that instead.
#
# Checks and tests the source, then deploys everything: APIs, database, bucket, key, topics, roles, service accounts,
# repository, rules, functions, schedules. `firekeep setup` does the same from a laptop. Running it again changes
# nothing that is as it should be. docs/setup.md says what the identity of the build needs.

substitutions:
  _REGION: europe-west1
  _DATABASE: (default)
  _STATE_LOCATION: europe-west1
  _BUCKET: ${PROJECT_ID}-firekeep
  _MEDIA_BUCKET: ${PROJECT_ID}.firebasestorage.app

options:
  logging: CLOUD_LOGGING_ONLY
  dynamicSubstitutions: true

timeout: 7200s

steps:
  - id: test
    name: python:3.11
    args: [bash, .ci/run]
"""

_IMAGES = {
    "gcloud": "gcr.io/google.com/cloudsdktool/google-cloud-cli:slim",
    "python": "python:3.11",
    "node": "node:22",
}
_BEFORE = {
    "python": (
        "pip install --quiet --require-hashes --requirement requirements.lock",
        """firekeep() { python -c 'from cli.app import main; main()' "$$@"; }""",
    )
}
_TARGET = Target(
    project="$PROJECT_ID",
    number="$PROJECT_NUMBER",
    region="$_REGION",
    database="$_DATABASE",
    state_location="$_STATE_LOCATION",
    bucket="$_BUCKET",
    media=("$_MEDIA_BUCKET",),
    media_location="$_BUCKET_LOCATION",
)


def generated(table: tuple[FunctionSpec, ...] = FUNCTIONS) -> str:
    """The content of cloudbuild.yaml. Raises Unsupported for what a deployment cannot ask for."""
    header = _HEADER
    if any(isinstance(spec.trigger, ObjectTrigger) for spec in table):
        # Cloud Build refuses substitutions that no step uses.
        header = header.replace("  _MEDIA_BUCKET", "  _BUCKET_LOCATION: eu\n  _MEDIA_BUCKET")
    return "\n".join([header, *_written(steps(_TARGET, table))])


def _written(todo: list[Step]) -> Iterator[str]:
    """Steps one after another; those that are alone side by side, after the last that was not."""
    last, beside = "test", list[str]()
    for step in todo:
        after = [last] if step.alone else beside or [last]
        yield _step(step, after)
        if step.alone:
            beside.append(step.name)
        else:
            last, beside = step.name, []


def _step(step: Step, after: list[str]) -> str:
    lines = [
        f"  - id: {step.name}",
        f"    name: {_IMAGES[step.image]}",
        f"    waitFor: [{', '.join(after)}]",
        *(_plain(step.commands[0]) if step.alone else _script(step)),
    ]
    return "\n".join(lines) + "\n"


def _plain(command: Command) -> Iterator[str]:
    program, *arguments = command.argv
    yield from (f"    entrypoint: {program}", "    args:")
    yield from (f"      - {argument}" for argument in arguments)


def _script(step: Step) -> Iterator[str]:
    yield from ("    entrypoint: bash", "    args:", "      - -euc", "      - |")
    yield from (f"        {line}" for line in _BEFORE.get(step.image, ()))
    # Cloud Build would take the dollar of a shell's $( and $? for its own.
    shells = (command.shell().replace("$(", "$$(").replace("$?", "$$?") for command in step.commands)
    yield from (f"        {line}" for line in shells)


if __name__ == "__main__":
    (Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "cloudbuild.yaml").write_text(
        generated(), encoding="utf-8"
    )
