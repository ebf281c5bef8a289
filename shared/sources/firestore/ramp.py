"""Google's advice for writing to a cold collection: 500 a second at first, half as much again every five minutes."""

from __future__ import annotations

from shared.clock import Clock


class Ramp:
    """Hands out permission to write, at a rate that grows from the first use on.

    A token bucket that holds at most one second's worth: what is not used is not saved up.
    """

    def __init__(
        self, clock: Clock, *, start: float = 500, factor: float = 1.5, every_s: float = 300
    ) -> None:
        self._clock = clock
        self._start = start
        self._factor = factor
        self._every = every_s
        self._began: float | None = None
        self._free_at = 0.0

    def rate(self) -> float:
        """Writes a second that are allowed now."""
        if self._began is None:
            return self._start
        steps = int((self._clock.monotonic() - self._began) / self._every)
        return self._start * self._factor ** min(steps, 40)

    def take(self, writes: int) -> None:
        """Wait until this many writes may be sent."""
        now = self._clock.monotonic()
        if self._began is None:
            self._began = now
        begin = max(now, self._free_at)
        self._free_at = begin + writes / self.rate()
        if begin > now:
            self._clock.sleep(begin - now)
