"""One emulator for each module, and Google's own clients for it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from google.cloud import pubsub_v1

from emulators.pubsub import PubSubEmulator

PROJECT = "demo-firekeep"


@dataclass
class Clients:
    publisher: pubsub_v1.PublisherClient
    subscriber: pubsub_v1.SubscriberClient

    def topic(self, name: str | None = None) -> str:
        path = f"projects/{PROJECT}/topics/{name or 't' + uuid.uuid4().hex}"
        return str(self.publisher.create_topic(name=path).name)

    def subscription(self, topic: str, **settings: object) -> str:
        path = f"projects/{PROJECT}/subscriptions/s{uuid.uuid4().hex}"
        request = {"name": path, "topic": topic, **settings}
        return str(self.subscriber.create_subscription(request=request).name)

    def publish(self, topic: str, *bodies: bytes, **attributes: str) -> list[str]:
        futures = [self.publisher.publish(topic, body, **attributes) for body in bodies]
        return [future.result(timeout=10) for future in futures]

    def pull(
        self, subscription: str, most: int = 1000, wait: float = 5.0
    ) -> list[pubsub_v1.types.ReceivedMessage]:
        answer = self.subscriber.pull(subscription=subscription, max_messages=most, timeout=wait, retry=None)
        return list(answer.received_messages)


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    server = PubSubEmulator()
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def clients(emulator: str) -> Iterator[Clients]:
    os.environ["PUBSUB_EMULATOR_HOST"] = emulator
    publisher = pubsub_v1.PublisherClient(
        publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    )
    subscriber = pubsub_v1.SubscriberClient()
    del os.environ["PUBSUB_EMULATOR_HOST"]
    yield Clients(publisher, subscriber)
    publisher.stop()
    publisher.transport.close()
    subscriber.close()
