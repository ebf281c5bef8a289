"""From a function of the table to the arguments of `gcloud functions deploy`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from functions.table import DocumentTrigger, FunctionSpec, HttpTrigger, ObjectTrigger, TopicTrigger
from shared.errors import Unsupported

if TYPE_CHECKING:
    from cli.deployment.plan import Target


def deploy_arguments(spec: FunctionSpec, target: Target, state_database: str) -> tuple[str, ...]:
    """Everything but the environment. Raises Unsupported for what a deployment cannot ask for."""
    return tuple(_arguments(spec, target, state_database))


def event_driven(spec: FunctionSpec) -> bool:
    """Whether events come to it, rather than callers."""
    return not isinstance(spec.trigger, HttpTrigger)


def ack_deadline(spec: FunctionSpec) -> int:
    """Seconds after which Pub/Sub delivers again; a push cannot wait for more than 600."""
    return max(10, min(600, math.ceil(spec.timeout_s) + 60))


def _arguments(spec: FunctionSpec, target: Target, state_database: str) -> Iterator[str]:
    yield from ("gcloud", "functions", "deploy", f"firekeep-{spec.name}", "--gen2", "--quiet", target.scope)
    yield from (
        f"--region={target.region}",
        "--runtime=python311",
        "--source=.",
        f"--entry-point={spec.name}",
    )
    yield from _trigger(spec, target, state_database)
    account = target.email(spec.service_account)
    yield f"--service-account={account}"
    if event_driven(spec):
        yield f"--trigger-service-account={account}"
    yield from (f"--memory={spec.memory_mib}Mi", f"--timeout={spec.timeout_s}s")
    yield from (f"--max-instances={spec.workers}", "--concurrency=1")
    if event_driven(spec):
        yield "--retry" if spec.retry else "--no-retry"


def _trigger(spec: FunctionSpec, target: Target, state_database: str) -> Iterator[str]:
    match spec.trigger:
        case TopicTrigger(topic):
            yield f"--trigger-topic={topic}"
        case HttpTrigger(public):
            yield from (
                "--trigger-http",
                "--allow-unauthenticated" if public else "--no-allow-unauthenticated",
            )
        case DocumentTrigger() as trigger:
            _check(trigger.content_type, "application/protobuf")
            yield f"--trigger-location={target.state_location}"
            yield f"--trigger-event-filters=type={trigger.type}"
            yield f"--trigger-event-filters=database={state_database}"
            yield f"--trigger-event-filters-path-pattern=document={trigger.document}"
        case ObjectTrigger() as trigger:
            _check(trigger.content_type, "application/json")
            yield f"--trigger-location={target.media_location}"
            yield f"--trigger-event-filters=type={trigger.type}"
            yield f"--trigger-event-filters=bucket={trigger.bucket}"


def _check(content_type: str, sent: str) -> None:
    if content_type != sent:
        raise Unsupported(
            f"deploying a function that wants {content_type}: `gcloud functions deploy` makes triggers of {sent}",
            hint="make the trigger with `gcloud eventarc triggers create --event-data-content-type`",
        )
