"""Topic `backup-sweep`: look for jobs that nobody works on any more. A tick of the scheduler is an empty message."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent
from shared.jobs.sweep import sweep
from shared.wiring import ports


def handle(_event: CloudEvent) -> None:
    answer("sweep", lambda: sweep(ports()))
