"""A Pub/Sub that is killed or stopped goes on where it was: what was not acknowledged comes, what was does not."""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, NotFound, ResourceExhausted
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient as Plain
from state_helpers import PROJECT, messages, running

from emulators.pubsub import PubSubEmulator

Subscriber = pubsub_v1.SubscriberClient
TOPIC = f"projects/{PROJECT}/topics/topic"
SUB = f"projects/{PROJECT}/subscriptions/sub"


def pull(subscriber: Subscriber, name: str = SUB, most: int = 1000, wait: float = 5.0) -> list[Any]:
    """The next messages; none after `wait` seconds without."""
    answer = subscriber.pull(subscription=name, max_messages=most, timeout=wait, retry=None)
    return list(answer.received_messages)


def bodies(received: list[Any]) -> list[str]:
    return sorted(one.message.data.decode() for one in received)


def publish(publisher: pubsub_v1.PublisherClient, *texts: str, topic: str = TOPIC, **more: str) -> list[str]:
    return [publisher.publish(topic, text.encode(), **more).result(timeout=10) for text in texts]


def resource(kind: str, name: str) -> str:
    return f"projects/{PROJECT}/{kind}/{name}"


def test_outstanding_messages_come_again_and_acknowledged_ones_do_not(tmp_path: Path) -> None:
    with running("pubsub", tmp_path) as first, messages(first.address) as (publisher, subscriber):
        publisher.create_topic(request={"name": TOPIC, "labels": {"a": "b"}})
        subscriber.create_subscription(request={"name": SUB, "topic": TOPIC, "ack_deadline_seconds": 600})
        ids = publish(publisher, "acked", "leased", "waiting", attribute="ä")
        received = pull(subscriber, most=2)
        assert bodies(received) == ["acked", "leased"]
        subscriber.acknowledge(subscription=SUB, ack_ids=[received[0].ack_id])
        late = received[1].ack_id
        first.kill()
    with running("pubsub", tmp_path) as second, messages(second.address) as (publisher, subscriber):
        assert dict(publisher.get_topic(topic=TOPIC).labels) == {"a": "b"}
        assert subscriber.get_subscription(subscription=SUB).ack_deadline_seconds == 600
        # What an earlier process handed out means nothing to this one.
        subscriber.acknowledge(subscription=SUB, ack_ids=[late])
        again = pull(subscriber)
        assert bodies(again) == ["leased", "waiting"]
        assert again[0].message.attributes["attribute"] == "ä"
        assert {one.message.message_id for one in again} < set(ids)
        assert not set(publish(publisher, "new")) & set(ids)
        subscriber.acknowledge(subscription=SUB, ack_ids=[one.ack_id for one in again])
        second.stop()
    with running("pubsub", tmp_path) as third, messages(third.address) as (_, subscriber):
        assert bodies(pull(subscriber)) == ["new"]


def test_attempts_and_dead_letters_go_on_counting(tmp_path: Path) -> None:
    dead, grave = resource("topics", "dead"), resource("subscriptions", "grave")
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    with running("pubsub", tmp_path) as first, messages(first.address) as (publisher, subscriber):
        for topic in (TOPIC, dead):
            publisher.create_topic(name=topic)
        subscriber.create_subscription(request={"name": SUB, "topic": TOPIC, "dead_letter_policy": policy})
        subscriber.create_subscription(name=grave, topic=dead)
        publish(publisher, "poison")
        for attempt in (1, 2, 3):
            (one,) = pull(subscriber)
            assert one.delivery_attempt == attempt
            subscriber.modify_ack_deadline(subscription=SUB, ack_ids=[one.ack_id], ack_deadline_seconds=0)
        assert pull(subscriber)[0].delivery_attempt == 4
        first.kill()
    with running("pubsub", tmp_path) as second, messages(second.address) as (_, subscriber):
        (one,) = pull(subscriber)
        assert one.delivery_attempt == 5
        subscriber.modify_ack_deadline(subscription=SUB, ack_ids=[one.ack_id], ack_deadline_seconds=0)
        second.kill()
    with running("pubsub", tmp_path) as third, messages(third.address) as (_, subscriber):
        (letter,) = pull(subscriber, grave)
        assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_messages_of_an_ordering_key_stay_in_order(tmp_path: Path) -> None:
    with running("pubsub", tmp_path) as first, messages(first.address) as (publisher, subscriber):
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(request={"name": SUB, "topic": TOPIC, "enable_message_ordering": True})
        publish(publisher, "1", "2", "3", ordering_key="k")
        (one,) = pull(subscriber)
        assert one.message.data == b"1"
        first.kill()
    with running("pubsub", tmp_path) as second, messages(second.address) as (_, subscriber):
        for expected in (b"1", b"2", b"3"):
            (one,) = pull(subscriber)
            assert one.message.data == expected
            subscriber.acknowledge(subscription=SUB, ack_ids=[one.ack_id])


def test_snapshots_retained_messages_and_detached_or_orphaned_subscriptions_are_kept(tmp_path: Path) -> None:
    snapshot = resource("snapshots", "snap")
    others = [resource("subscriptions", name) for name in ("retaining", "detached", "orphan")]
    other_topic = resource("topics", "gone")
    with running("pubsub", tmp_path) as first, messages(first.address) as (publisher, subscriber):
        publisher.create_topic(request={"name": TOPIC, "message_retention_duration": {"seconds": 600}})
        publisher.create_topic(name=other_topic)
        subscriber.create_subscription(name=SUB, topic=TOPIC)
        subscriber.create_subscription(
            request={"name": others[0], "topic": TOPIC, "retain_acked_messages": True}
        )
        subscriber.create_subscription(name=others[1], topic=TOPIC)
        subscriber.create_subscription(name=others[2], topic=other_topic)
        publish(publisher, "one", "two")
        publish(publisher, "orphaned", topic=other_topic)
        subscriber.create_snapshot(name=snapshot, subscription=SUB)
        publish(publisher, "three")
        for name in (SUB, others[0]):
            received = pull(subscriber, name)
            assert bodies(received) == ["one", "three", "two"]
            subscriber.acknowledge(subscription=name, ack_ids=[one.ack_id for one in received])
        publisher.detach_subscription(request={"subscription": others[1]})
        publisher.delete_topic(topic=other_topic)
        first.kill()
    with running("pubsub", tmp_path) as second, messages(second.address) as (publisher, subscriber):
        subscriber.create_subscription(name=resource("subscriptions", "late"), topic=TOPIC)
        subscriber.seek(request={"subscription": SUB, "snapshot": snapshot})
        assert bodies(pull(subscriber)) == ["one", "three", "two"]
        subscriber.seek(request={"subscription": others[0], "time": {"seconds": 1}})
        assert bodies(pull(subscriber, others[0])) == ["one", "three", "two"]
        late = resource("subscriptions", "late")
        subscriber.seek(request={"subscription": late, "time": {"seconds": 1}})
        assert bodies(pull(subscriber, late)) == ["one", "three", "two"]
        assert subscriber.get_subscription(subscription=others[1]).detached
        assert subscriber.get_subscription(subscription=others[2]).topic == "_deleted-topic_"
        assert bodies(pull(subscriber, others[2])) == ["orphaned"]
        subscriber.delete_snapshot(snapshot=snapshot)
        second.kill()
    with (
        running("pubsub", tmp_path) as third,
        messages(third.address) as (_, subscriber),
        pytest.raises(NotFound),
    ):
        subscriber.seek(request={"subscription": SUB, "snapshot": snapshot})


def test_a_killed_process_loses_no_acknowledged_message_and_brings_back_none_that_was(tmp_path: Path) -> None:
    chance, published, confirmed, number = random.Random(5), set[str](), set[str](), 0
    for round_number in range(3):
        with running("pubsub", tmp_path) as emulator, messages(emulator.address) as (publisher, subscriber):
            if not round_number:
                publisher.create_topic(name=TOPIC)
                subscriber.create_subscription(name=SUB, topic=TOPIC)
            timer = threading.Timer(chance.uniform(0.5, 1.5), emulator.kill)
            timer.start()
            try:
                while True:
                    number += 1
                    message = {"data": str(number).encode()}
                    Plain.publish(publisher, topic=TOPIC, messages=[message], retry=None, timeout=20)
                    published.add(str(number))
                    if number % 2:
                        received = pull(subscriber, most=1)
                        ack_ids = [one.ack_id for one in received]
                        subscriber.acknowledge(subscription=SUB, ack_ids=ack_ids, retry=None, timeout=20)
                        confirmed.update(bodies(received))
            except GoogleAPICallError:
                timer.join()
    with running("pubsub", tmp_path) as emulator, messages(emulator.address) as (_, subscriber):
        left: set[str] = set()
        while len(left) < len(published - confirmed) and (received := pull(subscriber)):
            left.update(bodies(received))
    assert len(published) > 10
    assert not left & confirmed
    # At each kill one acknowledgement may have been made without its answer.
    assert len((published - confirmed) - left) <= 3


def topology(tmp_path: Path, *names: str, **settings: Any) -> str:
    file = tmp_path / "topology.json"
    topics = [{"name": TOPIC}]
    subscriptions = [
        {"name": resource("subscriptions", name), "topic": TOPIC, **settings.get(name, {})} for name in names
    ]
    file.write_text(json.dumps({"topics": topics, "subscriptions": subscriptions}))
    return str(file)


def test_a_changed_topology_changes_what_it_made_and_nothing_else(tmp_path: Path) -> None:
    data, own = tmp_path / "data", resource("topics", "own")
    one, two, mine = (resource("subscriptions", name) for name in ("one", "two", "mine"))
    file = topology(tmp_path, "one", "two")
    with (
        running("pubsub", data, "--topology", file) as first,
        messages(first.address) as (
            publisher,
            subscriber,
        ),
    ):
        publisher.create_topic(name=own)
        subscriber.create_subscription(name=mine, topic=TOPIC)
        publish(publisher, "kept")
        first.kill()
    file = topology(tmp_path, "one", "three", one={"ackDeadlineSeconds": 33})
    with (
        running("pubsub", data, "--topology", file) as second,
        messages(second.address) as (
            publisher,
            subscriber,
        ),
    ):
        assert subscriber.get_subscription(subscription=one).ack_deadline_seconds == 33
        for name in (one, mine):
            assert bodies(pull(subscriber, name)) == ["kept"]
        with pytest.raises(NotFound):
            subscriber.get_subscription(subscription=two)
        assert publisher.get_topic(topic=own).name == own
        assert not list(publisher.list_topic_subscriptions(topic=own))
        second.kill()
    file = topology(tmp_path, "one", one={"filter": "attributes:a"})
    with running("pubsub", data, "--topology", file) as third, messages(third.address) as (_, subscriber):
        assert subscriber.get_subscription(subscription=one).filter == "attributes:a"
        third.stop()
    with running("pubsub", data) as alone, messages(alone.address) as (_, subscriber):
        assert subscriber.get_subscription(subscription=one).filter == "attributes:a"


def test_a_publish_that_finds_no_room_reaches_nobody(tmp_path: Path) -> None:
    emulator = PubSubEmulator(data=tmp_path)
    with messages(emulator.start()) as (publisher, subscriber):
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=SUB, topic=TOPIC)
        publish(publisher, "before")
        assert emulator._shelf is not None
        emulator._shelf._base.execute("PRAGMA max_page_count = 12")
        big = {"data": b"x" * 1_000_000}
        with pytest.raises(ResourceExhausted, match="keeping state in"):
            Plain.publish(publisher, topic=TOPIC, messages=[big], retry=None)
        emulator._shelf._base.execute("PRAGMA max_page_count = 100000")
        publish(publisher, "after")
        assert bodies(pull(subscriber)) == ["after", "before"]
    emulator.stop()


def test_the_file_does_not_grow_with_what_has_been_delivered(tmp_path: Path) -> None:
    emulator = PubSubEmulator(data=tmp_path)
    with messages(emulator.start()) as (publisher, subscriber):
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=SUB, topic=TOPIC)
        for _ in range(30):
            publish(publisher, *(["x" * 10_000] * 10))
            end = time.monotonic() + 10
            left = 10
            while left and time.monotonic() < end:
                received = pull(subscriber)
                subscriber.acknowledge(subscription=SUB, ack_ids=[one.ack_id for one in received])
                left -= len(received)
    emulator.stop()
    assert (tmp_path / "state").stat().st_size < 1_000_000
