"""Our own documents: what is asked for over Pub/Sub or in Firestore.

Requests are read from JSON with `from_message` and written with `to_message`. Paths are slash-separated names: that
of a document means it and everything below it, that of a collection everything in it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import Model
from shared.models.fields import (
    BackupType,
    Count,
    DocumentPaths,
    Id,
    Instant,
    Names,
)
from shared.models.selection import Choice, EntriesChoice, Selection
from shared.models.sets import BackupOptions

__all__ = [
    "Asked",
    "BackupRequest",
    "Choice",
    "EntriesChoice",
    "PartRequest",
    "RestoreRequest",
    "RotateRequest",
    "Selection",
    "SnapshotRequest",
    "Target",
    "VerifyRequest",
]

_BUCKET = "[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_RENAMED = re.compile(f"{_BUCKET}={_BUCKET}")

PartNumber = Annotated[int, Field(ge=0, lt=100_000)]
Requester = Annotated[str, Field(min_length=1, max_length=256)]
"""Who asked: a uid, an account, or the name of a schedule."""


class Asked(Model):
    """What a backup is asked for by: one of the three at most; by none of them, everything."""

    selection: Selection | None = None
    set: Id | None = None
    template: Id | None = None
    options: BackupOptions | None = None

    @model_validator(mode="after")
    def _asked_for_once(self) -> Self:
        if sum(one is not None for one in (self.selection, self.set, self.template)) > 1:
            raise PydanticCustomError(
                "choice", "selection, set and template exclude one another; keep one of them"
            )
        return self


class SnapshotRequest(Asked):
    """Take the snapshot `backup_id` of `selection`, of the backup set `set` or as `template` says; of everything
    without them. Without `at` the job chooses. `type` is the template's, or manual, unless it is said here.
    """

    backup_id: Id
    type: BackupType | None = None
    at: Instant | None = None
    requested_by: Requester = "unknown"


class PartRequest(Model):
    """Read one part of the plan of `backup_id`."""

    backup_id: Id
    part: PartNumber


class VerifyRequest(Model):
    """The check `verify_id` of one backup, or without `backup_id` of the whole repository.

    `sample` is the share of the data that is read, up to 1; `turn` says which: after 1 / `sample` turns in a row, all
    of it was read. By default it is the day's.
    """

    verify_id: Id
    backup_id: Id | None = None
    depth: Literal["structure", "data"] = "structure"
    sample: Annotated[float, Field(ge=0.0001, le=1)] = 1.0
    turn: Count | None = None


class RotateRequest(Model):
    """The rotation `rotate_id`: drop what need not be kept, and collect what nothing needs.

    `dry_run` only says what would be done. `unfreeze` lets a rotation go on that stopped by itself.
    """

    rotate_id: Id
    dry_run: bool = False
    unfreeze: bool = False


class Target(Model):
    """Another project or database to restore to. `buckets` says which one takes another's files, as `old=new`;
    those that begin with the project's id need not be named."""

    project: Annotated[str, Field(pattern="^([a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
    database: Annotated[str, Field(pattern=r"^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$")] = "(default)"
    buckets: Names = ()

    @field_validator("buckets")
    @classmethod
    def _old_and_new(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_RENAMED.fullmatch(one) for one in value):
            raise PydanticCustomError("buckets", "must be pairs of buckets like old-name=new-name")
        return value


class RestoreRequest(Model):
    """Bring back what `backup_id` holds: everything, or what `selection` means, and single `documents`.

    `exact` also deletes what the backup does not hold, within the same scope; it is off unless asked for.
    Without `overwrite`, documents that exist are left as they are. Without `target`, restores in place.
    """

    recovery_id: Id
    backup_id: Id
    selection: Selection | None = None
    documents: DocumentPaths = ()
    target: Target | None = None
    exact: bool = False
    overwrite: bool = True
    requested_by: Requester = "unknown"

    @model_validator(mode="after")
    def _deletes_only_what_it_may_replace(self) -> Self:
        if self.exact and not self.overwrite:
            raise PydanticCustomError("exact", "exact needs overwrite; leave out one of the two")
        return self


class BackupRequest(Asked):
    """The document with which an operator's app asks for a manual backup. Its id becomes the backup's."""

    requested_by: Requester
    requested_at: Instant
