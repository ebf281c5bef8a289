"""The ports of what we keep in Firestore: the ledger (who does what, how far) and the catalog (what exists).

A job and each of its parts is a task. A task is claimed under a lease, so that a duplicate delivery does not do
the work twice at once; a lease that ran out is taken over, so that a dead worker stops nothing. Every change is
guarded by the lease: a worker that lost it cannot overwrite its successor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from shared.errors import BadInput
from shared.models import Backup, BackupConfig, Recovery, StorageConfig
from shared.models.answers import RequestAnswer
from shared.models.jobs import BackupRequest
from shared.models.progress import ProgressDocument
from shared.models.retention import RetentionPolicy, RotationState
from shared.models.schedules import BackupSchedule, ScheduleState
from shared.models.sets import BackupSet, BackupTemplate

Preset = TypeVar("Preset", BackupSet, BackupTemplate, BackupSchedule)
"""What is saved under a name."""

Listed = TypeVar("Listed", Backup, Recovery)
"""What is listed by time."""

Data = Mapping[str, Any]
"""What Firestore stores: text, numbers, booleans, bytes, aware datetimes, lists and maps of them."""


class TaskState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class TaskId:
    """A job, or part `part` of it."""

    job: str
    part: int | None = None

    def __str__(self) -> str:
        return self.job if self.part is None else f"{self.job} part {self.part}"


@dataclass(frozen=True)
class Task:
    """A task as it stood when read. `parts` and `parts_done` count the parts of a job."""

    id: TaskId
    state: TaskState
    data: Data = field(default_factory=dict)
    parts: int | None = None
    parts_done: int = 0
    touched: datetime | None = field(default=None, compare=False)
    """When somebody last changed it."""
    leased_until: datetime | None = field(default=None, compare=False)
    """When the lease of whoever works on it runs out; None when nobody does."""

    @property
    def ended(self) -> bool:
        return self.state in (TaskState.DONE, TaskState.FAILED)

    @property
    def all_parts_done(self) -> bool:
        return self.parts is not None and self.parts_done >= self.parts


class Ledger(Protocol):
    """Tasks, their leases and how far they are."""

    def create(self, job: str, data: Data) -> Task:
        """The new job, or the one that is there already."""

    def set_parts(self, job: str, owner: str, parts: Sequence[Data], changes: Data) -> None:
        """Write the parts of a job, all pending, and their number, atomically; nothing if it has parts."""

    def load(self, task: TaskId) -> Task:
        """NotFound when there is no such task."""

    def parts(self, job: str) -> list[Task]:
        """All parts in number order."""

    def claim(self, task: TaskId, owner: str) -> Task:
        """Take the lease. A task that has ended is returned as it is, unclaimed; Busy while another holds it."""

    def renew(self, task: TaskId, owner: str, changes: Data) -> None:
        """Lengthen the lease and merge `changes` into the task's data. Busy when the lease is lost."""

    def release(self, task: TaskId, owner: str) -> None:
        """Give the lease back, so that the next delivery can go on at once. Nothing if it is lost."""

    def finish(self, task: TaskId, owner: str, state: TaskState, changes: Data) -> Task:
        """End the task and count it; in one transaction. Returns its job as it then stands."""

    def unfinished(self) -> Iterator[Task]:
        """The jobs that have not ended."""

    def fail(self, job: str, changes: Data) -> Task | None:
        """End a job as failed, whoever holds it; nothing if it has ended or was never begun. The job as it then
        stands, so that of two who end it one is told that it was the other.
        """

    def amend(self, job: str, change: Callable[[Task], Data]) -> Task:
        """Merge what `change` answers into a job that has not ended, whoever holds it; in one transaction, in which
        `change` may also raise. The job as it then stands. NotFound when there is none.
        """


class Board(Protocol):
    """How far jobs are, for people who watch."""

    def read_by_parts(self, job: str) -> tuple[int, int]:
        """Records and bytes that the parts of a job have read, as they last told."""

    def show(self, job: str, progress: ProgressDocument) -> None:
        """In place of what was shown."""

    def shown(self, job: str) -> ProgressDocument | None: ...

    def all_shown(self) -> list[str]:
        """The ids of the jobs that something is shown of."""

    def take_down(self, job: str) -> None:
        """Nothing may be shown already."""


class Catalog(Protocol):
    """The specification's documents, exactly as the models have them."""

    def save_backup(self, backup: Backup) -> None: ...

    def backup(self, backup_id: str) -> Backup:
        """NotFound when the catalog has none of this id."""

    def drop_backup(self, backup_id: str) -> None:
        """It may be gone already."""

    def backups(self) -> Iterator[Backup]:
        """All of them. BadInput for a document that is none of ours."""

    def unfinished(self) -> list[str]:
        """The ids of the backups and recoveries that are told as pending or in progress."""

    def latest(self, kind: type[Listed], limit: int, after: str | None) -> Iterator[Listed]:
        """At most so many of a kind, the newest first, after the one with the id `after`: NotFound when it is gone.
        BadInput for a document that is none of ours."""

    def newest_completed(self) -> str:
        """The id of the backup that was begun last of those that are completed; empty when there is none."""

    def request(self, request_id: str) -> BackupRequest:
        """What a client asked for. NotFound when it is gone, BadInput when it is not valid."""

    def config(self) -> BackupConfig | None:
        """The configuration of the whole system; the last good one while what is written there is not valid. None when
        there is none. BadInput when it is not valid, and there is no good one before it."""

    def storage_config(self) -> StorageConfig | None:
        """Likewise for the place where backups are kept."""

    def configure(
        self,
        backup: BackupConfig | None = None,
        storage: StorageConfig | None = None,
        retention: RetentionPolicy | None = None,
    ) -> None:
        """Replace what is given, all of it or nothing."""

    def retention_policy(self) -> RetentionPolicy | None:
        """Likewise for what is kept beyond the limits of the configuration."""

    def rotation_state(self) -> RotationState:
        """Whether rotation goes on. BadInput when it is not valid."""

    def save_rotation_state(self, state: RotationState) -> None: ...

    def preset(self, kind: type[Preset], name: str) -> Preset:
        """What is saved under this name. NotFound names what there is, BadInput what is not valid."""

    def presets(self, kind: type[Preset]) -> Iterator[Preset]:
        """All of this kind, by name. BadInput for a document that is none of ours."""

    def save_preset(self, preset: BackupSet | BackupTemplate | BackupSchedule) -> None:
        """In place of what was saved under its name."""

    def drop_preset(self, kind: type[Preset], name: str) -> None:
        """NotFound when there is none of this name."""

    def save_recovery(self, recovery: Recovery) -> None: ...

    def recovery(self, recovery_id: str) -> Recovery: ...


@dataclass(frozen=True)
class Held:
    """What came of a schedule, None when it cannot be read; and the version of the document that holds it."""

    state: ScheduleState | None
    version: Any


class Schedules(Protocol):
    """Schedules, and what came of them."""

    def schedules(self) -> Iterator[tuple[str, BackupSchedule | BadInput]]:
        """Every schedule by its document's id, or why it is none."""

    def states(self) -> Mapping[str, Held]:
        """What came of each, by name."""

    def save_state(self, name: str, state: ScheduleState, version: Any) -> Held | None:
        """Replace what is held as `version`, None for nothing. None, and nothing done, when it has changed."""

    def drop_state(self, name: str) -> None:
        """It may be gone already."""

    def completed(self, prefix: str) -> list[str]:
        """The ids that begin so of backups that are completed."""


class Answers(Protocol):
    """What people are told beside what they wrote."""

    def answer_request(self, request_id: str, answer: RequestAnswer) -> None:
        """On the request, unless it is not there or has ended already. An end is told once."""

    def judge_config(
        self, name: str, now: datetime, judge: Callable[[Mapping[str, Any]], Sequence[str]]
    ) -> str:
        """Write down what `judge` finds wrong with the configuration's document, and keep one with which nothing is.

        `valid`, `invalid`, `already …` for a document that was checked before, or `gone`. Busy when it is checked by
        another worker at the same time.
        """
