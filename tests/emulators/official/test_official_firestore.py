"""Firestore as firebase-tools starts it: two protocols on one port, triggers, and what it refuses."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud import firestore
from google.events.cloud.firestore_v1 import DocumentEventData

from emulators.official.firestore import OfficialFirestore
from emulators.official.programs import write_programs

PROJECT = "demo-official"
TYPE = "google.cloud.firestore.document.v1."


class Functions(ThreadingHTTPServer):
    """A Functions emulator that keeps what it is told, and answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[str, dict[str, str], DocumentEventData]] = []
        self.status: Callable[[str], int] = lambda _: 200
        self.address = f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Functions

    def do_POST(self) -> None:  # the name is http.server's
        body = base64.b64decode(self.rfile.read(int(self.headers["content-length"])), validate=True)
        key = self.path.removeprefix(f"/functions/projects/{PROJECT}/triggers/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.server.status(key)
        self.server.calls.append((key, headers, DocumentEventData.deserialize(body)))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def address(functions: Functions) -> Iterator[str]:
    emulator = OfficialFirestore("127.0.0.1", 0, functions.address)
    yield emulator.start()
    emulator.stop()


@pytest.fixture
def documents(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
    client = firestore.Client(project=PROJECT)
    yield client
    client.close()


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return found


def trigger(event: str, document: str, match: str = "PATH_PATTERN", **more: str) -> dict[str, Any]:
    where = {"value": document, "matchType": match}
    return {
        "eventType": TYPE + event,
        "database": "(default)",
        "namespace": "(default)",
        "document": where,
        **more,
    }


def register(address: str, key: str, body: Any) -> requests.Response:
    url = f"http://{address}/emulator/v1/projects/{PROJECT}/eventarcTrigger"
    return requests.post(url, params={"eventarcTriggerId": key}, json=body, timeout=10)


def test_both_protocols_are_spoken_on_one_port(address: str, documents: firestore.Client) -> None:
    for number in range(3):
        documents.document("a/b").set({"n": number})
        assert requests.get(f"http://{address}/", timeout=10).text == "Ok\n"
        assert documents.document("a/b").get().to_dict() == {"n": number}


def test_a_large_answer_and_a_listener_pass_unharmed(documents: firestore.Client) -> None:
    heard: list[int] = []
    watch = documents.collection("large").on_snapshot(lambda found, _changes, _time: heard.append(len(found)))
    until(lambda: heard)
    for number in range(8):
        documents.document(f"large/{number}").set({"text": "ü" * 400_000})
    assert sum(len(one.get("text")) for one in documents.collection("large").stream()) == 8 * 400_000
    until(lambda: heard[-1] == 8)
    watch.unsubscribe()


@pytest.mark.parametrize("first", [b"", b"P", b"PRI", b"\x16\x03\x01\x00", b"GET", b"\n\n\n\n"])
def test_a_client_that_says_little_or_nonsense_and_goes_harms_nobody(address: str, first: bytes) -> None:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(first)
    assert requests.get(f"http://{address}/", timeout=10).status_code == 200


def test_each_function_gets_the_changes_it_asked_for_in_order(
    address: str, documents: firestore.Client, functions: Functions
) -> None:
    wanted = {"new": "created", "old": "deleted", "other": "updated", "any": "written"}
    for key, event in wanted.items():
        assert register(address, key, trigger(event, "rooms/{room}")).status_code == 200
    document = documents.document("rooms/ü 1")
    document.set({"n": 1})
    document.update({"n": 2})
    document.set({"n": 2})  # no change
    documents.document("rooms/1/deep/down").set({})
    documents.document("halls/1").set({})
    document.delete()
    until(lambda: len([1 for key, _, _ in functions.calls if key == "any"]) == 3)
    until(lambda: len(functions.calls) == 6)
    seen: dict[str, list[tuple[int | None, int | None]]] = {key: [] for key in wanted}
    for key, headers, data in functions.calls:
        old, new = data.old_value.fields.get("n"), data.value.fields.get("n")
        seen[key].append((old and old.integer_value, new and new.integer_value))
        assert headers["ce-type"] == TYPE + wanted[key]
        assert headers["content-type"] == "application/protobuf"
        assert headers["ce-document"] == "rooms/%C3%BC%201"
        assert headers["ce-time"].endswith("Z")
        assert "ce-authtype" not in headers
    assert seen == {
        "new": [(None, 1)],
        "other": [(1, 2)],
        "old": [(2, None)],
        "any": [(None, 1), (1, 2), (2, None)],
    }


def test_an_exact_document_is_no_pattern_and_other_databases_are_other(
    address: str, documents: firestore.Client, functions: Functions
) -> None:
    register(address, "exact", trigger("written", "a/{b}", "EXACT"))
    register(address, "elsewhere", trigger("written", "a/{b}", database="other"))
    register(address, "with-auth", trigger("written.withAuthContext", "a/{b=**}"))
    documents.document("a/b").set({})
    documents.document("a/{b}").set({})
    until(lambda: len(functions.calls) == 3)
    assert sorted((key, call["ce-document"]) for key, call, _ in functions.calls) == [
        ("exact", "a/{b}"),
        ("with-auth", "a/b"),
        ("with-auth", "a/{b}"),
    ]
    assert all(call["ce-authtype"] for key, call, _ in functions.calls if key == "with-auth")


def test_a_slow_or_failing_function_holds_up_no_other_and_is_not_told_again(
    address: str, documents: firestore.Client, functions: Functions
) -> None:
    slow = threading.Event()

    def status(key: str) -> int:
        if key == "slow":
            slow.wait(10)
        return 500 if key == "fails" else 200

    functions.status = status
    for key in ("slow", "fails", "fine"):
        register(address, key, trigger("written", "a/{b}"))
    for number in range(3):
        documents.document(f"a/{number}").set({})
    until(lambda: len(functions.calls) == 6)
    slow.set()
    until(lambda: len(functions.calls) == 9)
    assert [key for key, _, _ in functions.calls].count("fails") == 3


def test_registering_again_replaces_what_was_registered(
    address: str, documents: firestore.Client, functions: Functions
) -> None:
    register(address, "same", trigger("written", "a/{b}"))
    register(address, "same", trigger("written", "b/{c}"))
    documents.document("a/1").set({})
    documents.document("b/1").set({})
    until(lambda: functions.calls)
    assert [call["ce-document"] for _, call, _ in functions.calls] == ["b/1"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"eventType": TYPE + "written"},
        trigger("written", "a/{b") | {"x": 1},
        trigger("moved", "a/{b}"),
        {**trigger("written", "a/{b}"), "eventType": "google.cloud.storage.object.v1.finalized"},
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(address: str, body: Any) -> None:
    answer = register(address, "k", body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"/emulator/v1/projects/{PROJECT}/triggers/k"),
        ("POST", f"/emulator/v1/projects/{PROJECT}:export"),
        ("GET", f"/v1/projects/{PROJECT}/databases/(default)/documents/a/b"),
        ("POST", "/google.firestore.v1.Firestore/Listen/channel"),
    ],
)
def test_what_is_not_there_answers_unimplemented(address: str, method: str, path: str) -> None:
    answer = requests.request(method, f"http://{address}{path}", json={}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["status"]) == (501, "UNIMPLEMENTED")


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, **write_programs(tmp_path / "programs", os.environ)}


def java(programs: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["java", *arguments], env=programs, capture_output=True, text=True, timeout=30, check=False
    )


def test_java_says_a_version_that_firebase_tools_accepts(programs: dict[str, str]) -> None:
    said = java(programs, "-Duser.language=en", "-Dfile.encoding=UTF-8", "-version")
    assert (said.returncode, 'version "21' in said.stderr) == (0, True)


def test_java_is_the_real_one_for_any_other_archive(tmp_path: Path, programs: dict[str, str]) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "java").write_text('#!/bin/sh\necho "real $@"\n')
    (real / "java").chmod(0o755)
    ours, _, others = programs["PATH"].partition(os.pathsep)
    said = java(
        {**programs, "PATH": os.pathsep.join([ours, str(real), others])}, "-x", "-jar", "other.jar", "serve"
    )
    assert (said.returncode, said.stdout) == (0, "real -x -jar other.jar serve\n")
    alone = java({**programs, "PATH": ours}, "-jar", "other.jar")
    assert (alone.returncode, "only Firestore can do without" in alone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seed_from_export", "/somewhere"], "does not read exports"),
        (["--database-edition", "enterprise"], "no 'enterprise' edition"),
        (["--host", "0.0.0.0"], "loopback"),
    ],
)
def test_what_it_cannot_do_it_refuses_at_the_start(
    programs: dict[str, str], flags: list[str], message: str
) -> None:
    said = java(programs, "-jar", programs["FIRESTORE_EMULATOR_BINARY_PATH"], "--port", "0", *flags)
    assert said.returncode == 2
    assert message in said.stderr


@pytest.mark.parametrize("program", ["java", "pubsub-emulator"])
def test_it_serves_until_sigint(programs: dict[str, str], program: str) -> None:
    jar = programs["FIRESTORE_EMULATOR_BINARY_PATH"]
    firestore_flags = ["-Dx=y", "-jar", jar, "--host", "127.0.0.1", "--port", "0", "--websocket_port", "9"]
    flags = firestore_flags if program == "java" else ["--host=127.0.0.1", "--port=0"]
    with subprocess.Popen([program, *flags], env=programs, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert " ready 127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_it_ends_with_the_process_that_started_it(programs: dict[str, str]) -> None:
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True, start_new_session=True)\n"
        "print(p.pid, p.stdout.readline(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, "pubsub-emulator", "--host=127.0.0.1", "--port=0"]
    with subprocess.Popen(
        command, env=programs, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        parent.kill()
        parent.wait()
        until(lambda: not running(pid))


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
