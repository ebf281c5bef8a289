from __future__ import annotations

import base64
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest
from firestore_helpers import PROJECT, ROOT, commit, connected, name, put
from google.cloud import firestore
from google.cloud.firestore_v1.types import Document, Write
from google.events.cloud.firestore_v1 import DocumentEventData

from emulators.firestore import Change, FirestoreEmulator
from emulators.firestore.post import Poster
from emulators.firestore.schema import message
from emulators.patterns import compile_patterns


class Receiver:
    """An HTTP server that notes each event, and refuses the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.events: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        self.refusals = refusals
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                refuse = receiver.refusals > 0
                receiver.refusals -= refuse
                if not refuse:
                    receiver.events.put(({k.lower(): v for k, v in self.headers.items()}, data))
                self.send_response(503 if refuse else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test's output stays readable."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"

    def next(self) -> tuple[dict[str, str], Any]:
        headers, data = self.events.get(timeout=10)
        return headers, DocumentEventData.deserialize(data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@contextmanager
def serving(**options: Any) -> Iterator[firestore.Client]:
    emulator = FirestoreEmulator(**options)
    with connected(emulator.start()) as client:
        yield client
    emulator.stop()


def n(value: int) -> dict[str, Any]:
    return {"n": {"integer_value": value}}


def test_each_commit_is_told_of_in_order_with_what_was_before_and_after() -> None:
    told: list[list[Change]] = []
    with serving(on_commit=told.append) as client:
        first = commit(client, [put("C/a", n(1)), put("C/b", n(1))]).commit_time
        commit(client, [put("C/a", n(1))])
        commit(client, [put("C/a", n(2)), put("C/a", n(3)), Write(delete=name("C/none"))])
        commit(client, [Write(delete=name("C/a"))])
    read = message("Document").FromString
    short = [
        [
            (c.path, *(read(d).fields["n"].integer_value if d else None for d in (c.before, c.after)))
            for c in changes
        ]
        for changes in told
    ]
    assert short == [[("C/a", None, 1), ("C/b", None, 1)], [("C/a", 1, 3)], [("C/a", 3, None)]]
    assert (told[0][0].project, told[0][0].database) == (PROJECT, "(default)")
    assert told[0][0].time == first and told[0][0].time.tzinfo is UTC
    assert Document.deserialize(told[0][0].after).name == name("C/a")


def test_a_callback_that_fails_is_called_for_the_next_commit(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def callback(changes: list[Change]) -> None:
        told.append(changes[0].path)
        raise RuntimeError("on purpose")

    with serving(on_commit=callback) as client:
        commit(client, [put("C/a")])
        commit(client, [put("C/b")])
    assert told == ["C/a", "C/b"]
    assert "failed" in caplog.text


def test_a_slow_callback_does_not_hold_up_commits() -> None:
    release = threading.Event()
    told: list[str] = []

    def callback(changes: list[Change]) -> None:
        release.wait(10)
        told.extend(change.path for change in changes)

    with serving(on_commit=callback) as client:
        for number in range(50):
            commit(client, [put(f"C/{number:02}")])
        assert told == []
        release.set()
    assert told == [f"C/{number:02}" for number in range(50)]


def test_a_change_is_posted_once_as_a_cloud_event(receiver: Receiver) -> None:
    with serving(events=receiver.url) as client:
        commit(client, [put("C/a", n(1))])
        headers, data = receiver.next()
        assert headers["content-type"] == "application/protobuf"
        attributes = {
            key.removeprefix("ce-"): unquote(value) for key, value in headers.items() if key.startswith("ce-")
        }
        assert attributes.pop("id") and attributes.pop("time").endswith("Z")
        assert attributes == {
            "specversion": "1.0",
            "type": "google.cloud.firestore.document.v1.written",
            "source": f"//firestore.googleapis.com/projects/{PROJECT}/databases/(default)",
            "subject": "documents/C/a",
            "project": PROJECT,
            "database": "(default)",
            "namespace": "(default)",
            "document": "C/a",
            "location": "local",
            "authtype": "unauthenticated",
        }
        assert "value" in data and "old_value" not in data
        assert data.value.name == name("C/a") and data.value.fields["n"].integer_value == 1
        commit(client, [put("C/a", {**n(2), "m": {"map_value": {"fields": {"é x": {"null_value": 0}}}}})])
        _, data = receiver.next()
        assert data.old_value.fields["n"].integer_value == 1 and data.value.fields["n"].integer_value == 2
        assert list(data.update_mask.field_paths) == ["m", "n"]
        commit(client, [put("C/a", {**n(2), "m": {"map_value": {"fields": {"é x": {"integer_value": 0}}}}})])
        assert list(receiver.next()[1].update_mask.field_paths) == ["m.`é x`"]
        commit(client, [Write(delete=name("C/a"))])
        _, data = receiver.next()
        assert "value" not in data and data.old_value.name == name("C/a")


def id_token(**claims: str) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


@pytest.mark.parametrize(
    ("authorization", "auth_type", "auth_id"),
    [
        (None, "unauthenticated", None),
        ("Bearer owner", "service_account", "owner"),
        ("bearer " + id_token(sub="user-é") + ".", "unknown", "user-é"),
        ("Bearer " + id_token(name="no subject") + ".", "unknown", None),
        ("Bearer not.a.token", "unknown", None),
        ("Bearer ..", "unknown", None),
        ("Bearer", "unknown", None),
        ("Basic b3duZXI=", "unknown", None),
    ],
)
def test_an_event_says_who_made_the_change(
    receiver: Receiver, authorization: str | None, auth_type: str, auth_id: str | None
) -> None:
    metadata = [] if authorization is None else [("authorization", authorization)]
    with serving(events=receiver.url) as client:
        request = {"database": ROOT, "writes": [put("C/a")]}
        client._firestore_api.commit(request=request, metadata=metadata)
        headers, _ = receiver.next()
        assert headers["ce-authtype"] == auth_type
        assert (unquote(headers["ce-authid"]) if "ce-authid" in headers else None) == auth_id
        # What one call said of itself is not said of the next.
        commit(client, [put("C/b")])
        assert receiver.next()[0]["ce-authtype"] == "unauthenticated"


def test_names_of_all_kinds_pass_through_headers(receiver: Receiver) -> None:
    odd = ["C/e\u0301", "C/\u00e9", "C/a b%20", 'C/"\n\x01', "C/\U0001f600"]
    with serving(events=receiver.url) as client:
        commit(client, [put(path) for path in odd])
        found = [receiver.next() for _ in odd]
    assert [unquote(headers["ce-document"]) for headers, _ in found] == odd
    assert len({headers["ce-id"] for headers, _ in found}) == len(odd)


def test_an_event_is_posted_until_it_is_taken_and_in_order(receiver: Receiver) -> None:
    receiver.refusals = 3
    with serving(events=receiver.url) as client:
        for value in range(5):
            commit(client, [put("C/a", n(value))])
        found = [receiver.next() for _ in range(5)]
    assert [data.value.fields["n"].integer_value for _, data in found] == list(range(5))


def test_filters_choose_what_is_posted(receiver: Receiver) -> None:
    with serving(events=receiver.url, events_filter=["C/{id}", "D/{all=**}"]) as client:
        commit(client, [put(path) for path in ("E/a", "C/a/S/b", "C/a", "D/a/S/b", "CC/a")])
        found = [receiver.next()[0]["ce-document"] for _ in range(2)]
    assert found == ["C/a", "D/a/S/b"]
    assert receiver.events.empty()


def test_a_receiver_that_is_away_neither_holds_up_commits_nor_the_stop() -> None:
    with serving(events="http://127.0.0.1:1/events") as client:
        for number in range(20):
            commit(client, [put(f"C/{number}")])
        began = time.monotonic()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("url", ["https://example.com/", "ftp://x", "127.0.0.1:80", ""])
def test_only_an_http_url_is_posted_to(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Poster(url, threading.Event())


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("users/{id}", "users/a", True),
        ("users/{id}", "users/a/b/c", False),
        ("users/{id}", "usersx/a", False),
        ("users/{id}/orders/{order}", "users/a/orders/b", True),
        ("users/{id=*}", "users/a", True),
        ("{all=**}", "users/a/b/c", True),
        ("users/{all=**}", "users/a/b/c", True),
        ("users/{all=**}", "other/a", False),
        ("us.rs/{id}", "users/a", False),
        ("users/fixed", "users/fixed", True),
        ("users/{id}", "users/a\nb", True),
    ],
)
def test_patterns_match_as_triggers_do(pattern: str, path: str, *, matches: bool) -> None:
    assert compile_patterns([pattern])(path) is matches
    assert compile_patterns([])(path)
