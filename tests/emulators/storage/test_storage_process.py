"""The emulator as a process, what it refuses to do, and its notifications to Pub/Sub."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1, storage
from storage_helpers import PROJECT, Raw, connected, wait_for

from emulators.pubsub import PubSubEmulator
from emulators.storage import Change, StorageEmulator
from emulators.storage.pubsub import Publisher
from shared.errors import BadInput, Unavailable


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "emulators.storage", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_serves_and_stops_cleanly(number: signal.Signals) -> None:
    with start("--port", "0", "--bucket", "first-bucket", "--project-id", "demo-x") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("storage ready 127.0.0.1:")
        with Raw(line.split()[-1]) as raw:
            listed = raw("GET", "/storage/v1/b?project=demo-x").json["items"]
            assert [each["name"] for each in listed] == ["first-bucket"]
            process.send_signal(number)
            assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_only_loopback_addresses_are_served(host: str) -> None:
    with pytest.raises(BadInput, match="loopback"):
        StorageEmulator(host)


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    first = StorageEmulator()
    port = int(first.start().rsplit(":", 1)[1])
    second = StorageEmulator(port=port)
    with pytest.raises(Unavailable, match=str(port)):
        second.start()
    second.stop()
    first.stop()


def test_a_bucket_that_cannot_be_ends_the_process_with_its_reason() -> None:
    with start("--bucket", "Not A Bucket") as process:
        assert process.wait(10) == BadInput.exit_status
        assert process.stderr is not None
        assert "Not A Bucket" in process.stderr.read()


def test_stopping_ends_open_connections_and_delivers_what_happened() -> None:
    changes: list[Change] = []
    emulator = StorageEmulator(buckets=["told"], on_change=changes.append)
    address = emulator.start()
    client = connected(address)
    for i in range(50):
        client.bucket("told").blob(str(i)).upload_from_string(b"")
    with Raw(address) as raw:
        assert raw("GET", "/storage/v1/b/told").status == 200
        emulator.stop()
        with pytest.raises(OSError):
            raw("GET", "/storage/v1/b/told")
    client.close()
    assert len(changes) == 50


def test_a_sink_that_fails_misses_only_what_it_failed_on() -> None:
    seen: list[str] = []

    def sink(change: Change) -> None:
        if change.name == "bad":
            raise ValueError(change.name)
        seen.append(change.name)

    emulator = StorageEmulator(buckets=["told"], on_change=sink)
    client = connected(emulator.start())
    for name in ("one", "bad", "two"):
        client.bucket("told").blob(name).upload_from_string(b"")
    client.close()
    emulator.stop()
    assert seen == ["one", "two"]


@pytest.fixture(scope="module")
def pubsub() -> Iterator[tuple[str, pubsub_v1.PublisherClient, pubsub_v1.SubscriberClient]]:
    emulator = PubSubEmulator()
    address = emulator.start()
    os.environ["PUBSUB_EMULATOR_HOST"] = address
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    del os.environ["PUBSUB_EMULATOR_HOST"]
    yield address, publisher, subscriber
    publisher.stop()
    publisher.transport.close()
    subscriber.close()
    emulator.stop()


def test_changes_are_published_as_the_configuration_wants(
    pubsub: tuple[str, pubsub_v1.PublisherClient, pubsub_v1.SubscriberClient],
) -> None:
    address, publisher, subscriber = pubsub
    topic, subscription = f"projects/{PROJECT}/topics/objects", f"projects/{PROJECT}/subscriptions/objects"
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=subscription, topic=topic)
    emulator = StorageEmulator(buckets=["noted"], pubsub=address)
    client = connected(emulator.start())
    bucket = client.bucket("noted")
    options = {
        "custom_attributes": {"mine": "yes"},
        "event_types": ["OBJECT_FINALIZE", "OBJECT_DELETE"],
        "blob_name_prefix": "in/",
        "payload_format": "JSON_API_V1",
    }
    bucket.notification("objects", topic_project=PROJECT, **options).create()
    assert [each.topic_name for each in bucket.list_notifications()] == ["objects"]
    for name in ("in/a", "out/b"):
        bucket.blob(name).upload_from_string(b"data")
    bucket.delete_blob("in/a")
    found: dict[str, pubsub_v1.types.PubsubMessage] = {}

    def pulled() -> list[pubsub_v1.types.PubsubMessage]:
        # A message that is not acknowledged comes again, and on a busy machine within the test.
        answer = subscriber.pull(subscription=subscription, max_messages=10, timeout=30)
        found.update({each.message.message_id: each.message for each in answer.received_messages})
        return list(found.values())

    messages = sorted(wait_for(pulled, 2), key=lambda each: each.attributes["eventTime"])
    assert [each.attributes["eventType"] for each in messages] == ["OBJECT_FINALIZE", "OBJECT_DELETE"]
    first = messages[0]
    assert (first.attributes["objectId"], first.attributes["bucketId"], first.attributes["mine"]) == (
        "in/a",
        "noted",
        "yes",
    )
    assert first.attributes["notificationConfig"] == "projects/_/buckets/noted/notificationConfigs/1"
    assert json.loads(first.data)["size"] == "4"
    bucket.get_notification("1").delete()
    assert list(bucket.list_notifications()) == []
    with pytest.raises(exceptions.NotFound, match="topic"):
        bucket.notification("missing", topic_project=PROJECT).create()
    client.close()
    emulator.stop()


def test_without_pubsub_a_notification_says_what_it_needs(bucket: storage.Bucket) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="--pubsub"):
        bucket.notification("objects", topic_project=PROJECT).create()


def test_a_topic_that_cannot_be_asked_for_is_not_said_to_be_missing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        publisher = Publisher(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
            publisher.has_topic(f"projects/{PROJECT}/topics/t")
        publisher.close()
