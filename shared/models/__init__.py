"""The specification's models, exact, and our own documents and requests beside them (`shared.models.jobs`)."""

from __future__ import annotations

from shared.models.backup import Backup
from shared.models.config import BackupConfig
from shared.models.recovery import Recovery
from shared.models.storage import StorageConfig

__all__ = ["Backup", "BackupConfig", "Recovery", "StorageConfig"]
