"""The emulator's only looks at the time."""

from __future__ import annotations

import time


def micros() -> int:
    """Now, in microseconds since 1970."""
    return time.time_ns() // 1000


def seconds() -> float:
    """A clock that only goes on, for waiting."""
    return time.monotonic()


def pause(length: float) -> None:
    """Do nothing for some seconds."""
    time.sleep(length)
