"""What client apps call: each callable's name, the role it takes, and what goes in and comes out.

The functions answer exactly these, and the TypeScript client is generated from them. Values travel as JSON:
dates in ISO 8601, an optional field without a value left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.models.backup import Backup
from shared.models.base import Model
from shared.models.config import BackupConfig
from shared.models.fields import DocumentPaths, Id, Instant
from shared.models.jobs import Asked
from shared.models.recovery import Recovery
from shared.models.retention import RetentionPolicy
from shared.models.selection import Selection
from shared.models.sets import BackupSet, BackupTemplate
from shared.models.storage import StorageConfig

Role = Literal["viewer", "operator", "admin"]
"""The custom claim `firekeep` of an account. Each may do what those before it may."""

ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")

_LISTED: Final = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
_State = Literal["pending", "running", "done", "failed"]
_Content = Literal["entries", "media", "settings", "users"]
_Exactness = Literal["exact", "at most", "at least"]


class Nothing(Model):
    """No fields at all."""


class RequestBackupInput(Asked):
    """What a manual backup is asked for by: one of the three at most; by none of them, everything."""


class Started(Model):
    """The id of what was begun: `getStatus` tells how far it is."""

    id: Id


class PageInput(Model):
    """`limit` of them at most, the newest first; `after` is the id of the last one of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Id | None = None


class BackupPage(Model):
    """`next` is what to ask for the following page with; absent on the last one."""

    backups: Annotated[tuple[Backup, ...], _LISTED]
    next: Id | None = None


class RecoveryPage(Model):
    """`next` is what to ask for the following page with; absent on the last one."""

    recoveries: Annotated[tuple[Recovery, ...], _LISTED]
    next: Id | None = None


class ByIdInput(Model):
    """Which one."""

    id: Id


class ByNameInput(Model):
    """Which one."""

    name: Id


class Progress(Model):
    """How far a job is, in parts; a job that is not cut into parts has none."""

    state: _State
    parts: int | None = None
    parts_done: int = 0


class StatusResult(Model):
    """One of `backup` and `recovery`; `progress` once a worker has begun."""

    backup: Backup | None = None
    recovery: Recovery | None = None
    progress: Progress | None = None


class EstimatedContent(Model):
    """What there is of one content. `bytes` is absent when nobody can know without reading it."""

    content: _Content
    items: int
    bytes: int | None = None
    exactness: _Exactness


class EstimateResult(Model):
    """What a backup would hold, store, take and cost. Sizes in bytes; `usd` once, `usd_per_month` for keeping it."""

    contents: Annotated[tuple[EstimatedContent, ...], _LISTED]
    exactness: _Exactness
    bytes: int
    stored_bytes: int
    reads: int
    seconds: float
    usd: float
    usd_per_month: float
    assumptions: Annotated[tuple[str, ...], _LISTED]


class RequestRestoreInput(Model):
    """Bring back in place what the backup `backup_id` holds: everything, or what `selection` means, and single
    `documents`. `exact` also deletes what the backup does not hold. Without `overwrite`, what exists stays."""

    backup_id: Id
    selection: Selection | None = None
    documents: DocumentPaths = ()
    exact: bool = False
    overwrite: bool = True

    @model_validator(mode="after")
    def _deletes_only_what_it_may_replace(self) -> Self:
        if self.exact and not self.overwrite:
            raise PydanticCustomError("exact", "exact needs overwrite; leave out one of the two")
        return self


class CancelResult(Model):
    """`cancelling` when a worker will stop at its next beat; `ended` when it had ended already, in whatever way."""

    outcome: Literal["cancelled", "cancelling", "ended"]


class SetList(Model):
    """By name."""

    sets: Annotated[tuple[BackupSet, ...], _LISTED]


class TemplateList(Model):
    """By name."""

    templates: Annotated[tuple[BackupTemplate, ...], _LISTED]


class StatisticsPoint(Model):
    """One completed backup. `bytes` are those newly stored; `seconds` from the request to the commit."""

    id: Id
    at: Instant
    items: int
    bytes: int
    seconds: float
    verified: bool


class StatisticsResult(Model):
    """Of the newest `looked_at` backups in the catalog. `points` are the completed ones, the newest first."""

    looked_at: int
    completed: int
    failed: int
    under_way: int
    bytes: int
    newest_completed_at: Instant | None = None
    newest_verified_at: Instant | None = None
    points: Annotated[tuple[StatisticsPoint, ...], _LISTED]


class Configuration(Model):
    """The whole configuration. What is absent has never been set; when setting, what is absent stays as it is."""

    backup: BackupConfig | None = None
    storage: StorageConfig | None = None
    retention: RetentionPolicy | None = None


@dataclass(frozen=True)
class CallableSpec:
    """`cost` is how many calls it counts as for the rate limit: what costs money or work counts for more."""

    name: str
    role: Role
    input: type[Model]
    output: type[Model]
    cost: int
    summary: str


CALLABLES: Final = (
    CallableSpec(
        "requestBackup",
        "operator",
        RequestBackupInput,
        Started,
        5,
        "Start a manual backup in the background.",
    ),
    CallableSpec(
        "cancelBackup", "operator", ByIdInput, CancelResult, 1, "Stop a backup; nothing of it stays visible."
    ),
    CallableSpec("listBackups", "viewer", PageInput, BackupPage, 1, "List the backups, the newest first."),
    CallableSpec(
        "getStatus", "viewer", ByIdInput, StatusResult, 1, "Tell how far a backup or a recovery is."
    ),
    CallableSpec(
        "estimateBackup",
        "operator",
        RequestBackupInput,
        EstimateResult,
        10,
        "Tell what a backup would hold, take and cost. Documents are counted, which is billed.",
    ),
    CallableSpec(
        "requestRestore",
        "admin",
        RequestRestoreInput,
        Started,
        5,
        "Start a restore in place, in the background.",
    ),
    CallableSpec(
        "cancelRestore", "admin", ByIdInput, CancelResult, 1, "Stop a restore; what it has written stays."
    ),
    CallableSpec(
        "listRecoveries", "viewer", PageInput, RecoveryPage, 1, "List the recoveries, the newest first."
    ),
    CallableSpec("saveSet", "operator", BackupSet, Nothing, 1, "Save a selection under a name."),
    CallableSpec("listSets", "viewer", Nothing, SetList, 1, "List the backup sets."),
    CallableSpec("deleteSet", "operator", ByNameInput, Nothing, 1, "Delete a backup set; no backup goes."),
    CallableSpec(
        "saveTemplate", "operator", BackupTemplate, Nothing, 1, "Save a selection with options under a name."
    ),
    CallableSpec("listTemplates", "viewer", Nothing, TemplateList, 1, "List the backup templates."),
    CallableSpec(
        "deleteTemplate", "operator", ByNameInput, Nothing, 1, "Delete a backup template; no backup goes."
    ),
    CallableSpec(
        "getStatistics", "viewer", Nothing, StatisticsResult, 2, "Tell what the latest backups were like."
    ),
    CallableSpec("getConfig", "admin", Nothing, Configuration, 1, "Read the configuration."),
    CallableSpec(
        "setConfig",
        "admin",
        Configuration,
        Nothing,
        2,
        "Replace those parts of the configuration that are given.",
    ),
)
