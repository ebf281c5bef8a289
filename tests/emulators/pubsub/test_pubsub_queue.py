"""The queue of one subscription, with time as an argument."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulators.pubsub.queue import Delivery, Holder, QueuePolicy, SubscriptionQueue
from emulators.pubsub.stored import Stored

_numbers = itertools.count(1)


def message(name: str = "m", key: str = "") -> Any:
    return SimpleNamespace(name=name, ordering_key=key)


def put(queue_: SubscriptionQueue, message_: Any, size: int, now: float) -> Stored:
    stored = Stored(message_, size, next(_numbers), int(now * 1000))
    queue_.add(stored)
    return stored


def queue(policy: QueuePolicy | None = None, buried: list[Delivery] | None = None) -> SubscriptionQueue:
    grave = [] if buried is None else buried
    return SubscriptionQueue(policy or QueuePolicy(), lambda delivery: grave.append(delivery) is None)


def names(queue_: SubscriptionQueue, now: float, most: int = 100) -> list[str]:
    return [lease.delivery.message.name for lease in queue_.take(Holder(), now, most, 10**9)]


def test_a_leased_message_is_not_given_to_another_until_its_deadline() -> None:
    q = queue(QueuePolicy(ack_deadline_s=10))
    put(q, message("a"), 1, now=0)
    assert names(q, 0) == ["a"]
    q.advance(9.999)
    assert names(q, 9.999) == []
    assert q.next_wake() == 10
    q.advance(10)
    assert names(q, 10) == ["a"]


def test_an_acknowledged_message_never_comes_back() -> None:
    q = queue()
    put(q, message(), 1, now=0)
    (lease,) = q.take(Holder(), 0, 1, 100)
    assert q.acknowledge(lease.ack_id)
    q.advance(1e9)
    assert names(q, 1e9) == []
    assert q.backlog() == 0


def test_an_acknowledgement_after_the_deadline_is_too_late() -> None:
    q = queue(QueuePolicy(ack_deadline_s=10))
    put(q, message(), 1, now=0)
    (lease,) = q.take(Holder(), 0, 1, 100)
    q.advance(10)
    assert not q.acknowledge(lease.ack_id)
    assert names(q, 10) == ["m"]


def test_a_moved_deadline_counts_not_the_first_one() -> None:
    q = queue(QueuePolicy(ack_deadline_s=10))
    put(q, message(), 1, now=0)
    (lease,) = q.take(Holder(), 0, 1, 100)
    assert q.modify(lease.ack_id, 60, now=5)
    q.advance(64.9)
    assert names(q, 64.9) == []
    q.advance(65)
    assert names(q, 65) == ["m"]
    (again,) = q._leases.values()
    assert q.modify(again.ack_id, 1, now=65)
    q.advance(66)
    assert names(q, 66) == ["m"]


def test_backoff_is_exact_doubles_and_stops_at_the_maximum() -> None:
    q = queue(QueuePolicy(min_backoff_s=0.1, max_backoff_s=0.5))
    put(q, message(), 1, now=0)
    now, pauses = 0.0, []
    for _ in range(5):
        (lease,) = q.take(Holder(), now, 1, 100)
        q.modify(lease.ack_id, 0, now)
        wake = q.next_wake()
        assert wake is not None
        pauses.append(round(wake - now, 6))
        q.advance(wake - 1e-6)
        assert not q.has_ready()
        q.advance(wake)
        now = wake
    assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_message_is_buried_after_its_last_attempt_and_not_before() -> None:
    buried: list[Delivery] = []
    q = queue(QueuePolicy(max_attempts=3), buried)
    put(q, message(), 1, now=0)
    for attempt in (1, 2, 3):
        assert not buried
        (lease,) = q.take(Holder(), 0, 1, 100)
        assert lease.delivery.attempt == attempt
        q.modify(lease.ack_id, 0, 0)
    assert [delivery.attempt for delivery in buried] == [3]
    assert q.backlog() == 0


def test_a_dead_letter_nobody_takes_goes_on_being_delivered() -> None:
    q = SubscriptionQueue(QueuePolicy(max_attempts=1), lambda _: False)
    put(q, message(), 1, now=0)
    for _ in range(3):
        (lease,) = q.take(Holder(), 0, 1, 100)
        q.modify(lease.ack_id, 0, 0)
    assert q.backlog() == 1


def test_messages_of_one_ordering_key_come_one_after_the_other_others_do_not_wait() -> None:
    q = queue(QueuePolicy(ordered=True))
    for name, key in (("a1", "a"), ("a2", "a"), ("free", ""), ("b1", "b"), ("a3", "a")):
        put(q, message(name, key), 1, now=0)
    leases = {lease.delivery.message.name: lease for lease in q.take(Holder(), 0, 100, 10**9)}
    assert sorted(leases) == ["a1", "b1", "free"]
    q.modify(leases["a1"].ack_id, 0, 0)
    (again,) = q.take(Holder(), 0, 100, 10**9)
    assert again.delivery.message.name == "a1"
    q.acknowledge(again.ack_id)
    (second,) = q.take(Holder(), 0, 100, 10**9)
    assert second.delivery.message.name == "a2"
    q.acknowledge(second.ack_id)
    assert names(q, 0) == ["a3"]


def test_without_message_ordering_keys_do_not_hold_messages_back() -> None:
    q = queue(QueuePolicy(ordered=False))
    put(q, message("a1", "a"), 1, now=0)
    put(q, message("a2", "a"), 1, now=0)
    assert names(q, 0) == ["a1", "a2"]


def test_what_is_older_than_the_retention_is_gone_and_holds_up_no_key() -> None:
    q = queue(QueuePolicy(retention_s=600, ordered=True))
    put(q, message("old", "k"), 1, now=0)
    put(q, message("new", "k"), 1, now=500)
    assert names(q, 700) == ["new"]


def test_a_holder_gets_no_more_than_it_wants_until_it_gives_back() -> None:
    q = queue()
    for index in range(10):
        put(q, message(str(index)), 100, now=0)
    holder = Holder(max_messages=3)
    leases = q.take(holder, 0, 100, 10**9)
    assert len(leases) == 3
    assert q.take(holder, 0, 100, 10**9) == []
    q.acknowledge(leases[0].ack_id)
    assert len(q.take(holder, 0, 100, 10**9)) == 1
    by_size = Holder(max_bytes=250)
    assert len(q.take(by_size, 0, 100, 10**9)) == 3


def test_one_answer_is_bounded_in_bytes_but_never_empty() -> None:
    q = queue()
    for _ in range(5):
        put(q, message(), 1000, now=0)
    assert len(q.take(Holder(), 0, 100, 1)) == 1
    assert len(q.take(Holder(), 0, 100, 2500)) == 2


def test_ended_leases_do_not_pile_up() -> None:
    q = queue(QueuePolicy(ack_deadline_s=600))
    for index in range(20_000):
        put(q, message(str(index)), 1, now=0)
        (lease,) = q.take(Holder(), 0, 1, 100)
        q.acknowledge(lease.ack_id)
    assert len(q._deadlines) < 2000


@given(
    st.lists(st.tuples(st.sampled_from("anx"), st.sampled_from(["", "k", "K", "é", "e\u0301"])), max_size=60)
)
def test_every_message_is_delivered_until_it_is_acknowledged(steps: list[tuple[str, str]]) -> None:
    """Whatever is published, acknowledged, given back or left to run out, in any order: none is lost or kept."""
    q = queue(QueuePolicy(ack_deadline_s=10, min_backoff_s=0.5, max_backoff_s=4, ordered=True))
    published: set[str] = set()
    acknowledged: set[str] = set()
    now = 0.0
    for number, (step, key) in enumerate(steps):
        now += 1
        q.advance(now)
        published.add(str(number))
        put(q, message(str(number), key), 1, now)
        for lease in q.take(Holder(), now, 2, 100):
            if step == "a":
                q.acknowledge(lease.ack_id)
                acknowledged.add(lease.delivery.message.name)
            elif step == "n":
                q.modify(lease.ack_id, 0, now)
    for _ in range(len(steps) * 4 + 20):
        now += 10
        q.advance(now)
        for lease in q.take(Holder(), now, 100, 10**9):
            assert lease.delivery.message.name not in acknowledged
            q.acknowledge(lease.ack_id)
            acknowledged.add(lease.delivery.message.name)
    assert acknowledged == published
    assert q.backlog() == 0
    assert not q._behind
