"""A topic: its configuration, who listens to it, and the messages it keeps for those who seek back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire

if TYPE_CHECKING:
    from emulators.pubsub.snapshot import Snapshot
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.subscription import Subscription


@dataclass(slots=True, eq=False)
class Topic:
    """`log` holds what was published within the topic's own retention, if it has one, oldest first."""

    config: Any
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    log: deque[Stored] = field(default_factory=deque)
    policy: Any = field(default_factory=wire.Policy)

    def publish(self, stored: Stored) -> None:
        """Gives one message to everything that keeps messages of this topic."""
        if self.config.HasField("message_retention_duration"):
            self.log.append(stored)
        for subscription in self.subscriptions.values():
            subscription.add(stored)
        for snapshot in self.snapshots.values():
            snapshot.messages.append(stored)

    def retained(self, now: float) -> deque[Stored]:
        """What the topic still keeps, oldest first; forgets the rest."""
        keep_s = self.config.message_retention_duration.ToTimedelta().total_seconds()
        while self.log and self.log[0].at + keep_s <= now:
            self.log.popleft()
        return self.log
