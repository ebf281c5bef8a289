"""The ledger and the catalog in Firestore, through Google's client library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from google.api_core import exceptions as google_errors
from google.cloud import firestore

from shared.clock import Clock
from shared.errors import BadInput, Busy, NotFound, Unavailable
from shared.models import Backup, BackupConfig, Recovery, StorageConfig
from shared.models.answers import without_answer
from shared.models.base import Model
from shared.models.collections import (
    BACKUP_CONFIG,
    BACKUP_REQUESTS,
    BACKUP_SCHEDULES,
    BACKUP_SETS,
    BACKUP_TEMPLATES,
    BACKUPS,
    JOBS,
    MAIN,
    PARTS,
    RECOVERIES,
    RETENTION,
    ROTATION,
    STORAGE,
)
from shared.models.jobs import BackupRequest
from shared.models.retention import RetentionPolicy, RotationState
from shared.models.schedules import BackupSchedule
from shared.models.sets import BackupSet, BackupTemplate
from shared.state.answering import in_force
from shared.state.calls import listed as _listed
from shared.state.calls import mapped as _mapped
from shared.state.contract import Data, Listed, Preset, Task, TaskId, TaskState

_T = TypeVar("_T")
_M = TypeVar("_M", bound=Model)
_LATEST = 20
"""How many backups are looked through for a completed one; without one, the next stores everything anew."""
_UNSURE = 5
"""How often a transaction is run while nobody can tell whether its commit landed."""
_TOLD = (BACKUPS, RECOVERIES)
_NAMED = 20
"""How many of the names that there are an error tells."""
_LISTED: Mapping[type[Any], tuple[str, str]] = {
    Backup: (BACKUPS, "metadata.createdAt"),
    Recovery: (RECOVERIES, "metadata.startedAt"),
}
"""Where what is listed by time is, and which field tells it."""
_PRESETS: Mapping[type[Any], tuple[str, str, str]] = {
    BackupSet: (BACKUP_SETS, "backup set", "`firekeep set save` makes one"),
    BackupSchedule: (BACKUP_SCHEDULES, "schedule", "`firekeep schedule save` makes one"),
    BackupTemplate: (BACKUP_TEMPLATES, "backup template", "`firekeep template save` makes one"),
}
"""Where presets of a kind are, what they are called, and how one is made."""


class FirestoreLedger:
    """Tasks as documents `backupJobs/{job}` and `backupJobs/{job}/parts/{number}`."""

    def __init__(self, client: Any, clock: Clock, lease: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._lease = lease

    def create(self, job: str, data: Data) -> Task:
        document = {
            "state": TaskState.PENDING.value,
            "data": dict(data),
            "partsDone": 0,
            "createdAt": self._clock.now(),
        }
        with _mapped(f"creating job {job}"):
            try:
                self._reference(TaskId(job)).create(document)
            except google_errors.AlreadyExists:
                return self.load(TaskId(job))
        return _task(TaskId(job), document)

    def set_parts(self, job: str, owner: str, parts: Sequence[Data], changes: Data) -> None:
        task = TaskId(job)

        def body(transaction: Any) -> None:
            snapshot = self._reference(task).get(transaction=transaction)
            found = _loaded(task, snapshot)
            _check_owner(task, snapshot, owner)
            if found.parts is not None:
                return
            for number, data in enumerate(parts):
                document = {"state": TaskState.PENDING.value, "data": dict(data)}
                transaction.set(self._reference(TaskId(job, number)), document)
            counts = {"parts": len(parts), "partsDone": 0}
            transaction.update(snapshot.reference, {**self._leased(owner), **_merged(changes), **counts})

        self._transact(f"writing the parts of job {job}", body)

    def load(self, task: TaskId) -> Task:
        with _mapped(f"loading job {task}"):
            return _loaded(task, self._reference(task).get())

    def parts(self, job: str) -> list[Task]:
        with _mapped(f"loading the parts of job {job}"):
            found = _listed(self._reference(TaskId(job)).collection(PARTS))
            return [_loaded(TaskId(job, int(snapshot.id)), snapshot) for snapshot in found]

    def claim(self, task: TaskId, owner: str) -> Task:
        def body(transaction: Any) -> Task:
            snapshot = self._reference(task).get(transaction=transaction)
            found = _loaded(task, snapshot)
            if found.ended:
                return found
            lease = snapshot.to_dict().get("lease") or {}
            if lease.get("until", self._clock.now()) > self._clock.now() and lease.get("owner") != owner:
                raise Busy(
                    f"job {task} is being worked on by another worker", hint="it is delivered again later"
                )
            transaction.update(snapshot.reference, {"state": TaskState.RUNNING.value, **self._leased(owner)})
            return found

        return self._transact(f"claiming job {task}", body)

    def renew(self, task: TaskId, owner: str, changes: Data) -> None:
        def body(transaction: Any) -> None:
            snapshot = self._reference(task).get(transaction=transaction)
            _loaded(task, snapshot)
            _check_owner(task, snapshot, owner)
            transaction.update(snapshot.reference, {**self._leased(owner), **_merged(changes)})

        self._transact(f"renewing job {task}", body)

    def release(self, task: TaskId, owner: str) -> None:
        def body(transaction: Any) -> None:
            snapshot = self._reference(task).get(transaction=transaction)
            if (snapshot.to_dict() or {}).get("lease", {}).get("owner") == owner:
                transaction.update(snapshot.reference, {"lease": firestore.DELETE_FIELD})

        self._transact(f"releasing job {task}", body)

    def finish(self, task: TaskId, owner: str, state: TaskState, changes: Data) -> Task:
        job = TaskId(task.job)

        def body(transaction: Any) -> Task:
            snapshot = self._reference(task).get(transaction=transaction)
            parent = snapshot if task.part is None else self._reference(job).get(transaction=transaction)
            before = _loaded(task, snapshot)
            after = _loaded(job, parent)
            if before.ended:
                return after
            _check_owner(task, snapshot, owner)
            transaction.update(
                snapshot.reference,
                {
                    "state": state.value,
                    "lease": firestore.DELETE_FIELD,
                    "updatedAt": self._clock.now(),
                    **_merged(changes),
                },
            )
            if task.part is None:
                return Task(job, state, {**after.data, **changes}, after.parts, after.parts_done)
            transaction.update(parent.reference, {"partsDone": after.parts_done + 1})
            return Task(job, after.state, after.data, after.parts, after.parts_done + 1)

        return self._transact(f"finishing job {task}", body)

    def _leased(self, owner: str) -> dict[str, Any]:
        now = self._clock.now()
        return {"lease": {"owner": owner, "until": now + self._lease}, "updatedAt": now}

    def unfinished(self) -> Iterator[Task]:
        open_states = [TaskState.PENDING.value, TaskState.RUNNING.value]
        with _mapped("listing the jobs that have not ended"):
            query = self._client.collection(JOBS).where(
                filter=firestore.FieldFilter("state", "in", open_states)
            )
            found = _listed(query)
        return (_loaded(TaskId(str(snapshot.id)), snapshot) for snapshot in found)

    def fail(self, job: str, changes: Data) -> Task | None:
        task = TaskId(job)

        def body(transaction: Any) -> Task | None:
            snapshot = self._reference(task).get(transaction=transaction)
            if not snapshot.exists:
                return None
            found = _loaded(task, snapshot)
            if found.ended:
                return found
            now = self._clock.now()
            ended = {"state": TaskState.FAILED.value, "lease": firestore.DELETE_FIELD, "updatedAt": now}
            transaction.update(snapshot.reference, {**ended, **_merged(changes)})
            return replace(
                found, state=TaskState.FAILED, data={**found.data, **changes}, touched=now, leased_until=None
            )

        return self._transact(f"failing job {job}", body)

    def amend(self, job: str, change: Callable[[Task], Data]) -> Task:
        task = TaskId(job)

        def body(transaction: Any) -> Task:
            snapshot = self._reference(task).get(transaction=transaction)
            found = _loaded(task, snapshot)
            changes = {} if found.ended else change(found)
            if changes:
                transaction.update(snapshot.reference, _merged(changes))
            return replace(found, data={**found.data, **changes})

        return self._transact(f"amending job {job}", body)

    def _transact(self, doing: str, body: Callable[[Any], _T]) -> _T:
        """Run `body` in a transaction. It must find done what it has done: when the answer to a commit is lost, the
        library commits again, hears that there is no such transaction, and nobody knows.
        """
        run: Callable[[Any], _T] = firestore.transactional(body)
        attempt = 1
        with _mapped(doing):
            while True:
                try:
                    return run(self._client.transaction(max_attempts=20))
                except google_errors.InvalidArgument as error:
                    if "transaction" not in str(error.message).lower():
                        raise
                    if attempt == _UNSURE:
                        raise Unavailable(
                            f"{doing} failed: whether it was done is not known",
                            hint="it is tried again on redelivery",
                        ) from error
                attempt += 1

    def _reference(self, task: TaskId) -> Any:
        job = self._client.collection(JOBS).document(task.job)
        return job if task.part is None else job.collection(PARTS).document(f"{task.part:06d}")


class FirestoreCatalog:
    """`backups/{id}` and `recoveries/{id}`, exactly the specification's documents; and what is saved by name."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def save_backup(self, backup: Backup) -> None:
        with _mapped(f"saving backup {backup.id}"):
            self._client.collection(BACKUPS).document(backup.id).set(backup.to_document())

    def backup(self, backup_id: str) -> Backup:
        return Backup.from_document(self._document(BACKUPS, backup_id, "backup"))

    def drop_backup(self, backup_id: str) -> None:
        with _mapped(f"dropping backup {backup_id}"):
            self._client.collection(BACKUPS).document(backup_id).delete()

    def backups(self) -> Iterator[Backup]:
        with _mapped("listing backups"):
            for snapshot in _listed(self._client.collection(BACKUPS)):
                yield Backup.from_document(snapshot.to_dict())

    def unfinished(self) -> list[str]:
        told = firestore.FieldFilter("status", "in", ["pending", "in_progress"])
        with _mapped("listing what has not ended"):
            found = [_listed(self._client.collection(one).where(filter=told).select([])) for one in _TOLD]
        return [str(snapshot.id) for snapshots in found for snapshot in snapshots]

    def latest(self, kind: type[Listed], limit: int, after: str | None) -> Iterator[Listed]:
        collection, date = _LISTED[kind]
        documents = self._client.collection(collection)
        with _mapped(f"listing {collection}"):
            query = documents.order_by(date, direction="DESCENDING").limit(limit)
            if after is not None:
                last = documents.document(after).get()
                if not last.exists:
                    raise NotFound(f"there is no {after!r} in {collection}", hint="list from the beginning")
                query = query.start_after(last)
            found = _listed(query)
        return (kind.from_document(snapshot.to_dict()) for snapshot in found)

    def newest_completed(self) -> str:
        with _mapped("looking for the newest backup"):
            latest = self._client.collection(BACKUPS).order_by("metadata.createdAt", direction="DESCENDING")
            for snapshot in _listed(latest.limit(_LATEST)):
                if snapshot.to_dict().get("status") == "completed":
                    return str(snapshot.id)
        return ""

    def request(self, request_id: str) -> BackupRequest:
        document = self._document(BACKUP_REQUESTS, request_id, "backup request")
        return BackupRequest.from_document(without_answer(document))

    def config(self) -> BackupConfig | None:
        return self._configured(BackupConfig, MAIN)

    def storage_config(self) -> StorageConfig | None:
        return self._configured(StorageConfig, STORAGE)

    def configure(
        self,
        backup: BackupConfig | None = None,
        storage: StorageConfig | None = None,
        retention: RetentionPolicy | None = None,
    ) -> None:
        batch = self._client.batch()
        for name, part in ((MAIN, backup), (STORAGE, storage), (RETENTION, retention)):
            if part is not None:
                batch.set(self._client.collection(BACKUP_CONFIG).document(name), part.to_document())
        with _mapped("saving the configuration"):
            batch.commit()

    def retention_policy(self) -> RetentionPolicy | None:
        return self._configured(RetentionPolicy, RETENTION)

    def rotation_state(self) -> RotationState:
        return self._configured(RotationState, ROTATION) or RotationState()

    def save_rotation_state(self, state: RotationState) -> None:
        with _mapped("saving the state of rotation"):
            self._client.collection(BACKUP_CONFIG).document(ROTATION).set(state.to_document())

    def _configured(self, kind: type[_M], name: str) -> _M | None:
        with _mapped(f"loading the configuration {name}"):
            return in_force(self._client, kind, name)

    def preset(self, kind: type[Preset], name: str) -> Preset:
        collection, what, _ = _PRESETS[kind]
        with _mapped(f"loading {what} {name}"):
            snapshot = self._client.collection(collection).document(name).get()
        if not snapshot.exists:
            raise self._no_preset(kind, name)
        return _preset(kind, snapshot)

    def presets(self, kind: type[Preset]) -> Iterator[Preset]:
        collection, what, _ = _PRESETS[kind]
        with _mapped(f"listing every {what}"):
            found = _listed(self._client.collection(collection))
        return (_preset(kind, snapshot) for snapshot in found)

    def save_preset(self, preset: BackupSet | BackupTemplate | BackupSchedule) -> None:
        collection, what, _ = _PRESETS[type(preset)]
        with _mapped(f"saving {what} {preset.name}"):
            self._client.collection(collection).document(preset.name).set(preset.to_document())

    def drop_preset(self, kind: type[Preset], name: str) -> None:
        collection, what, _ = _PRESETS[kind]
        with _mapped(f"deleting {what} {name}"):
            document = self._client.collection(collection).document(name)
            if document.get().exists:
                document.delete()
                return
        raise self._no_preset(kind, name)

    def _no_preset(self, kind: type[Preset], name: str) -> NotFound:
        collection, what, made = _PRESETS[kind]
        with _mapped(f"listing every {what}"):
            there = [str(snapshot.id) for snapshot in _listed(self._client.collection(collection).select([]))]
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        hint = f"there are {', '.join(there[:_NAMED])}{more}" if there else f"there is none yet; {made}"
        return NotFound(f"there is no {what} {name!r}", hint=hint)

    def save_recovery(self, recovery: Recovery) -> None:
        with _mapped(f"saving recovery {recovery.id}"):
            self._client.collection(RECOVERIES).document(recovery.id).set(recovery.to_document())

    def recovery(self, recovery_id: str) -> Recovery:
        return Recovery.from_document(self._document(RECOVERIES, recovery_id, "recovery"))

    def _document(self, collection: str, document_id: str, what: str) -> dict[str, Any]:
        with _mapped(f"loading {what} {document_id}"):
            snapshot = self._client.collection(collection).document(document_id).get()
        if not snapshot.exists:
            raise NotFound(
                f"there is no {what} {document_id!r} in the catalog", hint="`firekeep ls` lists what there is"
            )
        found: dict[str, Any] = snapshot.to_dict()
        return found


def _preset(kind: type[Preset], snapshot: Any) -> Preset:
    found = kind.from_document(snapshot.to_dict())
    if found.name != snapshot.id:
        raise BadInput(
            f"the document {snapshot.reference.path} has another name in it",
            hint="write the document's id there, or save it anew",
        )
    return found


def _loaded(task: TaskId, snapshot: Any) -> Task:
    if not snapshot.exists:
        raise NotFound(f"there is no job {task}", hint="it may never have been started")
    return _task(task, snapshot.to_dict())


def _task(task: TaskId, document: dict[str, Any]) -> Task:
    return Task(
        task,
        TaskState(document["state"]),
        document.get("data", {}),
        document.get("parts"),
        document.get("partsDone", 0),
        document.get("updatedAt") or document.get("createdAt"),
        (document.get("lease") or {}).get("until"),
    )


def _check_owner(task: TaskId, snapshot: Any, owner: str) -> None:
    if (snapshot.to_dict().get("lease") or {}).get("owner") != owner:
        raise Busy(f"the lease on job {task} was lost to another worker", hint="that worker goes on with it")


def _merged(changes: Data) -> dict[str, Any]:
    return {f"data.{name}": value for name, value in changes.items()}
