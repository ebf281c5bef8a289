"""Schedules and what came of them in Firestore: `backupSchedules` and `backupScheduleState`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from shared.errors import BadInput
from shared.models.collections import BACKUP_SCHEDULES, BACKUPS, SCHEDULE_STATE
from shared.models.schedules import BackupSchedule, ScheduleState
from shared.state.calls import listed, mapped, write_if
from shared.state.contract import Held

_FIELDS = tuple(to_camel(name) for name in ScheduleState.model_fields)


class FirestoreSchedules:
    """The port `Schedules`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def schedules(self) -> Iterator[tuple[str, BackupSchedule | BadInput]]:
        with mapped("listing the schedules"):
            found = listed(self._client.collection(BACKUP_SCHEDULES))
        return ((str(snapshot.id), _schedule(snapshot)) for snapshot in found)

    def states(self) -> Mapping[str, Held]:
        with mapped("listing what came of the schedules"):
            found = listed(self._client.collection(SCHEDULE_STATE))
        return {str(one.id): Held(_state(one), one.update_time) for one in found}

    def save_state(self, name: str, state: ScheduleState, version: Any) -> Held | None:
        with mapped(f"writing down what came of the schedule {name}"):
            reference = self._client.collection(SCHEDULE_STATE).document(name)
            written = write_if(reference, state.to_document(), version, _FIELDS)
        return Held(state, written) if written is not None else None

    def drop_state(self, name: str) -> None:
        with mapped(f"forgetting the schedule {name}"):
            self._client.collection(SCHEDULE_STATE).document(name).delete()

    def completed(self, prefix: str) -> list[str]:
        backups = self._client.collection(BACKUPS)
        with mapped(f"looking for completed backups {prefix}…"):
            query = backups.order_by("__name__").select(["status"])
            query = query.start_at([backups.document(prefix)]).end_before([backups.document(f"{prefix}~")])
            found = listed(query)
        return [str(one.id) for one in found if one.to_dict().get("status") == "completed"]


def _schedule(snapshot: Any) -> BackupSchedule | BadInput:
    try:
        found = BackupSchedule.from_document(snapshot.to_dict())
    except BadInput as error:
        return BadInput(f"the schedule {snapshot.id}: {error.message}", hint=error.hint)
    if found.name != snapshot.id:
        return BadInput(
            f"the document {BACKUP_SCHEDULES}/{snapshot.id} has another name in it",
            hint="write the document's id there, or save it anew",
        )
    return found


def _state(snapshot: Any) -> ScheduleState | None:
    """None for one that is none of ours: it is begun anew, and what runs has the same name as before."""
    try:
        return ScheduleState.from_document(snapshot.to_dict())
    except BadInput:
        return None
