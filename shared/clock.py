"""The only module that reads the time. Everything else is handed a `Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC, a monotonic counter in seconds, and a way to wait."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Deadline:
    """How long a job may still run. `limit` is None for a job that may take as long as it needs."""

    def __init__(self, clock: Clock, limit: timedelta | None) -> None:
        self._clock = clock
        self._end = None if limit is None else clock.monotonic() + limit.total_seconds()

    def near(self) -> bool:
        """True when it is time to store the cursor and hand on."""
        return self._end is not None and self._clock.monotonic() >= self._end
