"""Topic `backup-dead`: a message that was given up makes its job fail where people look."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent, message_of
from shared.jobs.letters import bury
from shared.wiring import ports


def handle(event: CloudEvent) -> None:
    answer("dead", lambda: bury(ports(), message_of(event).text))
