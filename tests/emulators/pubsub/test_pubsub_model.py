"""The queue against a model of one page: whatever is published, taken, acknowledged, extended, given back, left to
run out or sought, in any order, both agree on what may be taken, what an acknowledgement means, and what is left."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulators.pubsub.queue import Delivery, Holder, Lease, QueuePolicy, SubscriptionQueue
from emulators.pubsub.stored import Stored

MOST = 3
RETENTION_S = 25.0


@dataclass
class Entry:
    """One message as the model sees it: in someone's hands until `deadline`, or to be had from `from_` on."""

    stored: Stored
    key: str
    from_: float = 0.0
    ack_id: str | None = None
    deadline: float = 0.0
    attempts: int = 0
    done: bool = False
    lost: bool = False
    """Buried, or past the retention: no seek brings it back."""


class QueueModel(RuleBasedStateMachine):
    @initialize(
        ordered=st.booleans(),
        limited=st.booleans(),
        retain=st.booleans(),
        short=st.booleans(),
        pause=st.sampled_from([0.0, 0.5, 7.0]),
    )
    def begin(self, ordered: bool, limited: bool, retain: bool, short: bool, pause: float) -> None:
        limit, retention = MOST if limited else None, RETENTION_S if short else 1e9
        self.policy = QueuePolicy(10.0, pause, 4 * pause, limit, retention, ordered, retain)
        self.now = 0.0
        self.numbers = itertools.count(1)
        self.entries: dict[int, Entry] = {}
        self.leases: list[Lease] = []
        self.buried: list[int] = []
        self.doomed: list[int] = []
        self.queue = SubscriptionQueue(self.policy, self._bury)

    def _bury(self, delivery: Delivery) -> bool:
        self.buried.append(delivery.stored.number)
        return True

    @rule(keys=st.lists(st.sampled_from(["", "k", "K", "é", "e\u0301"]), min_size=1, max_size=4))
    def publish(self, keys: list[str]) -> None:
        for key in keys:
            message: Any = SimpleNamespace(ordering_key=key)
            stored = Stored(message, 1, next(self.numbers), int(self.now * 1000))
            self.entries[stored.number] = Entry(stored, key, self.now)
            self.queue.add(stored)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 9.9, 10.0, 30.0]))
    def wait(self, seconds: float) -> None:
        """As the timers do it: woken whenever the queue asks to be."""
        end = self.now + seconds
        while (wake := self.queue.next_wake()) is not None and wake <= end:
            self.queue.advance(wake)
        self.now = end
        for entry in self.entries.values():
            if entry.ack_id is not None and entry.deadline <= end:
                self._failed(entry, entry.deadline)

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        ready = self._ready()
        leases = self.queue.take(Holder(), self.now, most, 10**9)
        assert len(leases) == min(most, len(ready))
        for lease in leases:
            entry = self.entries[lease.delivery.stored.number]
            assert entry in ready
            entry.ack_id, entry.deadline = lease.ack_id, self.now + 10.0
            entry.attempts += 1
            assert lease.delivery.attempt == entry.attempts
        self.leases += leases

    @rule(choice=st.integers(0, 1000))
    def acknowledge(self, choice: int) -> None:
        lease, entry = self._lease(choice)
        if lease is None or entry is None:
            return
        held = entry.ack_id == lease.ack_id
        assert self.queue.acknowledge(lease.ack_id) is held
        if held:
            entry.ack_id, entry.done = None, True

    @rule(choice=st.integers(0, 1000), seconds=st.sampled_from([0.0, 0.1, 5.0, 600.0]))
    def modify(self, choice: int, seconds: float) -> None:
        lease, entry = self._lease(choice)
        if lease is None or entry is None:
            return
        held = entry.ack_id == lease.ack_id
        assert self.queue.modify(lease.ack_id, seconds, self.now) is held
        if held and seconds:
            entry.deadline = self.now + seconds
        elif held:
            self._failed(entry, self.now)

    @rule(back=st.integers(0, 6))
    def seek(self, back: int) -> None:
        """To the last few messages, or, with none, past them all."""
        first = len(self.entries) + 1 - back
        known = {*self.queue.unacknowledged(), *self.queue.acknowledged(self.now)}
        wanted = sorted((each for each in known if each.number >= first), key=lambda each: each.number)
        self.queue.seek(wanted)
        for number, entry in self.entries.items():
            kept = self.policy.retain_acked and not self._expired(entry)
            available = not entry.lost and (not entry.done or kept)
            if entry.done:
                entry.attempts = 0
            entry.done = not (available and number >= first)
            entry.ack_id, entry.from_ = None, self.now

    @rule()
    def forget(self) -> None:
        self.queue.forget(self.now)
        for entry in self.entries.values():
            if entry.ack_id is None and not entry.done and self._expired(entry):
                entry.done = entry.lost = True
        assert self.queue.backlog() == sum(not entry.done for entry in self.entries.values())

    @invariant()
    def both_hold_the_same(self) -> None:
        held = {stored.number for stored in self.queue.unacknowledged()}
        assert self.queue.backlog() == len(held)
        for number, entry in self.entries.items():
            if not entry.done and number not in held:
                assert entry.ack_id is None and self._expired(entry)
                entry.done = entry.lost = True
        assert sorted(self.buried) == sorted(self.doomed)
        assert held == {number for number, entry in self.entries.items() if not entry.done}

    def teardown(self) -> None:
        """In the end everything can be had and acknowledged."""
        if not hasattr(self, "entries"):
            return
        # As long as the longest lease that `modify` gives.
        self.wait(600.0)
        for _ in range(len(self.entries) * (MOST + 1) + 2):
            self.wait(30.0)
            for lease in self.queue.take(Holder(), self.now, 1000, 10**9):
                assert self.queue.acknowledge(lease.ack_id)
        assert self.queue.backlog() == 0

    def _ready(self) -> list[Entry]:
        ready, busy = [], set()
        for entry in self.entries.values():
            if entry.done or (self.policy.ordered and entry.key in busy):
                continue
            free = entry.ack_id is None and entry.from_ <= self.now
            if free and self._expired(entry):
                continue
            if entry.key:
                busy.add(entry.key)
            if free:
                ready.append(entry)
        return ready

    def _expired(self, entry: Entry) -> bool:
        return entry.stored.at + self.policy.retention_s <= self.now

    def _lease(self, choice: int) -> tuple[Lease | None, Entry | None]:
        if not self.leases:
            return None, None
        lease = self.leases[choice % len(self.leases)]
        return lease, self.entries[lease.delivery.stored.number]

    def _failed(self, entry: Entry, at: float) -> None:
        entry.ack_id = None
        if self.policy.max_attempts is not None and entry.attempts >= self.policy.max_attempts:
            entry.done = entry.lost = True
            self.doomed.append(entry.stored.number)
        else:
            entry.from_ = at + self.policy.backoff(entry.attempts)


# A busy machine is no reason to fail.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestQueueModel(QueueModel.TestCase):
    settings = settings(PATIENT, max_examples=150, stateful_step_count=40)


@pytest.mark.slow
class TestQueueModelAtLength(QueueModel.TestCase):
    settings = settings(PATIENT, max_examples=1500, stateful_step_count=80)
