"""Writes cloudbuild.yaml from the function table: `python -m tools.cloudbuild [FOLDER]`.

A test fails while the file differs from what the table says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from functions.table import FUNCTIONS, DocumentTrigger, FunctionSpec, TopicTrigger

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


def generated() -> str:
    """The content of cloudbuild.yaml."""
    return "\n".join([_HEADER, *(_step(spec) for spec in FUNCTIONS)])


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
    yield f"--service-account={spec.service_account}@$PROJECT_ID.iam.gserviceaccount.com"
    yield f"--trigger-service-account={spec.service_account}@$PROJECT_ID.iam.gserviceaccount.com"
    yield from (f"--memory={spec.memory_mib}Mi", f"--timeout={spec.timeout_s}s")
    yield from (f"--max-instances={spec.workers}", "--concurrency=1")
    yield "--retry" if spec.retry else "--no-retry"
    yield f"--set-env-vars={','.join(_environment())}"
    yield f"--set-secrets={_KEY_FILE}=firekeep-key:latest"


def _trigger(trigger: TopicTrigger | DocumentTrigger) -> Iterator[str]:
    if isinstance(trigger, TopicTrigger):
        yield f"--trigger-topic={trigger.topic}"
        return
    yield "--trigger-location=$_DATABASE_LOCATION"
    yield f"--trigger-event-filters=type=google.cloud.firestore.document.v1.{trigger.event}"
    yield "--trigger-event-filters=database=$_STATE_DATABASE"
    yield f"--trigger-event-filters-path-pattern=document={trigger.document}"


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
