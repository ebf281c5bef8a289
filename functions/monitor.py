"""Topic `backup-monitor`: look how the system is, and tell what has changed. The message says nothing."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent
from shared import wiring
from shared.jobs.monitor import run_monitor
from shared.jobs.ports import Report
from shared.monitoring import logs


def handle(event: CloudEvent) -> None:  # noqa: ARG001  # every tick is the same
    def job() -> Report:
        report = run_monitor(wiring.watch())
        for severity, told in (("WARNING", "began"), ("INFO", "over")):
            for message in report.facts.get(told, ()):
                logs.log(severity, message, {"function": "monitor", "alert": told})
        return report

    answer("monitor", job)
