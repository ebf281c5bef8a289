"""Google's clients on emulators of which something is to go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1

from emulators.chaos import Chaos, Fault, Plan, chaos
from emulators.firestore import FirestoreEmulator
from emulators.pubsub import PubSubEmulator

PROJECT = "demo-firekeep"


@contextmanager
def hostile_firestore(*planned: Fault | Plan) -> Iterator[tuple[firestore.Client, Chaos]]:
    with chaos(*planned) as controller, pytest.MonkeyPatch.context() as environment:
        emulator = FirestoreEmulator(chaos=controller)
        environment.setenv("FIRESTORE_EMULATOR_HOST", emulator.start())
        client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
        try:
            yield client, controller
        finally:
            client.close()
            emulator.stop()


class Messages:
    """A topic and a subscription, and Google's clients for them."""

    def __init__(self, chaos: Chaos, **settings: Any) -> None:
        self.chaos = chaos
        ordered = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        self.publisher = pubsub_v1.PublisherClient(publisher_options=ordered)
        self.subscriber = pubsub_v1.SubscriberClient()
        self.topic = f"projects/{PROJECT}/topics/things"
        self.subscription = f"projects/{PROJECT}/subscriptions/readers"
        self.publisher.create_topic(name=self.topic)
        request = {"name": self.subscription, "topic": self.topic, **settings}
        self.subscriber.create_subscription(request=request)

    def publish(self, *bodies: bytes, **more: Any) -> list[str]:
        return [self.publisher.publish(self.topic, body, **more).result(20) for body in bodies]

    def pull(self, enough: int, wait: float = 5.0) -> list[bytes]:
        """Bodies as they come, acknowledged, until there are enough or nothing has come for `wait` seconds."""
        found: list[bytes] = []
        while len(found) < enough:
            request = {"subscription": self.subscription, "max_messages": 1}
            answer = self.subscriber.pull(request=request, timeout=wait)
            if not answer.received_messages:
                break
            found += [each.message.data for each in answer.received_messages]
            ids = [each.ack_id for each in answer.received_messages]
            self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)
        return found

    def close(self) -> None:
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()


@contextmanager
def hostile_messages(*planned: Fault | Plan, **settings: Any) -> Iterator[Messages]:
    with chaos(*planned) as controller, pytest.MonkeyPatch.context() as environment:
        emulator = PubSubEmulator(chaos=controller)
        environment.setenv("PUBSUB_EMULATOR_HOST", emulator.start())
        messages = Messages(controller, **settings)
        try:
            yield messages
        finally:
            messages.close()
            emulator.stop()


def status_of(error: BaseException | None) -> grpc.StatusCode | None:
    """The status in an error of Google's libraries, or of grpc."""
    while error is not None and not isinstance(error, grpc.Call):
        error = error.__cause__
    return error.code() if isinstance(error, grpc.Call) else None
