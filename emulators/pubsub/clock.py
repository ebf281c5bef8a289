"""The emulator's one clock: seconds since 1970 that never go back, whatever happens to the machine's own."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()
