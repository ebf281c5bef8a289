"""Faults in what a Pub/Sub subscription delivers, by pull, streaming pull or push alike.

What the service promises stays true: with an ordering key nothing is overtaken, with exactly-once delivery nothing
comes twice, and a lost attempt counts and is made again as the retry policy says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from emulators.chaos.plan import DELIVERIES
from emulators.pubsub.subscription import Subscription

if TYPE_CHECKING:
    from emulators.chaos.controller import Chaos, Strike
    from emulators.chaos.plan import Kind
    from emulators.pubsub.queue import Holder, Lease
    from emulators.pubsub.stored import Stored


class HostileSubscription(Subscription):
    """A subscription that does to each new message what `chaos` says."""

    def __init__(self, chaos: Chaos, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._chaos = chaos
        self._overtaken: list[Stored] = []
        self._doomed: dict[Stored, Strike] = {}

    def add(self, stored: Stored) -> None:
        if not self.matches(stored):
            return
        strike = self._chaos.delivery("pubsub", self.name.rpartition("/")[2], self._possible(stored))
        overtaken, self._overtaken = self._overtaken, []
        if strike is None:
            super().add(stored)
        else:
            self._strike(strike, stored)
        for late in overtaken:
            self.queue.hasten(late)
        if overtaken:
            self.queue.advance(self._clock())
            self.wake()

    def take(self, holder: Holder, most: int, most_bytes: int) -> list[Lease]:
        leases = super().take(holder, most, most_bytes)
        lost = [lease for lease in leases if lease.delivery.stored in self._doomed]
        if not lost:
            return leases
        for lease in lost:
            self._doomed.pop(lease.delivery.stored).fired()
        self.modify([lease.ack_id for lease in lost], 0)
        # Whoever takes nothing waits from now on: it must be told after that.
        asyncio.get_running_loop().call_soon(self.wake)
        return [lease for lease in leases if lease not in lost]

    def _possible(self, stored: Stored) -> frozenset[Kind]:
        possible = DELIVERIES
        if self.config.enable_exactly_once_delivery:
            possible -= {"duplicate"}
        if self.config.enable_message_ordering and stored.message.ordering_key:
            possible -= {"delay", "reorder"}
        return possible

    def _strike(self, strike: Strike, stored: Stored) -> None:
        fault = strike.fault
        if fault.kind in {"delay", "reorder"}:
            self.queue.postpone(stored, self._clock() + fault.seconds)
            self._arm()
            if fault.kind == "reorder":
                self._overtaken.append(stored)
        else:
            super().add(stored)
        if fault.kind == "loss":
            self._doomed[stored] = strike
            return
        if fault.kind == "duplicate":
            super().add(stored)
        strike.fired()
