"""Google's own clients against the emulator: resources, publish, pull, stream, limits, refusals."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import duration_pb2, field_mask_pb2
from google.pubsub_v1 import PublisherClient, SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

PROJECT = "projects/demo-firekeep"


def test_topics_and_subscriptions_are_made_found_listed_and_deleted(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    assert clients.publisher.get_topic(topic=topic).name == topic
    got = clients.subscriber.get_subscription(subscription=subscription)
    assert (got.topic, got.ack_deadline_seconds, got.message_retention_duration.days) == (topic, 10, 7)
    assert topic in [each.name for each in clients.publisher.list_topics(project=PROJECT)]
    assert subscription in [each.name for each in clients.subscriber.list_subscriptions(project=PROJECT)]
    assert list(clients.publisher.list_topic_subscriptions(topic=topic)) == [subscription]
    clients.publisher.delete_topic(topic=topic)
    got = clients.subscriber.get_subscription(subscription=subscription)
    assert got.topic == "_deleted-topic_"
    clients.subscriber.delete_subscription(subscription=subscription)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.get_subscription(subscription=subscription)
    with pytest.raises(exceptions.NotFound):
        clients.publisher.get_topic(topic=topic)


def test_what_exists_cannot_be_made_again_and_what_does_not_cannot_be_used(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    with pytest.raises(exceptions.AlreadyExists):
        clients.publisher.create_topic(name=topic)
    with pytest.raises(exceptions.AlreadyExists):
        clients.subscriber.create_subscription(name=subscription, topic=topic)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.create_subscription(name=f"{subscription}x", topic=f"{topic}x")
    with pytest.raises(exceptions.NotFound):
        clients.publisher.publish(f"{topic}x", b"lost").result(timeout=10)


@pytest.mark.parametrize(
    "name",
    ["", "topics/abc", f"{PROJECT}/topics/ab", f"{PROJECT}/topics/1abc", f"{PROJECT}/topics/googabc",
     f"{PROJECT}/topics/a b c", f"{PROJECT}/topics/abc/def", f"{PROJECT}/topics/" + "a" * 256, f"{PROJECT}/topics/été"],
)  # fmt: skip
def test_malformed_names_are_refused(clients: Any, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.publisher.create_topic(name=name)


def test_listings_come_in_pages_that_cover_everything_once(clients: Any) -> None:
    project = "projects/demo-pages"
    names = {f"{project}/topics/page-{index:03}" for index in range(23)}
    for name in names:
        clients.publisher.create_topic(name=name)
    clients.publisher.create_topic(name="projects/demo-pages-2/topics/look-alike")
    pages = list(clients.publisher.list_topics(request={"project": project, "page_size": 5}).pages)
    assert [len(page.topics) for page in pages] == [5, 5, 5, 5, 3]
    assert {topic.name for page in pages for topic in page.topics} == names
    with pytest.raises(exceptions.InvalidArgument):
        next(clients.publisher.list_topics(request={"project": project, "page_token": "?"}).pages)


def test_messages_arrive_as_they_were_published(clients: Any) -> None:
    topic = clients.topic()
    subscription, second = clients.subscription(topic), clients.subscription(topic)
    attributes = {"é": "NFC", "e\u0301": "NFD", "k": ""}
    ids = clients.publish(topic, b"", b"\x00\xff", b"x" * 3_000_000, **attributes)
    for name in (subscription, second):
        got: dict[str, Any] = {}
        while len(got) < len(ids):
            got |= {m.message.message_id: m for m in clients.pull(name)}
        assert [got[i].message.data for i in ids] == [b"", b"\x00\xff", b"x" * 3_000_000]
        assert all(dict(m.message.attributes) == attributes for m in got.values())
        assert all(m.message.publish_time.microsecond % 1000 == 0 for m in got.values())
        assert all(m.delivery_attempt == 0 for m in got.values())


def test_a_pull_waits_for_a_message_and_ends_empty_before_its_deadline(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    start = time.monotonic()
    assert clients.pull(subscription, wait=1) == []
    assert 0.5 < time.monotonic() - start < 1
    timer = threading.Timer(0.2, clients.publish, (topic, b"late"))
    timer.start()
    start = time.monotonic()
    assert [m.message.data for m in clients.pull(subscription, wait=5)] == [b"late"]
    assert time.monotonic() - start < 2
    timer.join()


def test_given_back_at_once_a_message_comes_again_and_the_attempt_is_counted(clients: Any) -> None:
    topic = clients.topic()
    dead = clients.topic()
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    subscription = clients.subscription(topic, dead_letter_policy=policy)
    grave = clients.subscription(dead)
    (message_id,) = clients.publish(topic, b"poison", kind="é")
    for attempt in range(1, 6):
        (received,) = clients.pull(subscription)
        assert received.delivery_attempt == attempt
        clients.subscriber.modify_ack_deadline(
            subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0
        )
    assert clients.pull(subscription, wait=0.5) == []
    (letter,) = clients.pull(grave)
    assert letter.message.data == b"poison"
    assert letter.message.message_id != message_id
    assert letter.message.attributes["kind"] == "é"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert (
        letter.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == subscription.rsplit("/", 1)[1]
    )


def test_a_retry_policy_of_a_tenth_of_a_second_is_honoured(clients: Any) -> None:
    topic = clients.topic()
    policy = {
        "minimum_backoff": duration_pb2.Duration(nanos=10**8),
        "maximum_backoff": duration_pb2.Duration(seconds=1),
    }
    subscription = clients.subscription(topic, retry_policy=policy)
    clients.publish(topic, b"x")
    (received,) = clients.pull(subscription)
    clients.subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0
    )
    start = time.monotonic()
    assert len(clients.pull(subscription)) == 1
    assert 0.08 < time.monotonic() - start < 0.6


def test_a_lease_of_a_second_runs_out(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    clients.publish(topic, b"x")
    (received,) = clients.pull(subscription)
    clients.subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=1
    )
    start = time.monotonic()
    (again,) = clients.pull(subscription)
    assert 0.7 < time.monotonic() - start < 2
    clients.subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id])
    clients.subscriber.acknowledge(subscription=subscription, ack_ids=[again.ack_id])
    assert clients.pull(subscription, wait=0.5) == []


def test_ordered_messages_come_in_order_through_the_stream(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, enable_message_ordering=True)
    for index in range(50):
        clients.publisher.publish(topic, str(index).encode(), ordering_key="k")
    seen: list[int] = []
    done = threading.Event()

    def callback(message: Any) -> None:
        seen.append(int(message.data))
        message.ack()
        if len(seen) == 50:
            done.set()

    with_stream(clients, subscription, callback, done)
    assert seen == list(range(50))


def with_stream(clients: Any, subscription: str, callback: Any, done: threading.Event, **flow: Any) -> None:
    limits = pubsub_v1.types.FlowControl(**flow)
    future = clients.subscriber.subscribe(subscription, callback, flow_control=limits)
    try:
        assert done.wait(20)
    finally:
        future.cancel()
        future.result(timeout=10)


def test_the_stream_delivers_everything_and_again_what_was_not_acknowledged(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    bodies = [str(index).encode() for index in range(2000)]
    clients.publish(topic, *bodies)
    acknowledged: set[bytes] = set()
    refused: set[bytes] = set()
    done = threading.Event()
    lock = threading.Lock()

    def callback(message: Any) -> None:
        with lock:
            first = message.data not in refused and int(message.data) % 7 == 0
            (refused if first else acknowledged).add(message.data)
            (message.nack if first else message.ack)()
            if len(acknowledged) == len(bodies):
                done.set()

    with_stream(clients, subscription, callback, done, max_messages=50)
    assert acknowledged == set(bodies)
    assert len(refused) == 286


def test_a_stream_does_not_hold_up_other_calls(clients: Any) -> None:
    topic = clients.topic()
    futures = [
        clients.subscriber.subscribe(clients.subscription(topic), lambda message: message.ack())
        for _ in range(12)
    ]
    start = time.monotonic()
    clients.publish(topic, *[b"x"] * 50)
    assert time.monotonic() - start < 5
    for future in futures:
        future.cancel()
        future.result(timeout=10)


def test_deleting_the_subscription_ends_its_stream(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    future = clients.subscriber.subscribe(subscription, lambda message: message.ack())
    time.sleep(0.3)
    clients.subscriber.delete_subscription(subscription=subscription)
    with pytest.raises(exceptions.NotFound):
        future.result(timeout=10)


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ({}, "empty"),
        ({"data": b"x" * 10_000_001}, "request_size"),
        ({"data": b"x", "attributes": {f"k{i}": "v" for i in range(101)}}, "attributes"),
        ({"data": b"x", "attributes": {"k" * 257: "v"}}, "attribute_key"),
        ({"data": b"x", "attributes": {"k": "é" * 513}}, "attribute_value"),
        ({"data": b"x", "attributes": {"googkey": "v"}}, "goog"),
        ({"data": b"x", "attributes": {"": "v"}}, "empty"),
        ({"data": b"x", "ordering_key": "é" * 513}, "ordering_key"),
    ],
)
def test_a_message_beyond_the_limits_is_refused_and_none_of_its_request_is_published(
    clients: Any, message: dict[str, Any], word: str
) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    request = {"topic": topic, "messages": [{"data": b"good"}, message]}
    with pytest.raises(exceptions.InvalidArgument, match=word):
        raw_publish(clients, request)
    assert clients.pull(subscription, wait=0.5) == []


def raw_publish(clients: Any, request: dict[str, Any]) -> None:
    PublisherClient.publish(clients.publisher, request=request, retry=None)


@pytest.mark.parametrize(
    "settings",
    [
        {"ack_deadline_seconds": 9},
        {"ack_deadline_seconds": 601},
        {"message_retention_duration": duration_pb2.Duration(seconds=1)},
        {"dead_letter_policy": {"dead_letter_topic": f"{PROJECT}/topics/dead", "max_delivery_attempts": 4}},
        {"dead_letter_policy": {"dead_letter_topic": f"{PROJECT}/topics/dead", "max_delivery_attempts": 101}},
        {"dead_letter_policy": {"dead_letter_topic": "dead"}},
        {"retry_policy": {"minimum_backoff": duration_pb2.Duration(seconds=601)}},
        {"retry_policy": {"minimum_backoff": duration_pb2.Duration(seconds=9),
                          "maximum_backoff": duration_pb2.Duration(seconds=8)}},
        {"push_config": {"push_endpoint": "ftp://127.0.0.1"}},
        {"push_config": {"push_endpoint": "http://127.0.0.1/"}, "enable_exactly_once_delivery": True},
        {"expiration_policy": {"ttl": duration_pb2.Duration(seconds=86399)}},
        {"filter": "attributes.k = v"},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(clients: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscription(clients.topic(), **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"bigquery_config": {"table": "p.d.t"}},
        {"cloud_storage_config": {"bucket": "bucket"}},
        {"message_transforms": [{"javascript_udf": {"function_name": "f", "code": "function f() {}"}}]},
    ],
)
def test_what_is_not_supported_says_so(clients: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        clients.subscription(clients.topic(), **settings)


def test_calls_that_are_not_supported_say_so_by_name(clients: Any, emulator: str) -> None:
    with grpc.insecure_channel(emulator) as channel:
        schemas = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=channel))
        with pytest.raises(exceptions.MethodNotImplemented, match=r"SchemaService\.ListSchemas"):
            schemas.list_schemas(parent=PROJECT, retry=None)
    with pytest.raises(exceptions.MethodNotImplemented, match="schema_settings"):
        clients.publisher.create_topic(
            request={"name": f"{PROJECT}/topics/with-schema", "schema_settings": {"schema": "s"}}
        )


def test_an_update_changes_what_its_mask_names_and_nothing_else(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, ack_deadline_seconds=20, labels={"a": "b"})
    changed = clients.subscriber.update_subscription(
        subscription={"name": subscription, "ack_deadline_seconds": 30, "labels": {"c": "d"}},
        update_mask=field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"]),
    )
    assert (changed.ack_deadline_seconds, dict(changed.labels)) == (30, {"a": "b"})
    for paths in (["topic"], ["enable_message_ordering"], ["filter"], ["detached"], [], ["nonsense"]):
        with pytest.raises(exceptions.InvalidArgument):
            clients.subscriber.update_subscription(
                subscription={"name": subscription}, update_mask=field_mask_pb2.FieldMask(paths=paths)
            )
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscriber.update_subscription(
            subscription={"name": subscription, "ack_deadline_seconds": 5},
            update_mask=field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"]),
        )
    assert clients.subscriber.get_subscription(subscription=subscription).ack_deadline_seconds == 30
    labelled = clients.publisher.update_topic(
        topic={"name": topic, "labels": {"x": "y"}}, update_mask=field_mask_pb2.FieldMask(paths=["labels"])
    )
    assert dict(labelled.labels) == {"x": "y"}


def test_a_part_of_a_message_can_be_updated_and_a_setting_cleared(clients: Any) -> None:
    policy = {"dead_letter_topic": clients.topic(), "max_delivery_attempts": 7}
    subscription = clients.subscription(
        clients.topic(), dead_letter_policy=policy, retry_policy={"minimum_backoff": {"seconds": 3}}
    )
    changed = clients.subscriber.update_subscription(
        subscription={"name": subscription, "dead_letter_policy": {"max_delivery_attempts": 9}},
        update_mask={"paths": ["dead_letter_policy.max_delivery_attempts", "retry_policy"]},
    )
    assert changed.dead_letter_policy.dead_letter_topic == policy["dead_letter_topic"]
    assert changed.dead_letter_policy.max_delivery_attempts == 9
    assert "retry_policy" not in changed


def test_what_is_not_named_gets_a_name_in_the_same_project(clients: Any) -> None:
    made = clients.subscriber.create_subscription(topic=clients.topic())
    assert clients.subscriber.get_subscription(subscription=made.name).name == made.name
    snapshot = clients.subscriber.create_snapshot(subscription=made.name)
    assert snapshot.name.startswith(f"{PROJECT}/snapshots/")


def test_what_only_the_service_says_cannot_be_claimed(clients: Any) -> None:
    name = clients.subscription(
        clients.topic(), detached=True, topic_message_retention_duration={"seconds": 9}
    )
    got = clients.subscriber.get_subscription(subscription=name)
    assert not got.detached
    assert "topic_message_retention_duration" not in got


@pytest.mark.slow
def test_a_quiet_stream_has_a_heart_and_what_expires_is_swept(clients: Any) -> None:
    subscription = clients.subscription(clients.topic())
    snapshot = clients.subscriber.create_snapshot(subscription=subscription)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    clients.subscriber.update_snapshot(
        snapshot={"name": snapshot.name, "expire_time": soon}, update_mask={"paths": ["expire_time"]}
    )
    first = pubsub_v1.types.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=10)
    stopped = threading.Event()

    def requests() -> Iterator[Any]:
        yield first
        stopped.wait(60)

    responses = clients.subscriber.streaming_pull(requests=requests())
    start = time.monotonic()
    for _ in range(3):
        assert not next(responses).received_messages
    assert 25 < time.monotonic() - start < 40
    stopped.set()
    time.sleep(3)
    assert snapshot.name not in [each.name for each in clients.subscriber.list_snapshots(project=PROJECT)]


def test_a_thousand_messages_may_be_published_at_once_and_no_more(clients: Any) -> None:
    topic = clients.topic()
    raw_publish(clients, {"topic": topic, "messages": [{"data": b"x"}] * 1000})
    with pytest.raises(exceptions.InvalidArgument, match=r"message_count .* 1001 .* 1000"):
        raw_publish(clients, {"topic": topic, "messages": [{"data": b"x"}] * 1001})


def test_acknowledging_nonsense_is_refused(clients: Any) -> None:
    subscription = clients.subscription(clients.topic())
    for ack_ids in ([], ["not ours"], [""]):
        with pytest.raises(exceptions.InvalidArgument):
            clients.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)


def test_a_push_subscription_cannot_be_pulled_until_it_is_made_one(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, push_config={"push_endpoint": "http://127.0.0.1:1/"})
    with pytest.raises(exceptions.FailedPrecondition):
        clients.pull(subscription)
    clients.subscriber.modify_push_config(subscription=subscription, push_config={})
    clients.publish(topic, b"x")
    assert len(clients.pull(subscription)) == 1
