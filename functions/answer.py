"""Turns what a job did into acknowledge or redeliver, and one structured line in the log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta

from functions.table import FUNCTIONS
from shared.clock import Clock, Deadline
from shared.errors import FirekeepError
from shared.jobs.ports import Report


def answer(name: str, job: Callable[[], Report]) -> None:
    """Run `job`. Returning acknowledges the event; an error that a retry may mend is raised, for redelivery."""
    try:
        report = job()
    except FirekeepError as error:
        severity = "WARNING" if error.retryable else "ERROR"
        _log(severity, name, str(error), {"code": error.code, "redeliver": error.retryable})
        if error.retryable:
            raise
        return
    _log("INFO", name, report.outcome, {"job": report.job, **report.facts})


def deadline_of(name: str, clock: Clock, margin_s: float) -> Deadline:
    """When the function `name` should hand on, so that it is never cut off."""
    limit = next(spec.timeout_s for spec in FUNCTIONS if spec.name == name)
    return Deadline(clock, timedelta(seconds=max(limit - margin_s, limit / 10)))


def _log(severity: str, name: str, message: str, facts: dict[str, object]) -> None:
    line = {"severity": severity, "function": name, "message": message, **facts}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
