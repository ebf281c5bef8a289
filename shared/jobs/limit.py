"""The limit on what a backup may store: looked at wherever something was made durable, and before anything is told."""

from __future__ import annotations

from collections.abc import Iterable

from shared.errors import BadInput
from shared.state.contract import Task

_LEAST = 1 << 20


def check_stored(job: Task, parts: Iterable[Task]) -> None:
    """BadInput when the parts have newly stored more than the job's limit. Nothing was committed then."""
    limit = limit_of(job)
    if limit is None:
        return
    stored = sum(part.data.get("stored", 0) for part in parts)
    if stored > limit:
        raise BadInput(
            f"backup {job.id.job} has stored {stored} bytes, more than the {limit} that maxSize allows; "
            "nothing was committed",
            hint="choose less, or raise maxSize in the request, its template or backupConfig/main (manual)",
        )


def limit_of(job: Task) -> int | None:
    """In bytes, as newly stored; None for no limit."""
    limit: int | None = job.data.get("maxSize")
    return limit


def checkpoint_of(job: Task, usual: int) -> int:
    """How many bytes may be read before what they took is looked at."""
    limit = limit_of(job)
    return usual if limit is None else min(usual, max(limit, _LEAST))
