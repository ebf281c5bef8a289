"""Seek, snapshots, retention and detaching, through Google's own clients."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from google.api_core import exceptions

PROJECT = "projects/demo-firekeep"
LONG_AGO = "2020-01-01T00:00:00Z"


def bodies(received: list[Any]) -> list[bytes]:
    return [each.message.data for each in received]


def take_all(clients: Any, subscription: str, count: int) -> list[bytes]:
    """Pulls and acknowledges `count` messages."""
    got: list[bytes] = []
    while len(got) < count:
        received = clients.pull(subscription)
        assert received, f"only {len(got)} of {count} messages came"
        got += bodies(received)
        ack_ids = [each.ack_id for each in received]
        clients.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)
    return got


def seek(clients: Any, subscription: str, **target: Any) -> None:
    clients.subscriber.seek(request={"subscription": subscription, **target})


def test_seeking_ahead_drops_the_backlog_and_what_is_in_hand(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    clients.publish(topic, b"a", b"b")
    (held,) = clients.pull(subscription, most=1)
    seek(clients, subscription, time=datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1))
    clients.subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[held.ack_id], ack_deadline_seconds=0
    )
    assert clients.pull(subscription, wait=0.5) == []
    clients.publish(topic, b"later")
    assert bodies(clients.pull(subscription)) == [b"later"]


def test_acknowledged_messages_come_back_in_order_when_they_are_retained(clients: Any) -> None:
    topic = clients.topic()
    kept = clients.subscription(topic, retain_acked_messages=True, enable_message_ordering=True)
    gone = clients.subscription(topic)
    for index in range(5):
        clients.publisher.publish(topic, str(index).encode(), ordering_key="k").result(timeout=10)
    assert take_all(clients, kept, 5) == [b"0", b"1", b"2", b"3", b"4"]
    take_all(clients, gone, 5)
    seek(clients, kept, time=LONG_AGO)
    seek(clients, gone, time=LONG_AGO)
    assert take_all(clients, kept, 5) == [b"0", b"1", b"2", b"3", b"4"]
    assert clients.pull(gone, wait=0.5) == []


def test_seeking_to_a_publish_time_begins_with_that_message(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, retain_acked_messages=True)
    times = []
    for index in range(4):
        clients.publish(topic, str(index).encode())
        (received,) = clients.pull(subscription)
        times.append(received.message.publish_time)
        clients.subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id])
        time.sleep(0.005)
    seek(clients, subscription, time=times[2])
    assert take_all(clients, subscription, 2) == [b"2", b"3"]


def test_a_topic_that_retains_serves_subscriptions_made_later(clients: Any) -> None:
    topic = clients.topic()
    clients.publish(topic, b"before the retention")
    clients.publisher.update_topic(
        topic={"name": topic, "message_retention_duration": {"seconds": 600}},
        update_mask={"paths": ["message_retention_duration"]},
    )
    clients.publish(topic, b"a", b"b")
    late = clients.subscription(topic)
    got = clients.subscriber.get_subscription(subscription=late)
    assert got.topic_message_retention_duration == datetime.timedelta(seconds=600)
    assert clients.pull(late, wait=0.5) == []
    seek(clients, late, time=LONG_AGO)
    assert take_all(clients, late, 2) == [b"a", b"b"]
    seek(clients, late, time=LONG_AGO)
    assert take_all(clients, late, 2) == [b"a", b"b"]


def test_a_snapshot_holds_what_was_not_acknowledged_and_all_that_follows(clients: Any) -> None:
    topic = clients.topic()
    subscription, other = clients.subscription(topic), clients.subscription(topic)
    clients.publish(topic, b"acknowledged")
    take_all(clients, subscription, 1)
    clients.publish(topic, b"backlog")
    snapshot = clients.subscriber.create_snapshot(
        request={
            "name": f"{topic.replace('/topics/', '/snapshots/')}",
            "subscription": subscription,
            "labels": {"a": "b"},
        }
    )
    left = snapshot.expire_time - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=6, hours=23) < left <= datetime.timedelta(days=7)
    clients.publish(topic, b"after")
    take_all(clients, subscription, 2)
    take_all(clients, other, 3)
    for each in (subscription, other, subscription):
        seek(clients, each, snapshot=snapshot.name)
        assert take_all(clients, each, 2) == [b"backlog", b"after"]


def test_a_filter_also_holds_for_what_a_snapshot_or_a_topic_brings_back(clients: Any) -> None:
    topic = clients.topic()
    clients.publisher.update_topic(
        topic={"name": topic, "message_retention_duration": {"seconds": 600}},
        update_mask={"paths": ["message_retention_duration"]},
    )
    everything = clients.subscription(topic)
    filtered = clients.subscription(topic, filter="attributes:k")
    snapshot = clients.subscriber.create_snapshot(subscription=everything).name
    clients.publish(topic, b"without")
    clients.publish(topic, b"with", k="v")
    for target in ({"snapshot": snapshot}, {"time": LONG_AGO}):
        seek(clients, filtered, **target)
        assert take_all(clients, filtered, 1) == [b"with"]
        assert clients.pull(filtered, wait=0.3) == []


def test_snapshots_are_made_found_listed_changed_and_deleted(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    name = topic.replace("/topics/", "/snapshots/")
    made = clients.subscriber.create_snapshot(name=name, subscription=subscription)
    assert (made.name, made.topic) == (name, topic)
    with pytest.raises(exceptions.AlreadyExists):
        clients.subscriber.create_snapshot(name=name, subscription=subscription)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.create_snapshot(name=f"{name}x", subscription=f"{subscription}x")
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscriber.create_snapshot(name=f"{PROJECT}/snapshots/1", subscription=subscription)
    assert name in [each.name for each in clients.subscriber.list_snapshots(project=PROJECT)]
    assert list(clients.publisher.list_topic_snapshots(topic=topic)) == [name]
    changed = clients.subscriber.update_snapshot(
        snapshot={"name": name, "labels": {"x": "y"}}, update_mask={"paths": ["labels"]}
    )
    assert dict(changed.labels) == {"x": "y"}
    assert changed.expire_time == made.expire_time
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscriber.update_snapshot(snapshot={"name": name}, update_mask={"paths": ["topic"]})
    clients.subscriber.delete_snapshot(snapshot=name)
    for call in (clients.subscriber.get_snapshot, clients.subscriber.delete_snapshot):
        with pytest.raises(exceptions.NotFound):
            call(snapshot=name)
    assert list(clients.publisher.list_topic_snapshots(topic=topic)) == []


def test_seeking_needs_a_target_of_the_same_topic(clients: Any) -> None:
    topic = clients.topic()
    subscription, foreign = clients.subscription(topic), clients.subscription(clients.topic())
    snapshot = clients.subscriber.create_snapshot(subscription=subscription).name
    with pytest.raises(exceptions.FailedPrecondition):
        seek(clients, foreign, snapshot=snapshot)
    with pytest.raises(exceptions.NotFound):
        seek(clients, subscription, snapshot=f"{snapshot}x")
    with pytest.raises(exceptions.NotFound):
        seek(clients, f"{subscription}x", snapshot=snapshot)
    with pytest.raises(exceptions.InvalidArgument):
        seek(clients, subscription)


def test_a_new_topic_of_an_old_name_does_not_inherit_its_snapshots(clients: Any) -> None:
    topic = clients.topic()
    old = clients.subscription(topic)
    clients.publish(topic, b"old")
    snapshot = clients.subscriber.create_snapshot(subscription=old).name
    clients.publisher.delete_topic(topic=topic)
    clients.publisher.create_topic(name=topic)
    assert clients.subscriber.get_snapshot(snapshot=snapshot).topic == "_deleted-topic_"
    with pytest.raises(exceptions.FailedPrecondition):
        seek(clients, clients.subscription(topic), snapshot=snapshot)
    another = clients.topic()
    orphan = clients.subscription(another)
    clients.publisher.delete_topic(topic=another)
    with pytest.raises(exceptions.FailedPrecondition):
        seek(clients, orphan, snapshot=snapshot)
    take_all(clients, old, 1)
    seek(clients, old, snapshot=snapshot)
    assert take_all(clients, old, 1) == [b"old"]
    with pytest.raises(exceptions.FailedPrecondition):
        clients.subscriber.create_snapshot(subscription=old)


def test_a_detached_subscription_is_empty_deaf_and_says_so(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, retain_acked_messages=True)
    clients.publish(topic, b"backlog")
    future = clients.subscriber.subscribe(subscription, lambda message: message.nack())
    time.sleep(0.3)
    clients.publisher.detach_subscription(request={"subscription": subscription})
    with pytest.raises(exceptions.FailedPrecondition):
        future.result(timeout=10)
    got = clients.subscriber.get_subscription(subscription=subscription)
    assert (got.detached, got.topic) == (True, topic)
    assert list(clients.publisher.list_topic_subscriptions(topic=topic)) == []
    clients.publish(topic, b"not for it")
    for call in (
        lambda: clients.pull(subscription),
        lambda: seek(clients, subscription, time=LONG_AGO),
        lambda: clients.subscriber.create_snapshot(subscription=subscription),
    ):
        with pytest.raises(exceptions.FailedPrecondition):
            call()
    clients.subscriber.delete_subscription(subscription=subscription)
