"""A snapshot: what a subscription had not acknowledged when it was taken, and all that was published since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire

if TYPE_CHECKING:
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.topic import Topic


@dataclass(slots=True, eq=False)
class Snapshot:
    """`messages` are in the order of publishing. `source` is the topic itself: a namesake made later is another."""

    config: Any
    source: Topic
    messages: list[Stored]
    number: int = 0
    policy: Any = field(default_factory=wire.Policy)

    @property
    def expires(self) -> float:
        """In seconds since 1970."""
        return float(self.config.expire_time.ToNanoseconds()) / 1e9
