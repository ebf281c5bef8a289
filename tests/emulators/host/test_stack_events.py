"""From a change of a stored object or a document to the functions that listen, through the stack's processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage
from host_helpers import APP, until

from emulators.stack import Stack, StackOptions
from functions.event import ObjectPointer, object_of
from functions.table import DocumentTrigger, FunctionSpec, HttpTrigger, ObjectTrigger, Trigger

PROJECT = "demo-firekeep"
BUCKET = "watched-bucket"
TYPE = "google.cloud.storage.object.v1."


@dataclass
class Scene:
    stack: Stack
    seen: Path
    objects: storage.Client
    log: list[tuple[str, str]] = field(default_factory=list)

    def calls(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.seen.glob(f"{name}-*.json"))]


@contextmanager
def scene(seen: Path, monkeypatch: pytest.MonkeyPatch, **triggers: Trigger) -> Iterator[Scene]:
    table = tuple(FunctionSpec(name, trigger, "x", max_attempts=4) for name, trigger in triggers.items())
    log: list[tuple[str, str]] = []
    options = StackOptions(
        APP,
        table,
        PROJECT,
        storage_port=0,
        env={"SEEN_DIR": str(seen)},
        backoff_s=(0.05, 0.1),
        log=lambda name, line: log.append((name, line)),
    )
    with Stack(options) as stack:
        for variable in ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
            monkeypatch.setenv(variable, stack.env[variable])
        client = storage.Client(project=PROJECT, credentials=AnonymousCredentials())
        yield Scene(stack, seen, client, log)
        client.close()


class Event:
    def __init__(self, data: Any) -> None:
        self.data = data

    def get_attributes(self) -> dict[str, str]:
        return {}


def test_an_object_s_life_is_told_as_the_platform_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triggers = {
        "echo": ObjectTrigger("finalized", BUCKET),
        "other": ObjectTrigger("deleted", BUCKET),
        "talk": ObjectTrigger("finalized", "another-bucket"),
    }
    names = ["a b/caf\u00e9", "a b/cafe\u0301", "100%", 'quote"s', "\U0001f600"]
    with scene(tmp_path, monkeypatch, **triggers) as made:
        bucket = made.objects.bucket(BUCKET)
        generations = {}
        for name in names:
            blob = bucket.blob(name)
            blob.metadata = {"k": "v"}
            blob.upload_from_string(b"content", content_type="text/x", if_generation_match=0)
            generations[name] = int(blob.generation or 0)
            blob.metadata = {"k": "w"}
            blob.patch()
            blob.delete()
        until(lambda: len(made.calls("echo")) == len(made.calls("other")) == len(names), 30)
        calls = made.calls("echo")
        deleted = made.calls("other")
        said = [line for name, line in made.log if name == "talk"]
    assert {unquote(call["attributes"]["subject"]) for call in calls} == {f"objects/{name}" for name in names}
    assert {call["attributes"]["type"] for call in calls} == {TYPE + "finalized"}
    assert {call["attributes"]["type"] for call in deleted} == {TYPE + "deleted"}
    for call in calls:
        attributes, data = call["attributes"], call["data"]
        assert attributes["source"] == f"//storage.googleapis.com/projects/_/buckets/{BUCKET}"
        assert attributes["bucket"] == BUCKET
        assert attributes["datacontenttype"] == "application/json"
        assert attributes["time"].endswith("Z")
        assert (data["size"], data["metageneration"], data["contentType"]) == ("7", "1", "text/x")
        assert data["metadata"] == {"k": "v"}
        name = unquote(attributes["subject"]).removeprefix("objects/")
        assert object_of(Event(data)) == ObjectPointer(BUCKET, name, generations[name])
    assert len({call["attributes"]["id"] for call in [*calls, *deleted]}) == 2 * len(names)
    assert said == []


def test_versions_and_metadata_have_events_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triggers = {
        "echo": ObjectTrigger("archived", BUCKET),
        "other": ObjectTrigger("metadataUpdated", BUCKET),
    }
    with scene(tmp_path, monkeypatch, **triggers) as made:
        bucket = made.objects.get_bucket(BUCKET)
        bucket.versioning_enabled = True
        bucket.patch()
        blob = bucket.blob("a")
        blob.upload_from_string(b"1")
        first = blob.generation
        blob.upload_from_string(b"22")
        blob.metadata = {"k": "v"}
        blob.patch()
        until(lambda: made.calls("echo") and made.calls("other"), 30)
        (archived,), (updated,) = made.calls("echo"), made.calls("other")
    assert archived["data"]["generation"] == str(first)
    assert "timeDeleted" in archived["data"]
    assert updated["attributes"]["type"] == TYPE + "metadataUpdated"


def test_an_event_is_tried_again_until_the_function_takes_it_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triggers = {
        "flaky": ObjectTrigger("finalized", BUCKET),
        "never": ObjectTrigger("finalized", BUCKET),
        "crash": ObjectTrigger("finalized", BUCKET),
    }
    with scene(tmp_path, monkeypatch, **triggers) as made:
        made.objects.bucket(BUCKET).blob("a").upload_from_string(b"")
        until(lambda: any("dropped after 4 attempts" in line for _, line in made.log), 30)
        until(lambda: len(made.calls("flaky")) == 3 and len(made.calls("crash")) == 2, 30)
        time.sleep(0.3)
        assert (len(made.calls("flaky")), len(made.calls("never")), len(made.calls("crash"))) == (3, 4, 2)


def test_documents_come_as_json_with_the_auth_context_and_http_functions_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triggers = {
        "echo": DocumentTrigger(
            "created", "users/{id=**}", auth_context=True, content_type="application/json"
        ),
        "hello": HttpTrigger(),
    }
    with scene(tmp_path, monkeypatch, **triggers) as made:
        client = firestore.Client(project=PROJECT)
        client.document("users/a/posts/b").set({"n": 2**53 + 1, "t": "\u00e9"})
        client.close()
        until(lambda: made.calls("echo"), 30)
        (call,) = made.calls("echo")
        answer = requests.get(f"{made.stack.url}/hello/x?a=1", timeout=30)
    assert call["attributes"]["type"] == "google.cloud.firestore.document.v1.created.withAuthContext"
    assert (call["attributes"]["authtype"], call["attributes"]["authid"]) == ("service_account", "owner")
    assert call["attributes"]["datacontenttype"] == "application/json"
    fields = {"n": {"integerValue": str(2**53 + 1)}, "t": {"stringValue": "\u00e9"}}
    assert call["data"]["value"]["fields"] == fields
    assert set(call["data"]) == {"value"}
    assert answer.status_code == 201
    assert answer.json()["path"] == "/x"
