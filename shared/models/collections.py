"""The names of the system's own collections, which no snapshot contains and no event of ours is about."""

from __future__ import annotations

from typing import Final

BACKUPS: Final = "backups"
"""`Backup` by id."""

RECOVERIES: Final = "recoveries"
"""`Recovery` by id."""

BACKUP_REQUESTS: Final = "backupRequests"
"""`BackupRequest` by the id that the backup will have; the only collection clients write."""

BACKUP_CONFIG: Final = "backupConfig"
"""`BackupConfig` and `StorageConfig`."""

MAIN: Final = "main"
"""The id of the one `BackupConfig`."""

STORAGE: Final = "storage"
"""The id of the one `StorageConfig`."""

RETENTION: Final = "retention"
"""The id of the one `RetentionPolicy`."""

ROTATION: Final = "rotation"
"""The id of the one `RotationState`."""

BACKUP_SETS: Final = "backupSets"
"""`BackupSet` by name."""

BACKUP_TEMPLATES: Final = "backupTemplates"
"""`BackupTemplate` by name."""

CONFIG_STATUS: Final = "backupConfigStatus"
"""What was found of each document of `backupConfig`, by its id, and the last good one."""

BACKUP_SCHEDULES: Final = "backupSchedules"
"""`BackupSchedule` by name."""

SCHEDULE_STATE: Final = "backupScheduleState"
"""`ScheduleState` by the schedule's name."""

JOBS: Final = "backupJobs"
"""State and progress of one job, by the id of its backup, recovery or verification."""

HEALTH: Final = "backupHealth"
"""How the system is, as `Health`, and what the monitor remembers."""

ALERTS: Final = "alerts"
"""The id of the one `WatchState`; that of the one `Health` is `main`."""

STATISTICS: Final = "backupStatistics"
"""`BackupStatistics` or `RecoveryStatistics`, by the id of the backup or recovery."""

PROGRESS: Final = "backupProgress"
"""`ProgressDocument` by the id of a job that is worked on."""

PARTS: Final = "parts"
"""Below a job: its parts, by number."""

SYSTEM_COLLECTIONS: Final = (
    BACKUPS,
    RECOVERIES,
    BACKUP_REQUESTS,
    BACKUP_CONFIG,
    BACKUP_SETS,
    BACKUP_TEMPLATES,
    CONFIG_STATUS,
    BACKUP_SCHEDULES,
    SCHEDULE_STATE,
    JOBS,
    HEALTH,
    STATISTICS,
    PROGRESS,
)
"""All of them at the root; every subcollection of ours lies under one."""
