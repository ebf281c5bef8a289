"""At most so many things a second, whatever the threads that do them."""

from __future__ import annotations

from threading import Lock

from shared.clock import Clock


class Pace:
    """`rate` 0 is no limit."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._free = 0.0
        self._lock = Lock()

    def take(self, count: int) -> None:
        """Wait until `count` more may be done. The first ones need not wait."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock.monotonic()
            start = max(now, self._free)
            self._free = start + count / self._rate
        if start > now:
            self._clock.sleep(start - now)
