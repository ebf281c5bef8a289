"""How long something took."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable[[], object], runs: int = 1) -> float:
    """Of a call by the clock; of several the median."""
    return median(_once(work) for _ in range(runs))


def _once(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
