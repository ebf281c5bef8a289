"""The emulator's only look at the time."""

from __future__ import annotations

import time


def micros() -> int:
    """Now, in microseconds since 1970."""
    return time.time_ns() // 1000
