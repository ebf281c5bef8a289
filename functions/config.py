"""A document written in `backupConfig` is checked, and answered in `backupConfigStatus`."""

from __future__ import annotations

from functions.answer import answer
from functions.event import CloudEvent, document_of
from shared.errors import BadInput
from shared.jobs.configuration import check_configuration
from shared.jobs.ports import Report
from shared.models.collections import BACKUP_CONFIG
from shared.wiring import ports


def handle(event: CloudEvent) -> None:
    """The event only says which document to look at: what is there now is what is checked."""

    def job() -> Report:
        return check_configuration(ports(), _id_of(document_of(event)))

    answer("config", job)


def _id_of(path: str) -> str:
    collection, _, name = path.partition("/")
    if collection != BACKUP_CONFIG or not name or "/" in name:
        raise BadInput(
            "the event is not about a configuration", hint=f"its document must be {BACKUP_CONFIG}/ID"
        )
    return name
