"""Loaded into the suite's own pytest: nothing is skipped for being an emulator, and the outcome goes to a file.

`FIREKEEP_OFFICIAL_OUTCOME` names the file: a JSON object from test to `passed`, `failed: ERROR` or `skipped: REASON`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_outcomes: dict[str, str] = {}


def pytest_configure() -> None:
    """Most tests run on the default database only, which shows little of named ones: they run on one as well."""
    import test__helpers as suite

    for databases in (suite.TEST_DATABASES, suite.TEST_DATABASES_W_ENTERPRISE):
        databases.append(suite.FIRESTORE_OTHER_DB)


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """The only conditions of the suite are about emulators."""
    for node in {node for item in items for node in item.listchain()}:
        node.own_markers[:] = [mark for mark in node.own_markers if mark.name != "skipif"]


def pytest_runtest_logreport(report: Any) -> None:
    """Keep the first thing that went wrong with a test."""
    if hasattr(report, "context") or _outcomes.get(report.nodeid, "passed") != "passed":
        return
    if report.passed:
        if report.when == "call":
            _outcomes[report.nodeid] = "passed"
        return
    lines = [line for line in report.longreprtext.splitlines() if line.startswith("E  ")]
    why = report.longrepr[2] if report.skipped else lines[-1][1:].strip() if lines else report.when
    _outcomes[report.nodeid] = f"{report.outcome}: {why}"


def pytest_sessionfinish() -> None:
    """Write the outcomes down."""
    Path(os.environ["FIREKEEP_OFFICIAL_OUTCOME"]).write_text(json.dumps(_outcomes, indent=1))
