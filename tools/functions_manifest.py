"""Writes functions.yaml, by which the official Functions emulator knows the functions, from the function table.

`python -m tools.functions_manifest [FOLDER]`. A test fails while the file differs from what the table says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from functions.table import (
    FUNCTIONS,
    DocumentTrigger,
    FunctionSpec,
    HttpTrigger,
    ObjectTrigger,
    TopicTrigger,
    Trigger,
)

_HEADER = """\
# Generated from functions/table.py by `python -m tools.functions_manifest`; edit that instead.
#
# For the official Functions emulator only: it would otherwise look for the package firebase-functions, which the
# functions do without. Deployments are cloudbuild.yaml's.

specVersion: v1alpha1
endpoints:
"""
_MESSAGE = "google.cloud.pubsub.topic.v1.messagePublished"


def generated(table: tuple[FunctionSpec, ...] = FUNCTIONS) -> str:
    """The content of functions.yaml: each function is a line of JSON, which is YAML too."""
    return _HEADER + "".join(f"  {spec.name}: {json.dumps(_endpoint(spec))}\n" for spec in table)


def _endpoint(spec: FunctionSpec) -> dict[str, Any]:
    return {
        "platform": "gcfv2",
        "entryPoint": spec.name,
        "availableMemoryMb": spec.memory_mib,
        "timeoutSeconds": spec.timeout_s,
        "maxInstances": spec.workers,
        "concurrency": 1,
        **_trigger(spec.trigger, spec.retry),
    }


def _trigger(trigger: Trigger, retry: bool) -> dict[str, Any]:
    match trigger:
        case TopicTrigger(topic):
            return _event(_MESSAGE, {"topic": topic}, retry)
        case ObjectTrigger():
            return _event(trigger.type, {"bucket": trigger.bucket}, retry)
        case DocumentTrigger():
            filters = {"database": trigger.database, "namespace": "(default)"}
            event = _event(trigger.type, filters, retry)
            event["eventTrigger"]["eventFilterPathPatterns"] = {"document": trigger.document}
            return event
        case HttpTrigger():
            return {"httpsTrigger": {}}


def _event(kind: str, filters: dict[str, str], retry: bool) -> dict[str, Any]:
    return {"eventTrigger": {"eventType": kind, "eventFilters": filters, "retry": retry}}


if __name__ == "__main__":
    (Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "functions.yaml").write_text(
        generated(), encoding="utf-8"
    )
