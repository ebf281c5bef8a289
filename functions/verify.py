"""Topic `backup-verify`. Without an id of its own, a message gets one that is the same for every delivery."""

from __future__ import annotations

from functions.answer import answer, deadline_of
from functions.event import CloudEvent, message_of, named
from shared.jobs.ports import Report
from shared.jobs.verify import run_verify
from shared.models.jobs import VerifyRequest
from shared.wiring import deadline_margin, ports


def handle(event: CloudEvent) -> None:
    def job() -> Report:
        bundle = ports()
        request = VerifyRequest.from_message(named(message_of(event), "verifyId"))
        return run_verify(bundle, request, deadline_of("verify", bundle.clock, deadline_margin()))

    answer("verify", job)
