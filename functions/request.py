"""A document created in `backupRequests` asks for a manual backup; its id becomes the backup's."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent, document_of
from shared.errors import BadInput
from shared.jobs.ports import Report
from shared.jobs.request import accept_request
from shared.models.collections import BACKUP_REQUESTS
from shared.wiring import ports


def handle(event: CloudEvent) -> None:
    def job() -> Report:
        return accept_request(ports(), _id_of(document_of(event)))

    answer("request", job)


def _id_of(path: str) -> str:
    collection, _, name = path.partition("/")
    if collection != BACKUP_REQUESTS or not name or "/" in name:
        raise BadInput(
            "the event is not about a backup request", hint=f"its document must be {BACKUP_REQUESTS}/ID"
        )
    return name
