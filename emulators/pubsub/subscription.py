"""A subscription in an event loop: its configuration, its queue, its timer, and those who wait for it.

Everything runs in one loop's thread, so nothing is locked: between an empty `take` and `changed` no wake-up
can be lost as long as nothing is awaited in between.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.config import policy_of
from emulators.pubsub.filters import parse_filter
from emulators.pubsub.queue import Delivery, Holder, Lease, SubscriptionQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.pubsub.clock import Clock
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.topic import Topic


class Subscription:
    """`bury(subscription, delivery)` takes a delivery to the dead letter topic, if there is one.

    `source` is the topic it was made for, even after that topic is deleted; `used` is when someone last
    consumed from it or operated on it.
    """

    def __init__(
        self, config: Any, source: Topic, clock: Clock, bury: Callable[[Subscription, Delivery], bool]
    ) -> None:
        self.config = config
        self.number = 0
        """Tells it from a namesake made later."""
        self.source = source
        self.policy = wire.Policy()
        self.queue = SubscriptionQueue(policy_of(config), lambda delivery: bury(self, delivery))
        self.deleted = False
        self.used = clock()
        self._clock = clock
        self._matches = parse_filter(config.filter) if config.filter.strip() else None
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return str(self.config.name)

    @property
    def pushes_to(self) -> str:
        """Where messages are pushed to now, or nothing."""
        inert = self.deleted or self.config.detached
        return "" if inert else str(self.config.push_config.push_endpoint)

    def reconfigure(self, config: Any) -> None:
        self.config = config
        self.queue.policy = policy_of(config)
        self.touch()
        self.wake()

    def matches(self, stored: Stored) -> bool:
        """Whether the filter lets a message through; what it does not counts as acknowledged."""
        return self._matches is None or self._matches(stored.message.attributes)

    def add(self, stored: Stored) -> None:
        if self.matches(stored):
            self.queue.add(stored)
            self.wake()

    def take(self, holder: Holder, most: int, most_bytes: int) -> list[Lease]:
        leases = self.queue.take(holder, self._clock(), most, most_bytes)
        if leases:
            self._arm()
        return leases

    def acknowledge(self, ack_ids: list[str]) -> list[str]:
        """The ids that are unknown or came too late."""
        self.touch()
        self.queue.advance(self._clock())
        failed = [ack_id for ack_id in ack_ids if not self.queue.acknowledge(ack_id)]
        self.wake()
        return failed

    def modify(self, ack_ids: list[str], seconds: float) -> list[str]:
        """The ids that are unknown or came too late."""
        now = self._clock()
        self.queue.advance(now)
        failed = [ack_id for ack_id in ack_ids if not self.queue.modify(ack_id, seconds, now)]
        self._arm()
        self.wake()
        return failed

    def seek(self, wanted: list[Stored], kept_until: float = 0.0) -> None:
        self.touch()
        self.queue.seek(wanted, kept_until)
        self._arm()
        self.wake()

    def detach(self) -> None:
        """Drops everything it holds, for good; whoever waits is told."""
        self.config.detached = True
        self.queue.policy = replace(self.queue.policy, retain_acked=False)
        self.seek([])

    def delete(self) -> None:
        self.deleted = True
        if self._timer is not None:
            self._timer.cancel()
        self.wake()

    def touch(self) -> None:
        self.used = self._clock()

    def wake(self) -> None:
        """Lets everyone who waits look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self, timeout: float | None = None) -> bool:
        """True when something may have become ready, False after `timeout` seconds without."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return bool((await asyncio.wait((waiter,), timeout=timeout))[0])
        finally:
            self._waiters.remove(waiter)

    def _arm(self) -> None:
        at = self.queue.next_wake()
        loop = asyncio.get_running_loop()
        when = None if at is None else loop.time() + max(0.0, at - self._clock())
        if self._timer is not None:
            if when is not None and not self._timer.cancelled() and self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = None if when is None else loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.queue.advance(self._clock())
        self._arm()
        self.wake()
