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
    """Records pushes; `answer(body, number)` gives each one's status, or None to hang up.

    A body that is not JSON is recorded as it is, in `raw`, with its headers.
    """

    def __init__(self) -> None:
        self.pushes: list[tuple[float, dict[str, Any]]] = []
        self.raw: list[tuple[bytes, dict[str, str]]] = []
        self.answer: Callable[[dict[str, Any], int], int | None] = lambda body, number: 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                outer.raw.append((content, {key.lower(): value for key, value in self.headers.items()}))
                wrapped = self.headers["content-type"] == "application/json"
                body = json.loads(content) if wrapped else {}
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


def bare(endpoint: Endpoint, write_metadata: bool) -> dict[str, Any]:
    return {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": write_metadata}}


def test_without_a_wrapper_the_body_is_the_data_and_nothing_else_is_told(
    clients: Any, endpoint: Endpoint
) -> None:
    topic = clients.topic()
    clients.subscription(topic, push_config=bare(endpoint, False))
    clients.publish(topic, b"\x00\xffraw", kind="k")
    endpoint.wait(1)
    ((body, headers),) = endpoint.raw
    assert body == b"\x00\xffraw"
    assert "kind" not in headers
    assert not [name for name in headers if name.startswith("x-goog")]


def test_metadata_and_attributes_become_headers_where_http_can_carry_them(
    clients: Any, endpoint: Endpoint
) -> None:
    topic = clients.topic()
    subscription = clients.subscription(
        topic,
        push_config=bare(endpoint, True),
        dead_letter_policy={"dead_letter_topic": clients.topic(), "max_delivery_attempts": 5},
    )
    hostile = {
        "ce-Type": "t", "content-type": "text/plain", "Content-Length": "0", "Host": "evil", "Connection": "close",
        "Transfer-Encoding": "chunked", "spaced key": "x", "été": "x", "line": "a\r\nInjected: yes", "nul": "\x00",
        "colon:": "x", "padded": " x ", "x-goog-pubsub-message-id": "forged",
    }  # fmt: skip
    future = clients.publisher.publish(topic, b"", ordering_key="key", **hostile)
    message_id = future.result(timeout=10)
    endpoint.wait(1)
    ((body, headers),) = endpoint.raw
    assert body == b""
    assert headers["ce-type"] == "t"
    assert headers["content-type"] == "text/plain"
    assert headers["content-length"] == "0"
    assert headers["host"].startswith("127.0.0.1")
    assert headers["x-goog-pubsub-subscription-name"] == subscription
    assert headers["x-goog-pubsub-message-id"] == message_id
    assert headers["x-goog-pubsub-ordering-key"] == "key"
    assert headers["x-goog-pubsub-delivery-attempt"] == "1"
    assert headers["x-goog-pubsub-publish-time"].endswith("Z")
    left_out = {"transfer-encoding", "connection", "spaced key", "été", "line", "injected", "nul", "padded"}
    assert not left_out & set(headers)


def test_an_attribute_in_unicode_is_a_header_in_utf_8(clients: Any, endpoint: Endpoint) -> None:
    topic = clients.topic()
    clients.subscription(topic, push_config=bare(endpoint, True))
    clients.publish(topic, b"x", kind="e\u0301")
    endpoint.wait(1)
    ((_, headers),) = endpoint.raw
    assert headers["kind"].encode("latin-1").decode() == "e\u0301"


def test_who_signs_a_push_is_kept_as_it_was_told(clients: Any, endpoint: Endpoint) -> None:
    token = {"service_account_email": "a@b.iam.gserviceaccount.com", "audience": "https://a"}
    topic = clients.topic()
    subscription = clients.subscription(
        topic, push_config={"push_endpoint": endpoint.url, "oidc_token": token}
    )
    got = clients.subscriber.get_subscription(subscription=subscription).push_config.oidc_token
    assert {"service_account_email": got.service_account_email, "audience": got.audience} == token
    clients.publish(topic, b"x")
    endpoint.wait(1)


def test_a_detached_subscription_pushes_no_more(clients: Any, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _, number: 500
    topic = clients.topic()
    subscription = clients.subscription(
        topic, push_config={"push_endpoint": endpoint.url}, retry_policy=fast()
    )
    clients.publish(topic, b"x")
    endpoint.wait(1)
    clients.publisher.detach_subscription(request={"subscription": subscription})
    time.sleep(0.2)
    before = len(endpoint.pushes)
    clients.publish(topic, b"y")
    time.sleep(0.8)
    assert len(endpoint.pushes) == before
