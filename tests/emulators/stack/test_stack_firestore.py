"""From a Firestore write to the functions that listen for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from google.cloud import firestore
from stack_helpers import Scene, document_function, emulated, scene, until

TABLE = (
    document_function("echo", "written", "users/{id}", workers=2),
    document_function("other", "created", "users/{id}/posts/{rest=**}"),
    document_function("crash", "deleted", "crashers/{id}"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    seen = tmp_path_factory.mktemp("seen")
    with scene(seen, *TABLE, firestore_address=None, backoff_s=(0.05, 0.1)) as made:
        yield made


@pytest.fixture(scope="module")
def database(running: Scene) -> Iterator[firestore.Client]:
    with emulated("FIRESTORE_EMULATOR_HOST", running.stack.env["FIRESTORE_EMULATOR_HOST"]):
        client = firestore.Client(project="demo-firekeep")
        yield client
        client.close()


def test_each_write_is_told_to_those_who_listen(running: Scene, database: firestore.Client) -> None:
    database.document("others/a").set({"n": 0})
    for path in ("users/caf\u00e9", "users/cafe\u0301", "users/100%"):
        document = database.document(path)
        document.set({"n": 1})
        document.update({"n": 2})
        document.delete()
    until(lambda: len(running.calls("echo")) >= 9)
    calls = running.calls("echo")
    paths = {unquote(call["attributes"]["document"]) for call in calls}
    assert paths == {"users/caf\u00e9", "users/cafe\u0301", "users/100%"}
    assert {call["attributes"]["type"] for call in calls} == {"google.cloud.firestore.document.v1.written"}
    assert {call["attributes"]["database"] for call in calls} == {"(default)"}
    time.sleep(0.2)
    assert len(running.calls("echo")) == 9


def test_only_the_kind_of_change_and_the_path_asked_for_come_through(
    running: Scene, database: firestore.Client
) -> None:
    deep = database.document("users/a/posts/b/comments/c")
    deep.set({"n": 1})
    deep.set({"n": 2})
    deep.delete()
    until(lambda: running.calls("other"))
    time.sleep(0.2)
    (call,) = running.calls("other")
    assert call["attributes"]["type"] == "google.cloud.firestore.document.v1.created"
    assert call["attributes"]["subject"] == "documents/users/a/posts/b/comments/c"


def test_an_event_survives_the_death_of_the_function(running: Scene, database: firestore.Client) -> None:
    document = database.document("crashers/a")
    document.set({})
    document.delete()
    until(lambda: len(running.calls("crash")) == 2)


def test_the_host_variables_are_those_the_client_libraries_read(running: Scene) -> None:
    assert running.stack.env["GOOGLE_CLOUD_PROJECT"] == running.stack.env["GCLOUD_PROJECT"] == "demo-firekeep"
    for name in ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "FUNCTIONS_EMULATOR_HOST"):
        assert running.stack.env[name].startswith("127.0.0.1:")
    assert set(running.stack.emulators()) == {"firestore", "pubsub"}
    assert all(pid != os.getpid() for pid in running.stack.emulators().values())
