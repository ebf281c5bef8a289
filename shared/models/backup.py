"""Section 5.2 of the specification: one backup."""

from __future__ import annotations

from shared.models.base import Model
from shared.models.content import Content, Validation
from shared.models.fields import BackupType, Count, Id, Instant, Label, Link, Location, Size, Status


class BackupMetadata(Model):
    """`size` in bytes newly stored, `items` in records."""

    created_at: Instant
    completed_at: Instant | None = None
    size: Size
    items: Count
    format: Label


class BackupStorage(Model):
    """Where the backup is."""

    provider: Label
    path: Location
    url: Link | None = None


class Backup(Model):
    """One backup, from the request for it on."""

    id: Id
    type: BackupType
    status: Status
    metadata: BackupMetadata
    content: Content
    storage: BackupStorage
    validation: Validation
