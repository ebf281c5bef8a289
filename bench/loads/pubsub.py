"""Messages published, pulled and pushed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1.types import AcknowledgeRequest, PublishRequest, PullRequest, PullResponse

from bench.loads.calls import against, asked, send, unary
from bench.loads.timing import seconds
from bench.place import PROJECT, environment, served
from bench.report import Row, per_second
from bench.scale import Scale

_PUBLISHER = "/google.pubsub.v1.Publisher/"
_SUBSCRIBER = "/google.pubsub.v1.Subscriber/"
_TOPIC = f"projects/{PROJECT}/topics/bench"
_SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/bench"
_BODY = b"x" * 256
_TOGETHER = 500
_ID_BYTES = 20
_LIMIT_S = 120


def rows(scale: Scale) -> list[Row]:
    number = scale.small // _TOGETHER * _TOGETHER
    with served("emulators.pubsub") as host, served("bench.loads.bare", "grpc") as bare:
        with environment({"PUBSUB_EMULATOR_HOST": host}):
            publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        with (
            publisher,
            subscriber,
            grpc.insecure_channel(host) as channel,
            grpc.insecure_channel(bare) as other,
        ):
            publisher.create_topic(name=_TOPIC)
            subscriber.create_subscription(name=_SUBSCRIPTION, topic=_TOPIC)
            return [
                *_raw(channel, other, number),
                *_by_client(publisher, subscriber, number // 5),
                *_pushed(publisher, subscriber, number // 25),
            ]


def _raw(channel: grpc.Channel, other: grpc.Channel, number: int) -> Iterator[Row]:
    one = PublishRequest.serialize(PublishRequest(topic=_TOPIC, messages=[{"data": _BODY}] * _TOGETHER))
    requests = [one] * (number // _TOGETHER)
    taken = seconds(partial(send, unary(channel, f"{_PUBLISHER}Publish"), requests, ()))
    bare = seconds(partial(send, unary(other, "/bare/Echo"), requests, asked(_ID_BYTES * _TOGETHER)))
    yield against(f"Pub/Sub, raw messages of 256 bytes published, {_TOGETHER} a call", number, taken, bare)
    taken = seconds(partial(_pulled, channel, number))
    yield Row(
        f"Pub/Sub, raw messages pulled and acknowledged, {_TOGETHER} a call", per_second(number / taken)
    )


def _pulled(channel: grpc.Channel, number: int) -> None:
    pull, acknowledge = (unary(channel, f"{_SUBSCRIBER}{name}") for name in ("Pull", "Acknowledge"))
    request = PullRequest.serialize(PullRequest(subscription=_SUBSCRIPTION, max_messages=_TOGETHER))
    message = type(PullResponse.pb(PullResponse()))
    while number > 0:
        found = message.FromString(pull(request, timeout=60)).received_messages
        ids = [each.ack_id for each in found]
        done = AcknowledgeRequest(subscription=_SUBSCRIPTION, ack_ids=ids)
        acknowledge(AcknowledgeRequest.serialize(done), timeout=60)
        number -= len(ids)


def _by_client(publisher: Any, subscriber: Any, number: int) -> Iterator[Row]:
    def publish() -> None:
        for future in [publisher.publish(_TOPIC, _BODY) for _ in range(number)]:
            future.result(_LIMIT_S)

    yield Row("Pub/Sub, Google's client, published one by one", per_second(number / seconds(publish)))
    left = _Countdown(number)

    def take(message: Any) -> None:
        message.ack()
        left.one()

    def pull() -> None:
        pulling = subscriber.subscribe(_SUBSCRIPTION, take)
        left.wait()
        pulling.cancel()
        pulling.result(_LIMIT_S)

    yield Row("Pub/Sub, Google's client, streaming pull", per_second(number / seconds(pull)))


def _pushed(publisher: Any, subscriber: Any, number: int) -> Iterator[Row]:
    left = _Countdown(number)
    with _endpoint(left) as url:
        name = f"{_SUBSCRIPTION}-pushed"
        subscriber.create_subscription(name=name, topic=_TOPIC, push_config={"push_endpoint": url})

        def push() -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lambda: [publisher.publish(_TOPIC, _BODY) for _ in range(number)])
                left.wait()

        yield Row("Pub/Sub, messages pushed, from publishing on", per_second(number / seconds(push)))
        subscriber.delete_subscription(subscription=name)


class _Countdown:
    """Waits until so many things have happened. Raises TimeoutError when they do not."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()
        self._done = threading.Event()

    def one(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._done.set()

    def wait(self) -> None:
        if not self._done.wait(_LIMIT_S):
            raise TimeoutError(f"{self._left} messages did not come in {_LIMIT_S} s")


@contextmanager
def _endpoint(left: _Countdown) -> Iterator[str]:
    """A web server in this process that takes messages."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the name that http.server calls
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response_only(204)
            self.end_headers()
            left.one()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/push"
    server.shutdown()
    server.server_close()
    thread.join()
