"""Topic `backup-snapshot`: start a snapshot. A tick of the scheduler may be an empty message."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent, message_of, named
from shared.jobs.ports import Report
from shared.jobs.snapshot import start_snapshot
from shared.models.jobs import SnapshotRequest
from shared.wiring import ports


def handle(event: CloudEvent) -> None:
    """A redelivered tick gets the same backup id, so it starts nothing twice."""

    def job() -> Report:
        request = SnapshotRequest.from_message(named(message_of(event), "backupId", {"type": "automatic"}))
        return start_snapshot(ports(), request)

    answer("snapshot", job)
