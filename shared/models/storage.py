"""Section 5.4 of the specification: one place where backups are kept.

Sizes are in bytes, `maxAge` is in days. The limit that the rotation's strategy goes by must be at least one;
the two others may be zero, and are not looked at.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import Model
from shared.models.fields import Count, Days, Location, ProviderName, Size


class StorageSettings(Model):
    """`max_size` in bytes of the whole place."""

    path: Location
    max_size: Size
    compression: bool
    encryption: bool


class Rotation(Model):
    """What is dropped when: by age in days, by size in bytes, or by number of backups."""

    enabled: bool
    strategy: Literal["time", "size", "count"]
    max_age: Days
    max_size: Size
    max_count: Count

    @model_validator(mode="after")
    def _has_the_limit_of_its_strategy(self) -> Self:
        limits = {
            "time": ("maxAge", self.max_age),
            "size": ("maxSize", self.max_size),
            "count": ("maxCount", self.max_count),
        }
        name, limit = limits[self.strategy]
        if self.enabled and limit == 0:
            raise PydanticCustomError("limit", "{name} must be at least 1 for this strategy", {"name": name})
        return self


class Monitoring(Model):
    """What is watched."""

    enabled: bool
    alerts: bool
    metrics: bool
    logging: bool


class StorageConfig(Model):
    """One place where backups are kept."""

    provider: ProviderName
    settings: StorageSettings
    rotation: Rotation
    monitoring: Monitoring
