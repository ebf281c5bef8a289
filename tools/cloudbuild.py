"""Writes cloudbuild.yaml from the function table: `python -m tools.cloudbuild [FOLDER]`.

A test fails while the file differs from what the table says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from functions.table import (
    FUNCTIONS,
    DocumentTrigger,
    FunctionSpec,
    HttpTrigger,
    ObjectTrigger,
    TopicTrigger,
    Trigger,
)
from shared.errors import Unsupported

_HEADER = """\
# Generated from functions/table.py by `python -m tools.cloudbuild`; edit that instead.
#
# Checks and tests the source, then deploys each function of the table. It expects to find what it does not
# make: the enabled services, the service accounts and their roles, the topics, the repository and the secret
# `firekeep-key`. Dead letters and back-off of the subscriptions that a deployment makes are set by hand.
#
# Not complete yet: this release keeps its repository in a directory, which a deployed function does not have.
# Until buckets are supported, only the first step is of use.

substitutions:
  _REGION: europe-west1
  _DATABASE: (default)
  _DATABASE_LOCATION: eur3
  _STATE_DATABASE: (default)
  _REPOSITORY: ''

options:
  logging: CLOUD_LOGGING_ONLY

timeout: 3600s

steps:
  - id: test
    name: python:3.11
    args: [bash, .ci/run]
"""

_KEY_FILE = "/secrets/firekeep/key"


def generated(table: tuple[FunctionSpec, ...] = FUNCTIONS) -> str:
    """The content of cloudbuild.yaml. Raises Unsupported for what a deployment cannot ask for."""
    header = _HEADER
    if any(isinstance(spec.trigger, ObjectTrigger) for spec in table):
        # Cloud Build refuses substitutions that no step uses.
        header = header.replace("  _STATE_DATABASE", "  _BUCKET_LOCATION: eu\n  _STATE_DATABASE")
    return "\n".join([header, *(_step(spec) for spec in table)])


def _step(spec: FunctionSpec) -> str:
    lines = [
        f"  - id: deploy-{spec.name}",
        "    name: gcr.io/google.com/cloudsdktool/google-cloud-cli:slim",
        "    waitFor: [test]",
        "    entrypoint: gcloud",
        "    args:",
        *(f"      - {argument}" for argument in _arguments(spec)),
    ]
    return "\n".join(lines) + "\n"


def _arguments(spec: FunctionSpec) -> Iterator[str]:
    yield from ("functions", "deploy", f"firekeep-{spec.name}", "--gen2", "--quiet")
    yield from ("--region=$_REGION", "--runtime=python311", "--source=.", f"--entry-point={spec.name}")
    yield from _trigger(spec.trigger)
    account = f"{spec.service_account}@$PROJECT_ID.iam.gserviceaccount.com"
    yield f"--service-account={account}"
    if not isinstance(spec.trigger, HttpTrigger):
        yield f"--trigger-service-account={account}"
    yield from (f"--memory={spec.memory_mib}Mi", f"--timeout={spec.timeout_s}s")
    yield from (f"--max-instances={spec.workers}", "--concurrency=1")
    if not isinstance(spec.trigger, HttpTrigger):
        yield "--retry" if spec.retry else "--no-retry"
    yield f"--set-env-vars={','.join(_environment())}"
    yield f"--set-secrets={_KEY_FILE}=firekeep-key:latest"


def _trigger(trigger: Trigger) -> Iterator[str]:
    match trigger:
        case TopicTrigger(topic):
            yield f"--trigger-topic={topic}"
        case HttpTrigger():
            yield from ("--trigger-http", "--no-allow-unauthenticated")
        case DocumentTrigger():
            _check(trigger.content_type, "application/protobuf")
            yield "--trigger-location=$_DATABASE_LOCATION"
            yield f"--trigger-event-filters=type={trigger.type}"
            yield "--trigger-event-filters=database=$_STATE_DATABASE"
            yield f"--trigger-event-filters-path-pattern=document={trigger.document}"
        case ObjectTrigger():
            _check(trigger.content_type, "application/json")
            yield "--trigger-location=$_BUCKET_LOCATION"
            yield f"--trigger-event-filters=type={trigger.type}"
            yield f"--trigger-event-filters=bucket={trigger.bucket}"


def _check(content_type: str, sent: str) -> None:
    if content_type != sent:
        raise Unsupported(
            f"deploying a function that wants {content_type}: `gcloud functions deploy` makes triggers of {sent}",
            hint="make the trigger with `gcloud eventarc triggers create --event-data-content-type`",
        )


def _environment() -> Iterator[str]:
    yield "FIREKEEP_PROJECT=$PROJECT_ID"
    yield "FIREKEEP_DATABASE=$_DATABASE"
    yield "FIREKEEP_STATE_DATABASE=$_STATE_DATABASE"
    yield "FIREKEEP_REPOSITORY=$_REPOSITORY"
    yield f"FIREKEEP_KEY_FILE={_KEY_FILE}"


if __name__ == "__main__":
    (Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "cloudbuild.yaml").write_text(
        generated(), encoding="utf-8"
    )
