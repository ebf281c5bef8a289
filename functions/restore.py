"""Topic `backup-restore`."""

from __future__ import annotations

from functions.answer import answer, deadline_of
from functions.event import CloudEvent, message_of
from shared.jobs.ports import Report
from shared.jobs.restore import run_restore
from shared.models.jobs import RestoreRequest
from shared.wiring import deadline_margin, ports


def handle(event: CloudEvent) -> None:
    def job() -> Report:
        bundle = ports()
        deadline = deadline_of("restore", bundle.clock, deadline_margin())
        return run_restore(bundle, RestoreRequest.from_message(message_of(event).text), deadline)

    answer("restore", job)
