"""Push delivery to a real HTTP server that answers as the test says."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Endpoint:
    """Records pushes; `answer(body, number)` gives each one's status, or None to hang up."""

    def __init__(self) -> None:
        self.pushes: list[tuple[float, dict[str, Any]]] = []
        self.answer: Callable[[dict[str, Any], int], int | None] = lambda body, number: 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.pushes.append((time.monotonic(), body))
                status = outer.answer(body, len(outer.pushes))
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/push?token=a"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count: int, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while len(self.pushes) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.pushes) >= count


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


def fast() -> dict[str, Any]:
    return {"minimum_backoff": {"nanos": 10**8}, "maximum_backoff": {"nanos": 4 * 10**8}}


def test_a_push_has_the_shape_of_the_services(clients: Any, endpoint: Endpoint) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, push_config={"push_endpoint": endpoint.url})
    clients.publisher.publish(topic, b"\x00\xffhello", ordering_key="k", kind="é").result(timeout=10)
    clients.publish(topic, b"", only="attributes")
    endpoint.wait(2)
    bodies = sorted((body for _, body in endpoint.pushes), key=lambda body: body["message"]["messageId"])
    message = bodies[0]["message"]
    assert set(bodies[0]) == {"message", "subscription"}
    assert bodies[0]["subscription"] == subscription
    assert base64.b64decode(message["data"]) == b"\x00\xffhello"
    assert message["attributes"] == {"kind": "é"}
    assert message["orderingKey"] == "k"
    assert message["messageId"] == message["message_id"]
    assert message["publishTime"] == message["publish_time"]
    assert message["publishTime"].endswith("Z")
    assert set(bodies[1]["message"]) == {
        "attributes",
        "messageId",
        "message_id",
        "publishTime",
        "publish_time",
    }


def test_failures_are_pushed_again_after_the_backoff_until_one_succeeds(
    clients: Any, endpoint: Endpoint
) -> None:
    statuses = [500, None, 404, 302, 201]
    endpoint.answer = lambda _, number: statuses[number - 1]
    topic, dead = clients.topic(), clients.topic()
    clients.subscription(
        topic,
        push_config={"push_endpoint": endpoint.url},
        retry_policy=fast(),
        dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": 9},
    )
    clients.publish(topic, b"x")
    endpoint.wait(5)
    time.sleep(0.6)
    assert [body["deliveryAttempt"] for _, body in endpoint.pushes] == [1, 2, 3, 4, 5]
    times = [at for at, _ in endpoint.pushes]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    for pause, least in zip(pauses, [0.1, 0.2, 0.4, 0.4], strict=True):
        assert least - 0.02 < pause < least + 0.5


def test_after_the_last_attempt_the_message_is_in_the_dead_letter_topic(
    clients: Any, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _, number: 500
    topic, dead = clients.topic(), clients.topic()
    grave = clients.subscription(dead)
    clients.subscription(
        topic,
        push_config={"push_endpoint": endpoint.url},
        retry_policy={"minimum_backoff": {"nanos": 10**7}, "maximum_backoff": {"nanos": 10**7}},
        dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": 5},
    )
    clients.publish(topic, b"poison")
    (letter,) = clients.pull(grave)
    assert letter.message.data == b"poison"
    time.sleep(0.2)
    assert len(endpoint.pushes) == 5


def test_an_endpoint_that_is_not_there_yet_gets_everything_later(clients: Any, endpoint: Endpoint) -> None:
    topic = clients.topic()
    subscription = clients.subscription(
        topic, push_config={"push_endpoint": "http://127.0.0.1:1/"}, retry_policy=fast()
    )
    clients.publish(topic, *[str(index).encode() for index in range(20)])
    time.sleep(0.2)
    clients.subscriber.modify_push_config(
        subscription=subscription, push_config={"push_endpoint": endpoint.url}
    )
    endpoint.wait(20)
    assert len({body["message"]["messageId"] for _, body in endpoint.pushes}) == 20


def test_hundreds_of_messages_are_pushed_over_kept_connections(clients: Any, endpoint: Endpoint) -> None:
    topic = clients.topic()
    clients.subscription(topic, push_config={"push_endpoint": endpoint.url})
    start = time.monotonic()
    clients.publish(topic, *[str(index).encode() for index in range(500)])
    endpoint.wait(500)
    assert time.monotonic() - start < 8
    assert len({body["message"]["messageId"] for _, body in endpoint.pushes}) == 500
