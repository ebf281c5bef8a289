"""Turn a request document into a snapshot request, or refuse it where the person who asked will look."""

from __future__ import annotations

from typing import Final

from shared.errors import BadInput, NotFound
from shared.jobs.answering import answer_request, is_id
from shared.jobs.documents import failed_backup, new_backup
from shared.jobs.ports import Ports, Report
from shared.models.jobs import BackupRequest, SnapshotRequest

SNAPSHOT_TOPIC: Final = "backup-snapshot"


def accept_request(ports: Ports, request_id: str) -> Report:
    """Publish the snapshot that `backupRequests/{request_id}` asks for. A refusal shows there, and as a failed backup.

    Delivered twice, it is published twice, as the same backup; its answer never goes back.
    """
    try:
        _check_id(request_id)
        request = ports.catalog.request(request_id)
    except NotFound:
        return Report(request_id, "gone", {"reason": "the request was deleted before it was read"})
    except BadInput as error:
        _refuse(ports, request_id, error)
        raise
    message = _snapshot_request(request_id, request)
    ports.publisher.publish(SNAPSHOT_TOPIC, [message.to_message()])
    answer_request(ports, request_id, "accepted")
    return Report(request_id, "accepted")


def _refuse(ports: Ports, request_id: str, error: BadInput) -> None:
    if is_id(request_id):
        now = ports.clock.now()
        ports.catalog.save_backup(failed_backup(new_backup(ports, request_id, "manual", now), now, error))
    answer_request(ports, request_id, "refused", error)


def _snapshot_request(request_id: str, request: BackupRequest) -> SnapshotRequest:
    return SnapshotRequest(
        backup_id=request_id,
        type="manual",
        selection=request.selection,
        set=request.set,
        template=request.template,
        options=request.options,
        requested_by=request.requested_by,
    )


def _check_id(request_id: str) -> None:
    if not is_id(request_id):
        raise BadInput(
            "the id of a backup request cannot be the id of a backup",
            hint="use letters, digits, - and _, at most 128, or let Firestore choose",
        )
