"""A subscription in an event loop: its configuration, its queue, its timer, and those who wait for it.

Everything runs in one loop's thread, so nothing is locked: between an empty `take` and `changed` no wake-up
can be lost as long as nothing is awaited in between.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from emulators.pubsub.config import policy_of
from emulators.pubsub.queue import Delivery, Holder, Lease, SubscriptionQueue

if TYPE_CHECKING:
    from collections.abc import Callable


class Subscription:
    """`bury(subscription, delivery)` takes a delivery to the dead letter topic, if there is one."""

    def __init__(self, config: Any, bury: Callable[[Subscription, Delivery], bool]) -> None:
        self.config = config
        self.queue = SubscriptionQueue(policy_of(config), lambda delivery: bury(self, delivery))
        self.deleted = False
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return str(self.config.name)

    def reconfigure(self, config: Any) -> None:
        self.config = config
        self.queue.policy = policy_of(config)
        self.wake()

    def add(self, message: Any, size: int) -> None:
        self.queue.add(message, size, _now())
        self.wake()

    def take(self, holder: Holder, most: int, most_bytes: int) -> list[Lease]:
        leases = self.queue.take(holder, _now(), most, most_bytes)
        if leases:
            self._arm()
        return leases

    def acknowledge(self, ack_ids: list[str]) -> None:
        for ack_id in ack_ids:
            self.queue.acknowledge(ack_id)
        self.wake()

    def modify(self, ack_ids: list[str], seconds: float) -> None:
        for ack_id in ack_ids:
            self.queue.modify(ack_id, seconds, _now())
        self._arm()
        self.wake()

    def delete(self) -> None:
        self.deleted = True
        if self._timer is not None:
            self._timer.cancel()
        self.wake()

    def wake(self) -> None:
        """Lets everyone who waits look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self, timeout: float | None = None) -> None:
        """Returns when something may have become ready, or after `timeout` seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=timeout)
        finally:
            self._waiters.remove(waiter)

    def _arm(self) -> None:
        at = self.queue.next_wake()
        if self._timer is not None:
            if at is not None and not self._timer.cancelled() and self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = None if at is None else asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.queue.advance(_now())
        self._arm()
        self.wake()


def _now() -> float:
    return asyncio.get_running_loop().time()
