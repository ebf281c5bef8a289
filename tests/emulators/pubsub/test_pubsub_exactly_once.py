"""Exactly-once delivery: an acknowledgement is answered truthfully, on every way it can be sent."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import types
from google.cloud.pubsub_v1.subscriber import exceptions as sub_exceptions


def give_back(clients: Any, subscription: str, ack_id: str) -> None:
    clients.subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[ack_id], ack_deadline_seconds=0
    )


def test_a_late_acknowledgement_is_an_error_that_names_the_id(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, enable_exactly_once_delivery=True)
    clients.publish(topic, b"a", b"b")
    first, second = clients.pull(subscription)
    give_back(clients, subscription, first.ack_id)
    (again,) = clients.pull(subscription)
    for call in (
        lambda: clients.subscriber.acknowledge(
            subscription=subscription, ack_ids=[first.ack_id, second.ack_id, "nonsense"]
        ),
        lambda: clients.subscriber.modify_ack_deadline(
            subscription=subscription, ack_ids=[first.ack_id, "nonsense"], ack_deadline_seconds=10
        ),
    ):
        with pytest.raises(exceptions.InvalidArgument, match="acknowledgement ids") as caught:
            call()
        assert caught.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
        expected = dict.fromkeys([first.ack_id, "nonsense"], "PERMANENT_FAILURE_INVALID_ACK_ID")
        assert dict(caught.value.metadata) == expected
    clients.subscriber.acknowledge(subscription=subscription, ack_ids=[again.ack_id])
    assert clients.pull(subscription, wait=0.5) == []


def test_without_exactly_once_a_late_acknowledgement_is_no_error(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    clients.publish(topic, b"a")
    (first,) = clients.pull(subscription)
    give_back(clients, subscription, first.ack_id)
    clients.subscriber.acknowledge(subscription=subscription, ack_ids=[first.ack_id])
    assert len(clients.pull(subscription)) == 1


def test_the_clients_futures_tell_success_from_failure(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, enable_exactly_once_delivery=True)
    results: queue.Queue[Any] = queue.Queue()

    def callback(message: Any) -> None:
        results.put([_outcome(message.ack_with_response()) for _ in range(2)])

    future = clients.subscriber.subscribe(subscription, callback)
    try:
        clients.publish(topic, b"a")
        assert results.get(timeout=20) == [
            sub_exceptions.AcknowledgeStatus.SUCCESS,
            sub_exceptions.AcknowledgeStatus.INVALID_ACK_ID,
        ]
    finally:
        future.cancel()
        future.result(timeout=10)


def _outcome(future: Any) -> Any:
    try:
        return future.result(timeout=20)
    except sub_exceptions.AcknowledgeError as problem:
        return problem.error_code


def test_a_stream_confirms_what_it_was_told(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(
        topic, enable_exactly_once_delivery=True, enable_message_ordering=True
    )
    requests: queue.Queue[Any] = queue.Queue()
    requests.put(types.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=10))

    def sent() -> Iterator[Any]:
        while (request := requests.get()) is not None:
            yield request

    responses = clients.subscriber.streaming_pull(requests=sent())
    greeting = next(responses)
    assert greeting.subscription_properties.exactly_once_delivery_enabled
    assert greeting.subscription_properties.message_ordering_enabled
    clients.publish(topic, b"a", b"b")
    ids: list[str] = []
    while len(ids) < 2:
        answer = next(responses)
        assert answer.subscription_properties.exactly_once_delivery_enabled
        ids += [received.ack_id for received in answer.received_messages]
    requests.put(types.StreamingPullRequest(ack_ids=[ids[0], "nonsense"]))
    confirmation = next(responses).acknowledge_confirmation
    assert (list(confirmation.ack_ids), list(confirmation.invalid_ack_ids)) == ([ids[0]], ["nonsense"])
    requests.put(types.StreamingPullRequest(modify_deadline_ack_ids=ids, modify_deadline_seconds=[10, 30]))
    confirmation = next(responses).modify_ack_deadline_confirmation
    assert (list(confirmation.ack_ids), list(confirmation.invalid_ack_ids)) == ([ids[1]], [ids[0]])
    requests.put(None)
    assert [answer for answer in responses if answer.received_messages] == []


def test_every_message_is_processed_once_although_some_are_given_back(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, enable_exactly_once_delivery=True)
    clients.publish(topic, *[str(index).encode() for index in range(200)])
    succeeded: list[bytes] = []
    refused: set[bytes] = set()
    lock, done = threading.Lock(), threading.Event()

    def callback(message: Any) -> None:
        with lock:
            if int(message.data) % 5 == 0 and message.data not in refused:
                refused.add(message.data)
                message.nack()
                return
        message.ack_with_response().result(timeout=20)
        with lock:
            succeeded.append(message.data)
            if len(succeeded) == 200:
                done.set()

    future = clients.subscriber.subscribe(subscription, callback)
    try:
        assert done.wait(30)
        time.sleep(0.5)
        assert len(succeeded) == len(set(succeeded)) == 200
    finally:
        future.cancel()
        future.result(timeout=10)
