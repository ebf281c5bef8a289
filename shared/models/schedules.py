"""Schedules of one's own, beside the configuration's for automatic backups: of backups, and of recoveries elsewhere.

The name is the document's id. What came of a schedule's times is kept beside it, as `ScheduleState` under its name.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import Model
from shared.models.config import Schedule
from shared.models.fields import DocumentPaths, Id, Instant, Name, Text
from shared.models.jobs import Asked, Target
from shared.models.selection import Selection

AUTOMATIC = "automatic"
"""The name that the configuration's own schedule goes by."""

ScheduleName = Annotated[str, Field(pattern="^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$")]
"""Shorter than an id: what runs is called by it and the planned time."""


class ScheduledRecovery(Model):
    """Restore the newest completed backup of the schedule `of` into `target`, which is never where it was taken.

    The rest is as in a request for a recovery.
    """

    of: ScheduleName = AUTOMATIC
    target: Target
    selection: Selection | None = None
    documents: DocumentPaths = ()
    exact: bool = False
    overwrite: bool = True

    @model_validator(mode="after")
    def _deletes_only_what_it_may_replace(self) -> Self:
        if self.exact and not self.overwrite:
            raise PydanticCustomError("exact", "exact needs overwrite; leave out one of the two")
        return self


class BackupSchedule(Model):
    """When a backup or a recovery is made by itself. Its backups count as automatic ones."""

    name: ScheduleName
    description: Text = ""
    enabled: bool = True
    schedule: Schedule
    backup: Asked | None = None
    recovery: ScheduledRecovery | None = None

    @field_validator("name")
    @classmethod
    def _not_the_configuration_s(cls, value: str) -> str:
        if value == AUTOMATIC:
            raise PydanticCustomError("name", "is the configuration's own schedule; choose another name")
        return value

    @model_validator(mode="after")
    def _makes_one_thing(self) -> Self:
        if (self.backup is None) == (self.recovery is None):
            raise PydanticCustomError("choice", "needs either backup or recovery")
        return self


class Waiting(Model):
    """A message that was decided on and may not have been sent yet."""

    topic: Literal["backup-snapshot", "backup-restore"]
    message: Annotated[str, Field(min_length=2, max_length=900_000)]


class ScheduleState(Model):
    """What came of a schedule's times: `since` it is known, the `last` time decided on, the last that `ran` and as
    what (`run`), how it was decided and why, and what is `waiting` to be sent.
    """

    since: Instant
    last: Instant | None = None
    ran: Instant | None = None
    run: Id | None = None
    outcome: Literal["new", "due", "off", "overlap", "refused"] = "new"
    reason: Name = "first seen"
    decided_at: Instant
    waiting: Waiting | None = None
