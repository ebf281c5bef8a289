"""Topic `backup-rotate`. Without an id of its own, a message gets one that is the same for every delivery."""

from __future__ import annotations

from functions.answer import answer, deadline_of
from functions.event import CloudEvent, message_of, named
from shared.jobs.ports import Report
from shared.jobs.rotate import run_rotate
from shared.models.jobs import RotateRequest
from shared.wiring import deadline_margin, ports


def handle(event: CloudEvent) -> None:
    def job() -> Report:
        bundle = ports()
        deadline = deadline_of("rotate", bundle.clock, deadline_margin())
        return run_rotate(bundle, RotateRequest.from_message(named(message_of(event), "rotateId")), deadline)

    answer("rotate", job)
