"""Topic `backup-part`."""

from __future__ import annotations

from functions.answer import answer, deadline_of
from functions.event import CloudEvent, message_of
from shared.jobs.part import run_part
from shared.jobs.ports import Report
from shared.models.jobs import PartRequest
from shared.wiring import deadline_margin, ports


def handle(event: CloudEvent) -> None:
    def job() -> Report:
        bundle = ports()
        deadline = deadline_of("part", bundle.clock, deadline_margin())
        return run_part(bundle, PartRequest.from_message(message_of(event).text), deadline)

    answer("part", job)
