"""A published message as the emulator keeps it: one object, shared by every queue, log and snapshot it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Stored:
    """`number` rises in the order of publishing; `published_ms` is what clients see, since 1970."""

    message: Any
    size: int
    number: int
    published_ms: int

    @property
    def at(self) -> float:
        """When it was published, in seconds since 1970."""
        return self.published_ms / 1000
