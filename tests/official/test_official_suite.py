"""The official Emulator Suite starts ours in the place of Firestore, Pub/Sub and Storage, and everything meets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from click.testing import CliRunner
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1, storage
from official_helpers import HERE, PROJECT, ROOT, Suite, running, stop

from cli.app import app

pytestmark = [pytest.mark.official, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    folder = tmp_path_factory.mktemp("suite")
    made = CliRunner().invoke(app, ["init", "--repository", str(folder / "repository")])
    assert made.exit_code == 0, made.output
    repository = {
        "FIREKEEP_REPOSITORY": str(folder / "repository"),
        "FIREKEEP_KEY_FILE": str(folder / "repository.key"),
    }
    with running(folder, **repository) as found:
        yield found


@pytest.fixture
def documents(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", suite.env["FIRESTORE_EMULATOR_HOST"])
    client = firestore.Client(project=PROJECT)
    yield client
    client.close()


def config(suite: Suite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((suite.folder / "firebase.json").read_text())["emulators"]
    return found


def address(suite: Suite, name: str) -> str:
    return f"{config(suite)[name]['host']}:{config(suite)[name]['port']}"


def test_a_signed_in_web_client_calls_a_python_function_whose_write_sets_off_another(suite: Suite) -> None:
    places = [address(suite, "functions"), suite.env["FIREBASE_AUTH_EMULATOR_HOST"], PROJECT]
    told = subprocess.run(
        ["node", str(HERE / "greet.cjs"), *places],
        env={**os.environ, "NODE_PATH": str(ROOT / "node" / "node_modules")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["refused"] == "functions/unauthenticated"
    assert answer["data"] == {"uid": answer["uid"], "role": None, "greeting": "Hello, Ada"}
    [note] = suite.noted("on_greeting")
    assert (note["value"], note["old"]) == ({"name": "Ada"}, {})
    attributes = note["attributes"]
    assert attributes["type"] == "google.cloud.firestore.document.v1.created"
    assert attributes["document"] == f"greetings/{answer['uid']}"
    assert (attributes["project"], attributes["database"]) == (PROJECT, "(default)")
    assert "authtype" not in attributes


@pytest.mark.parametrize("name", ["plain", "u\u0308 und ü", '100% "a b"', "日本/tief/unten", "{rest=**}"])
def test_a_function_hears_of_every_change_of_a_document(
    suite: Suite, documents: firestore.Client, name: str
) -> None:
    path = f"all/{name}"
    document = documents.document(path)
    document.set({"is": "new", "same": "x"})
    document.update({"is": "changed"})
    document.delete()

    def mine() -> list[dict[str, Any]]:
        notes = suite.notes("on_change")
        # The CloudEvents package leaves attributes as they came in the headers.
        notes = [note for note in notes if unquote(note["attributes"]["document"]) == path]
        return sorted(notes, key=lambda note: note["attributes"]["time"]) if len(notes) == 3 else []

    made, changed, deleted = suite.until(mine)
    assert (made["old"], made["value"]) == ({}, {"is": "new", "same": "x"})
    assert changed["old"] == made["value"]
    assert (changed["value"], changed["changed"]) == ({"is": "changed", "same": "x"}, ["is"])
    assert (deleted["old"], deleted["value"]) == (changed["value"], {})
    assert {note["attributes"]["type"] for note in (made, changed, deleted)} == {
        "google.cloud.firestore.document.v1.written.withAuthContext"
    }
    assert {note["attributes"]["authtype"] for note in (made, changed, deleted)} == {"service_account"}


def test_a_message_sets_off_a_python_function(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", suite.env["PUBSUB_EMULATOR_HOST"])
    publisher = pubsub_v1.PublisherClient()
    texts = {f"letter {number} ✉" for number in range(5)}
    for text in sorted(texts):
        publisher.publish(f"projects/{PROJECT}/topics/letters", text.encode(), kind="post").result(timeout=10)
    publisher.stop()
    publisher.transport.close()
    notes = suite.noted("on_message", len(texts))
    assert {note["text"] for note in notes} == texts
    assert all(note["attributes"] == {"kind": "post"} for note in notes)


def test_a_file_in_our_storage_sets_off_a_python_function(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", suite.env["STORAGE_EMULATOR_HOST"])
    client = storage.Client(project=PROJECT, credentials=AnonymousCredentials())
    blob = client.bucket(f"{PROJECT}.appspot.com").blob("photos/ü ✓.txt")
    blob.upload_from_string(b"seen", content_type="text/plain", if_generation_match=0)
    client.close()
    [note] = suite.noted("on_file")
    assert note["type"] == "google.cloud.storage.object.v1.finalized"
    assert (note["data"]["name"], note["data"]["size"]) == ("photos/ü ✓.txt", "4")


def test_a_request_document_makes_a_whole_backup_by_the_systems_own_functions(
    suite: Suite, documents: firestore.Client
) -> None:
    for number in range(20):
        documents.document(f"users/u{number}").set({"n": number})
    request = {"requestedBy": "ada@example.com", "requestedAt": datetime.now(UTC)}
    documents.document("backupRequests/by-hand").set(request)

    def backup() -> dict[str, Any] | None:
        found = documents.document("backups/by-hand").get().to_dict() or {}
        return found if found.get("status") in {"completed", "failed"} else None

    made = suite.until(backup, 60)
    told = (made["validation"].get("errors"), suite.log())
    assert (made["status"], made["metadata"]["items"] >= 20) == ("completed", True), told


def test_a_database_is_emptied_over_http_and_rules_are_taken_with_a_warning(
    suite: Suite, documents: firestore.Client
) -> None:
    base = f"http://{suite.env['FIRESTORE_EMULATOR_HOST']}"
    assert requests.get(base, timeout=10).text == "Ok\n"
    documents.document("passing/by").set({})
    emptied = requests.delete(
        f"{base}/emulator/v1/projects/{PROJECT}/databases/(default)/documents", timeout=10
    )
    assert emptied.status_code == 200
    assert not documents.document("passing/by").get().exists
    rules = {"rules": {"files": [{"name": "security.rules", "content": "anything"}]}}
    taken = requests.put(f"{base}/emulator/v1/projects/{PROJECT}:securityRules", json=rules, timeout=10)
    [issue] = taken.json()["issues"]
    assert (taken.status_code, issue["severity"]) == (200, "WARNING")
    assert "not evaluated" in issue["description"]
    assert "rules are not evaluated" in (suite.folder / "firestore-debug.log").read_text()


@pytest.mark.parametrize(("how", "status"), [(None, 0), (signal.SIGTERM, None)])
def test_nothing_is_left_running(tmp_path: Path, how: signal.Signals | None, status: int | None) -> None:
    with running(tmp_path, "auth", "system") as suite:
        call(suite)
        assert len(suite.processes()) >= 6
        ended = stop(suite, how)
        assert status is None or ended == status, suite.log()
        suite.until(lambda: not suite.processes(), 10)


def test_nothing_is_left_running_when_the_program_itself_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "auth", "system") as suite:
        call(suite)
        suite.process.kill()
        suite.process.wait()
        suite.until(lambda: not suite.processes(), 10)


def call(suite: Suite) -> None:
    """Has a function's server start."""
    url = f"http://{address(suite, 'functions')}/{PROJECT}/us-central1/greet"
    assert requests.post(url, json={"data": {"name": "x"}}, timeout=60).status_code == 401
    time.sleep(0.1)
