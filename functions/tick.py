"""Topic `backup-tick`, to which Cloud Scheduler publishes: start what is due. What a message holds is not looked at."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent
from shared.jobs.tick import tick
from shared.wiring import ports


def handle(_event: CloudEvent) -> None:
    """A tick delivered twice, late or out of order starts nothing twice: the clock decides, not the message."""
    answer("tick", lambda: tick(ports()))
