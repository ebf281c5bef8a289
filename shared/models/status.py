"""How a backup or recovery moves: pending → in_progress → completed or failed; both ends are final."""

from __future__ import annotations

from typing import Final

from shared.errors import Conflict
from shared.models.fields import Status

_AFTER: Final[dict[Status, tuple[Status, ...]]] = {
    "pending": ("in_progress", "failed"),
    "in_progress": ("completed", "failed"),
    "completed": (),
    "failed": (),
}


def advanced(now: Status, to: Status) -> Status:
    """`to`, when `now` may become it or already is it (a message may come twice). Conflict otherwise."""
    if to != now and to not in _AFTER[now]:
        raise Conflict(f"a job that is {now} cannot become {to}", hint="start a new one")
    return to
