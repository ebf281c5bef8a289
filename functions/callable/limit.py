"""How often one account may call: a bucket of tokens for each, in the memory of this instance.

The function table bounds the instances, so what an account can do in all is that many times as much. A document
in Firestore would be exact, and would cost a write for every call that is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from shared.clock import Clock

REMEMBERED: Final = 10_000
"""Accounts. Who is forgotten has not called for longest, and begins with a full bucket."""


class RateLimit:
    """`per_minute` calls on the average, and as many at once."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._size = float(per_minute)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, uid: str, cost: int) -> float:
        """0 when the call may go on; else the seconds until it may."""
        now = self._clock.monotonic()
        left, at = self._buckets.pop(uid, (self._size, now))
        left = min(self._size, left + (now - at) * self._size / 60)
        # A call that costs more than a bucket holds needs a full one.
        price = min(float(cost), self._size)
        allowed = left >= price
        self._buckets[uid] = (left - price if allowed else left, now)
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (price - left) * 60 / self._size
