"""A topic: its configuration, who listens to it, and the messages it keeps for those who seek back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.keeping import Keeper

if TYPE_CHECKING:
    from emulators.pubsub.snapshot import Snapshot
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.subscription import Subscription


@dataclass(slots=True, eq=False)
class Topic:
    """`log` holds what was published within the topic's own retention, if it has one, oldest first.

    `number` tells it from a namesake made later.
    """

    config: Any
    number: int = 0
    keeper: Keeper = field(default_factory=Keeper)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    log: deque[Stored] = field(default_factory=deque)
    policy: Any = field(default_factory=wire.Policy)

    def publish(self, stored: Stored) -> None:
        """Gives one message to everything that keeps messages of this topic."""
        if self.config.HasField("message_retention_duration"):
            self.log.append(stored)
            self.keeper.retain(self, stored, True)
        for subscription in self.subscriptions.values():
            subscription.add(stored)
        for snapshot in self.snapshots.values():
            snapshot.messages.append(stored)
            self.keeper.hold(snapshot, stored)

    def retained(self, now: float) -> deque[Stored]:
        """What the topic still keeps, oldest first; forgets the rest."""
        keep_s = self.config.message_retention_duration.ToTimedelta().total_seconds()
        while self.log and self.log[0].at + keep_s <= now:
            self.keeper.retain(self, self.log.popleft(), False)
        return self.log
