"""Holding a task, and giving it back when the work ends in an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from shared.errors import FirekeepError
from shared.state.contract import Ledger, Task, TaskId


@dataclass(frozen=True)
class Lease:
    """The task that is worked on, and the name its lease is held by."""

    task: TaskId
    owner: str


@contextmanager
def returned(ledger: Ledger, lease: Lease) -> Iterator[None]:
    """Release the lease when an error ends the block, so that the next delivery need not wait for it to run out."""
    try:
        yield
    except FirekeepError:
        # If this fails too, the lease runs out by itself; the error that matters is the first.
        with suppress(FirekeepError):
            ledger.release(lease.task, lease.owner)
        raise


def held(task: Task, now: datetime) -> bool:
    """Whether somebody works on it at present."""
    return task.leased_until is not None and task.leased_until > now
