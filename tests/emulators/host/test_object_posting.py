"""The Cloud Storage emulator tells a receiver of changes: in order, until they are taken, and never in the way."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from emulators.storage import StorageEmulator
from emulators.storage.changes import Change, Dispatcher
from emulators.storage.events import event_attributes, event_data


class Receiver:
    """Notes each event, and refuses the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.events: queue.SimpleQueue[tuple[dict[str, str], Any]] = queue.SimpleQueue()
        left = [503] * refusals

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:  # noqa: N805
                data = handler.rfile.read(int(handler.headers["Content-Length"]))
                status = left.pop() if left else 202
                if status == 202:
                    self.events.put(({k.lower(): v for k, v in handler.headers.items()}, json.loads(data)))
                handler.send_response(status)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test's output stays readable."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events/storage"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(url: str, *watched: str) -> Iterator[str]:
    emulator = StorageEmulator(buckets=["bucket-a", "bucket-b"], events=url, event_buckets=watched)
    try:
        yield f"http://{emulator.start()}"
    finally:
        emulator.stop()


def upload(base: str, bucket: str, name: str) -> None:
    target = f"{base}/upload/storage/v1/b/{bucket}/o"
    answer = requests.post(target, params={"uploadType": "media", "name": name}, data=b"x", timeout=10)
    answer.raise_for_status()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(refusals=3)
    yield made
    made.close()


def test_changes_are_posted_in_order_until_they_are_taken(receiver: Receiver) -> None:
    with serving(receiver.url, "bucket-a") as base:
        for name in ("b", "a", "b"):
            upload(base, "bucket-a", name)
            upload(base, "bucket-b", name)
        found = [receiver.events.get(timeout=10) for _ in range(4)]
    assert [(headers["ce-type"].rpartition(".")[2], data["name"]) for headers, data in found] == [
        ("finalized", "b"),
        ("finalized", "a"),
        ("deleted", "b"),
        ("finalized", "b"),
    ]
    assert receiver.events.empty()
    assert len({headers["ce-id"] for headers, _ in found}) == 4


def test_a_receiver_that_is_away_holds_up_neither_uploads_nor_the_stop() -> None:
    began = time.monotonic()
    with serving("http://127.0.0.1:1/events", "bucket-a") as base:
        for number in range(20):
            upload(base, "bucket-a", str(number))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("url", ["https://example.com/", "127.0.0.1:80", ""])
def test_only_an_http_url_is_posted_to(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        StorageEmulator(events=url)


def change(**resource: Any) -> Change:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Change("metadataUpdate", "bucket-a", "a/\u00e9", 7, when, {"name": "a/\u00e9", **resource})


def test_what_the_event_s_message_has_no_field_for_is_left_out() -> None:
    data = json.loads(
        event_data(change(size="1", retention={"mode": "Locked"}, softDeleteTime="x", timeFinalized="y"))
    )
    assert data == {"name": "a/\u00e9", "size": "1"}
    assert event_attributes(change(), "5") == {
        "specversion": "1.0",
        "id": "5",
        "type": "google.cloud.storage.object.v1.metadataUpdated",
        "source": "//storage.googleapis.com/projects/_/buckets/bucket-a",
        "subject": "objects/a/\u00e9",
        "time": "2026-01-02T03:04:05.000000Z",
        "bucket": "bucket-a",
    }


def test_changes_that_wait_for_a_slow_receiver_are_bounded_and_what_is_lost_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = threading.Event()
    told: list[Change] = []

    def slow(one: Change) -> None:
        release.wait(10)
        told.append(one)

    dispatcher = Dispatcher(slow, most=5)
    dispatcher.start()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            dispatcher.offer(change())
    release.set()
    dispatcher.stop()
    assert 5 <= len(told) <= 6
    assert "not told of so far" in caplog.text
