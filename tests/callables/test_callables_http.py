"""The deployed entry point under the functions runtime, over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from signing import id_claims, unsigned

from cli.commands.dev import MAIN
from emulators.stack import Stack, StackOptions
from functions.callable.protocol import MAX_BODY_BYTES
from functions.table import FUNCTIONS
from shared import wiring
from shared.errors import BadInput
from shared.format.config import Options
from shared.keys.local import create_key_file
from shared.settings import Settings

PROJECT = "demo-firekeep"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("site")
    repository, key = folder / "repository", folder / "key"
    create_key_file(key, os.urandom)
    wiring.create_repository(Settings(project=PROJECT, repository=str(repository), key_file=key), Options())
    env = {
        "FIREKEEP_REPOSITORY": str(repository),
        "FIREKEEP_KEY_FILE": str(key),
        "FIREKEEP_CONTENTS": "entries",
        "FIREKEEP_CHECK_REVOKED": "off",
    }
    table = tuple(spec for spec in FUNCTIONS if spec.name == "api")
    with Stack(StackOptions(MAIN, table, auth_port=0, env=env)) as found:
        yield found


def send(
    stack: Stack, method: str, name: str, body: bytes | Iterator[bytes] | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    told = {"Content-Type": "application/json", **{key.replace("_", "-"): v for key, v in headers.items()}}
    connection.request(method, f"/api/{name}", body, told, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def status_of(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["error"]["status"]


def test_a_call_without_a_token_or_with_nobody_s_is_unauthenticated(stack: Stack) -> None:
    assert status_of(send(stack, "POST", "listSets", b'{"data": null}')) == (401, "UNAUTHENTICATED")
    nobody = unsigned({"alg": "none"}, {**id_claims(), "aud": PROJECT})
    found = send(stack, "POST", "listSets", b'{"data": null}', Authorization=f"Bearer {nobody}")
    assert status_of(found) == (401, "UNAUTHENTICATED")


def test_a_browser_s_question_is_answered(stack: Stack) -> None:
    status, headers, body = send(stack, "OPTIONS", "listSets", Origin="https://app.example.com")
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == "*"
    assert "authorization" in headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(stack: Stack, method: str) -> None:
    assert status_of(send(stack, method, "listSets", b'{"data": null}')) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"data": 1, "a": 2}', b"[" * 50_000])
def test_what_is_no_call_is_an_invalid_argument(stack: Stack, body: bytes) -> None:
    assert status_of(send(stack, "POST", "listSets", body)) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 3 * MAX_BODY_BYTES])
def test_a_body_that_is_too_long_is_refused(stack: Stack, size: int) -> None:
    body = b'{"data": "' + b"x" * size + b'"}'
    assert status_of(send(stack, "POST", "listSets", body)) == (400, "INVALID_ARGUMENT")
    chunks = (body[at : at + 65_536] for at in range(0, len(body), 65_536))
    assert send(stack, "POST", "listSets", chunks, Transfer_Encoding="chunked")[0] < 500


def test_tokens_that_anybody_can_make_never_open_real_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("FIREKEEP_PROJECT", "real-project")
    with pytest.raises(BadInput, match="FIREBASE_AUTH_EMULATOR_HOST"):
        wiring.identity()
