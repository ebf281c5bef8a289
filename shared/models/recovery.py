"""Section 5.3 of the specification: one recovery."""

from __future__ import annotations

from typing import Literal

from shared.models.base import Model
from shared.models.content import Content, Validation
from shared.models.fields import Count, Id, Instant, Size, Status


class RecoveryMetadata(Model):
    """`items` in records written, `size` in bytes of them."""

    started_at: Instant
    completed_at: Instant | None = None
    items: Count
    size: Size


class Rollback(Model):
    """The way back: `point` is the instant of the pre-image, once it is sealed."""

    enabled: bool
    point: Instant | None = None
    status: Literal["pending", "completed", "failed"] | None = None


class Recovery(Model):
    """One recovery from one backup, from the request for it on."""

    id: Id
    backup_id: Id
    status: Status
    metadata: RecoveryMetadata
    content: Content
    validation: Validation
    rollback: Rollback
