"""Each kind of fault on Pub/Sub, as Google's Python client meets it: in calls, and in deliveries of every way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from chaos_helpers import Messages, hostile_messages, status_of
from google.api_core import exceptions

from emulators.chaos import Fault, Plan

BODIES = [b"a", b"b", b"c", b"d"]


def delivery(kind: Any, nth: int = 2, **more: Any) -> Fault:
    return Fault("pubsub", kind, "readers", nth=nth, **more)


@pytest.mark.parametrize(
    "status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED"]
)
def test_a_failing_call_has_done_nothing(status: Any) -> None:
    fault = Fault("pubsub", "fail", "Publisher/CreateTopic", nth=2, status=status)
    with hostile_messages(fault) as messages:
        with pytest.raises(exceptions.GoogleAPICallError) as error:
            messages.publisher.create_topic(name="projects/demo-firekeep/topics/other", retry=None)
        assert status_of(error.value) == getattr(grpc.StatusCode, status)
        assert [topic.name for topic in messages.publisher.list_topics(project="projects/demo-firekeep")] == [
            messages.topic
        ]


def test_a_message_whose_publishing_fails_is_published_by_the_client_once() -> None:
    with hostile_messages(Fault("pubsub", "fail", "Publisher/Publish", nth=1, times=2)) as messages:
        messages.publish(b"a")
        assert messages.pull(2, wait=1) == [b"a"]


def test_a_message_whose_answer_is_lost_is_there_twice() -> None:
    with hostile_messages(Fault("pubsub", "lost", "Publisher/Publish", nth=1)) as messages:
        messages.publish(b"a")
        assert messages.pull(2) == [b"a", b"a"]


def test_a_slow_answer_comes_later() -> None:
    with hostile_messages(Fault("pubsub", "slow", "Publisher/Publish", nth=1, seconds=0.5)) as messages:
        start = time.monotonic()
        messages.publish(b"a")
        assert time.monotonic() - start >= 0.5


def test_a_refusal_is_lost_like_any_answer() -> None:
    fault = Fault("pubsub", "lost", "Publisher/GetTopic", nth=1)
    with hostile_messages(fault) as messages, pytest.raises(exceptions.ServiceUnavailable):
        messages.publisher.get_topic(topic="projects/demo-firekeep/topics/none", retry=None)


def streamed(messages: Messages, enough: int) -> list[bytes]:
    """What a streaming pull's callback gets, until there is enough and a moment more."""
    found: list[bytes] = []
    done = threading.Event()

    def callback(message: Any) -> None:
        found.append(message.data)
        message.ack()
        if len(found) >= enough:
            done.set()

    pull = messages.subscriber.subscribe(messages.subscription, callback)
    assert done.wait(20), found
    time.sleep(0.2)
    pull.cancel()
    pull.result(10)
    return found


def test_a_streaming_pull_that_breaks_off_goes_on() -> None:
    fault = Fault("pubsub", "cut", "Subscriber/StreamingPull", nth=1, times=2, after=2)
    with hostile_messages(fault) as messages:
        threading.Timer(0.3, lambda: messages.publish(*BODIES)).start()
        assert {*streamed(messages, 4)} == {*BODIES}


@contextmanager
def endpoint(found: list[bytes]) -> Iterator[str]:
    """Takes pushes without wrapping."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def received(way: str, fault: Fault, enough: int) -> list[bytes]:
    """Four messages, published one after the other, as they are received."""
    if way != "push":
        with hostile_messages(fault) as messages:
            messages.publish(*BODIES)
            return messages.pull(enough) if way == "pull" else streamed(messages, enough)
    found: list[bytes] = []
    with endpoint(found) as url:
        push = {"push_endpoint": url, "no_wrapper": {"write_metadata": False}}
        with hostile_messages(fault, push_config=push) as messages:
            for body in BODIES:
                messages.publish(body)
            limit = time.monotonic() + 10
            while len(found) < enough and time.monotonic() < limit:
                time.sleep(0.01)
    return found


WAYS = pytest.mark.parametrize("way", ["pull", "stream", "push"])


@WAYS
def test_a_duplicate_comes_twice(way: str) -> None:
    assert sorted(received(way, delivery("duplicate"), 5)) == [b"a", b"b", b"b", b"c", b"d"]


@WAYS
def test_a_late_message_comes_after_the_others(way: str) -> None:
    found = received(way, delivery("delay", seconds=1.0), 4)
    assert (found[-1], sorted(found)) == (b"b", BODIES)


@WAYS
def test_a_lost_attempt_is_made_again(way: str) -> None:
    assert sorted(received(way, delivery("loss"), 4)) == BODIES


def test_a_message_is_overtaken_by_the_next() -> None:
    assert received("pull", delivery("reorder", seconds=30), 4) == [b"a", b"c", b"b", b"d"]


def test_a_message_that_nobody_overtakes_comes_after_its_time() -> None:
    assert received("pull", delivery("reorder", nth=4, seconds=0.3), 4) == BODIES


def test_a_lost_attempt_counts() -> None:
    settings = {
        "dead_letter_policy": {
            "dead_letter_topic": "projects/demo-firekeep/topics/dead",
            "max_delivery_attempts": 5,
        }
    }
    with hostile_messages(delivery("loss", nth=1), **settings) as messages:
        messages.publish(b"a")
        answer = messages.subscriber.pull(subscription=messages.subscription, max_messages=1, timeout=5)
        assert [each.delivery_attempt for each in answer.received_messages] == [2]


def test_with_an_ordering_key_nothing_is_overtaken() -> None:
    faults = [Fault("pubsub", kind, chance=0.5, seconds=0.2) for kind in ("reorder", "delay", "loss")]  # type: ignore[arg-type]
    with hostile_messages(Plan(tuple(faults), "1"), enable_message_ordering=True) as messages:
        bodies = [b"%02d" % number for number in range(20)]
        messages.publish(*bodies, ordering_key="caf\u00e9")
        assert messages.pull(20) == bodies
        assert {record.kind for record in messages.chaos.fired} == {"loss"}


def test_with_exactly_once_delivery_nothing_comes_twice() -> None:
    plan = Plan((Fault("pubsub", "duplicate", chance=1.0),))
    with hostile_messages(plan, enable_exactly_once_delivery=True) as messages:
        messages.publish(*BODIES)
        assert messages.pull(5, wait=1) == BODIES
        assert messages.chaos.fired == []


def test_a_late_message_is_in_a_snapshot_and_survives_a_seek() -> None:
    with hostile_messages(delivery("delay", nth=1, seconds=60)) as messages:
        messages.publish(b"a")
        name = "projects/demo-firekeep/snapshots/then"
        messages.subscriber.create_snapshot(name=name, subscription=messages.subscription)
        messages.subscriber.seek(request={"subscription": messages.subscription, "snapshot": name})
        assert messages.pull(1) == [b"a"]


def test_many_messages_under_a_seed_all_arrive() -> None:
    with hostile_messages(Plan.from_seed(5)) as messages:
        bodies = [b"%03d" % number for number in range(200)]
        futures = [messages.publisher.publish(messages.topic, body) for body in bodies]
        for future in futures:
            future.result(20)
        found: set[bytes] = set()
        limit = time.monotonic() + 30
        while found != set(bodies) and time.monotonic() < limit:
            found.update(messages.pull(1))
        assert found == set(bodies)
        assert {"duplicate", "delay", "reorder", "loss"} <= {record.kind for record in messages.chaos.fired}
