"""What is counted, through OpenTelemetry: jobs, what they handled and how long they took, and the recovery point's age.

Nothing is exported unless the environment names an exporter, and then the library is not even loaded. Attributes are
the job's kind and its outcome in a word, so that there are few series; never an id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_WORD = re.compile(r"[a-z][a-z_ ]{0,31}")


class NoMetrics:
    """Counts nothing."""

    def job(self, kind: str, outcome: str, seconds: float, facts: Mapping[str, Any]) -> None:
        """Nothing."""

    def recovery_point(self, age_s: float) -> None:
        """Nothing."""


class MeteredJobs:
    """Through a meter. `flush` is called after each: an instance may be frozen, or gone, a moment later."""

    def __init__(self, meter: Meter, flush: Callable[[], object]) -> None:
        self._jobs = meter.create_counter("firekeep.jobs", "1", "runs of jobs")
        self._items = meter.create_counter("firekeep.items", "1", "records handled")
        self._bytes = meter.create_counter("firekeep.bytes", "By", "bytes that the records stand for")
        self._seconds = meter.create_histogram("firekeep.job.duration", "s", "how long a run took")
        self._age = meter.create_gauge("firekeep.recovery_point.age", "s", "age of the newest recovery point")
        self._flush = flush

    def job(self, kind: str, outcome: str, seconds: float, facts: Mapping[str, Any]) -> None:
        told = {"kind": kind, "outcome": outcome if _WORD.fullmatch(outcome) else "other"}
        self._jobs.add(1, told)
        self._seconds.record(seconds, told)
        for name, counter in (("items", self._items), ("bytes", self._bytes)):
            value = facts.get(name)
            if isinstance(value, int) and value > 0:
                counter.add(value, {"kind": kind})
        self._flush()

    def recovery_point(self, age_s: float) -> None:
        self._age.set(age_s)
        self._flush()
