"""Tells how far a job is, from the beats of whoever works on it; a worker itself is never kept waiting by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import FirekeepError
from shared.jobs.ports import Ports
from shared.models.progress import ProgressDocument
from shared.state.contract import Task, TaskState

EVERY_S: Final = 3.0
"""How often one worker tells, at most."""

_KINDS: Final = ("snapshot", "restore", "verify", "rotate")


@dataclass(frozen=True)
class Reading:
    """How far a job is, as its documents say."""

    phase: str
    items: int
    bytes: int
    total: int | None


class Teller:
    """Called at each beat with the job as it stands. The rate is what this worker has seen of the present phase."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._told: float | None = None
        self._since: tuple[str, float, int] | None = None

    def __call__(self, job: Task) -> None:
        now = self._ports.clock.monotonic()
        if job.ended or job.data.get("kind") not in _KINDS:
            return
        if self._told is not None and now - self._told < EVERY_S:
            return
        self._told = now
        of_parts = self._ports.board.read_by_parts(job.id.job) if job.parts else (0, 0)
        reading = reading_of(job, of_parts)
        self._ports.board.show(job.id.job, self._document(job, reading, now))

    def _document(self, job: Task, reading: Reading, now: float) -> ProgressDocument:
        if self._since is None or self._since[0] != reading.phase:
            self._since = (reading.phase, now, reading.items)
        _, since, first = self._since
        done = reading.items - first
        rate = done / (now - since) if done > 0 and now - since >= 1 else None
        left = max(reading.total - reading.items, 0) if reading.total is not None else None
        at = self._ports.clock.now()
        return ProgressDocument(
            kind=job.data["kind"],
            phase=reading.phase,
            state="pending" if job.state is TaskState.PENDING else "running",
            items=reading.items,
            bytes=reading.bytes,
            total=reading.total,
            rate=rate,
            seconds_left=round(left / rate) if rate and left is not None else None,
            parts=job.parts,
            parts_done=job.parts_done if job.parts is not None else None,
            started_at=job.data.get("startedAt", at),
            updated_at=at,
        )


def reading_of(job: Task, of_parts: tuple[int, int]) -> Reading:
    """From the job's document, and what its parts have read."""
    data = job.data
    kind = data["kind"]
    if kind == "snapshot":
        phase = "planning" if job.parts is None else "committing" if job.all_parts_done else "reading"
        return Reading(phase, *of_parts, _number(data, "expected"))
    if kind == "restore":
        checking = data.get("phase") == "check" or bool(data.get("liveChecked"))
        items = data.get("liveChecked" if checking else "liveApplied", 0)
        return Reading(
            "checking" if checking else "writing", items, data.get("size", 0), _number(data, "total")
        )
    items, size = data.get("liveItems", 0), data.get("liveBytes", 0)
    if kind == "verify":
        return Reading(json.loads(data.get("state", "{}")).get("stage", "trees"), items, size, None)
    return Reading("rotating", data.get("liveDone", items), size, None)


def _number(data: Any, name: str) -> int | None:
    value = data.get(name)
    return value if isinstance(value, int) else None


def take_down(ports: Ports, job_id: str) -> None:
    """What has ended shows no progress. A sweep takes down what could not be taken down now."""
    try:
        ports.board.take_down(job_id)
    except FirekeepError as error:
        if not error.retryable:
            raise
