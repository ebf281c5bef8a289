"""Section 5.1 of the specification: what is backed up by itself, on demand, and what recovery may do.

Sizes are in bytes. Retention must keep at least one backup and one day: a zero there would mean either
"no limit" or "delete everything", and nobody should have to find out which.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.models.base import Model
from shared.models.fields import Count, Location, Names, ProviderName, Size, TimeOfDay, Timezone


class Schedule(Model):
    """When automatic backups run: `time` is the wall clock in `timezone`."""

    frequency: Literal["daily", "weekly", "monthly"]
    time: TimeOfDay
    timezone: Timezone


class Retention(Model):
    """What automatic backups are kept."""

    days: Annotated[int, Field(ge=1, le=36_500)]
    max_backups: Annotated[int, Field(ge=1, le=1_000_000)]
    cleanup_strategy: Literal["oldest", "size", "custom"]


class Destination(Model):
    """Where automatic backups go, and whether they are compressed and sealed."""

    provider: ProviderName
    path: Location
    compression: bool
    encryption: bool


class Automatic(Model):
    """Backups by schedule."""

    enabled: bool
    schedule: Schedule
    retention: Retention
    storage: Destination


class Manual(Model):
    """Backups on demand. `max_size` in bytes, as stored."""

    enabled: bool
    max_size: Size
    formats: Names
    validation: bool
    encryption: bool


class RecoveryRules(Model):
    """What recovery may do. `max_versions` is how many pre-images are kept for rolling back."""

    enabled: bool
    max_versions: Count
    validation: bool
    testing: bool


class BackupConfig(Model):
    """The configuration of the whole system."""

    automatic: Automatic
    manual: Manual
    recovery: RecoveryRules
