"""Turns what a job did into acknowledge or redeliver, one structured line in the log, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flask import has_request_context, request

from functions.table import FUNCTIONS
from shared import wiring
from shared.clock import Clock, Deadline, SystemClock
from shared.errors import FirekeepError
from shared.jobs.ports import Report
from shared.monitoring import logs


def answer(name: str, job: Callable[[], Report]) -> None:
    """Run `job`. Returning acknowledges the event; an error that a retry may mend is raised, for redelivery."""
    logs.install()
    clock = SystemClock()
    began = clock.monotonic()
    try:
        report = job()
    except FirekeepError as error:
        severity = "WARNING" if error.retryable else "ERROR"
        _log(severity, name, str(error), {"code": error.code, "redeliver": error.retryable})
        wiring.metrics().job(name, error.code, clock.monotonic() - began, {})
        if error.retryable:
            raise
        return
    _log("INFO", name, report.outcome, {"job": report.job, **report.facts})
    wiring.metrics().job(name, report.outcome, clock.monotonic() - began, report.facts)


def deadline_of(name: str, clock: Clock, margin_s: float) -> Deadline:
    """When the function `name` should hand on, so that it is never cut off."""
    limit = next(spec.timeout_s for spec in FUNCTIONS if spec.name == name)
    return Deadline(clock, timedelta(seconds=max(limit - margin_s, limit / 10)))


def _log(severity: str, name: str, message: str, facts: Mapping[str, Any]) -> None:
    labels = {"kind": name, **({"job": str(facts["job"])} if "job" in facts else {})}
    headers = dict(request.headers) if has_request_context() else {}
    trace = logs.trace_of(headers).fields(wiring.project())
    logs.log(severity, message, {"function": name, **facts, logs.LABELS: labels, **trace})
