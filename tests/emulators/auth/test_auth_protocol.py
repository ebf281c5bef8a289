"""At the wire: who may call, what is no request, what is not supported, many at once, and the process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from auth_helpers import OWNER, PROJECT, TOOLKIT, Rest, new_email

from emulators.auth import AuthEmulator
from shared.errors import BadInput, Unavailable

V1 = f"/{TOOLKIT}/v1"


@pytest.mark.parametrize(
    ("path", "bearer", "status"),
    [
        (f"{V1}/accounts:signUp", "", 403),
        (f"{V1}/projects/p/accounts:lookup", "", 401),
        (f"{V1}/projects/p/accounts:lookup?key=x", "", 401),
        (f"{V1}/projects/p/accounts:lookup", "Bearer somebody", 401),
        (f"{V1}/projects/p/accounts:lookup", "Bearer Owner", 200),
        (f"{V1}/projects/p/accounts:lookup", "Bearer ya29.token", 200),
        (f"{V1}/projects/p/accounts:lookup", "Basic owner", 401),
    ],
)
def test_only_those_who_may_are_answered(rest: Rest, path: str, bearer: str, status: int) -> None:
    answer = rest.call("POST", path, {}, bearer)
    assert answer.status == status
    assert status == 200 or answer.body["error"]["code"] == status


def test_clients_cannot_name_a_project(rest: Rest) -> None:
    answer = rest.client("signUp", targetProjectId="another")
    assert answer.message.startswith("INSUFFICIENT_PERMISSION")
    made = rest.call("POST", f"{V1}/accounts:signUp", {"targetProjectId": "another", "localId": "x"}, OWNER)
    assert made.status == 200
    assert set(rest.listed("another")) == {"x"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"{V1}/accounts:signInWithIdp?key=x", 501),
        ("POST", f"{V1}/accounts:sendVerificationCode?key=x", 501),
        ("POST", f"/{TOOLKIT}/v2/accounts/mfaEnrollment:start?key=x", 501),
        ("GET", f"/{TOOLKIT}/v2/projects/p/inboundSamlConfigs/a/b", 501),
        ("PUT", f"{V1}/projects/p/accounts:lookup", 501),
        ("GET", "/nowhere", 404),
        ("GET", "/www.example.com/v1/accounts", 404),
    ],
)
def test_what_is_not_supported_says_so(rest: Rest, method: str, path: str, status: int) -> None:
    answer = rest.call(method, path, {}, OWNER)
    assert answer.status == status
    assert path.partition("?")[0] in answer.message


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"users": {}}',
        b'{"users": [1]}',
        b'{"users": [{"localId": 1}]}',
        b'{"users": [{"localId": "a", "unknown": 1}]}',
        b'{"users": [{"localId": "a", "disabled": "yes"}]}',
        b'{"users": [{"localId": "a", "createdAt": "soon"}]}',
        b'{"users": [{"localId": "a", "createdAt": 1.5}]}',
        b'{"users": [{"localId": "a", "createdAt": true}]}',
        b'{"users": [{"localId": "a", "createdAt": "99999999999999999999"}]}',
        b'{"users": [{"localId": "a", "passwordHash": "fakeHash:salt=x:password=y"}]}',
        b'{"users": [{"localId": "a", "passwordHash": "a"}]}',
        b'{"users": [{"localId": "a", "passwordUpdatedAt": "x"}]}',
        b'{"rounds": 3000000000, "users": [{"localId": "a"}]}',
    ],
)
def test_what_is_no_request_is_refused_whole(rest: Rest, body: bytes) -> None:
    before = rest.listed()
    headers = {"authorization": OWNER, "content-type": "application/json"}
    url = f"http://{rest.address}{V1}/projects/{PROJECT}/accounts:batchCreate"
    response = rest.session.post(url, data=body, headers=headers, timeout=20)
    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert message.startswith("Invalid JSON payload received.")
    assert "fakeHash" not in message
    assert rest.listed() == before


def test_both_spellings_of_fields_and_numbers_are_read(rest: Rest) -> None:
    users = [{"localId": "spelled", "createdAt": 1234, "passwordHash": "_-8", "salt": "/+8="}]
    answer = rest.admin("batchCreate", users=users, hash_algorithm="MD5", rounds="1")
    assert answer.status == 200
    assert rest.listed()["spelled"]["createdAt"] == "1234"


def test_pages_of_any_origin_may_call(rest: Rest) -> None:
    url = f"http://{rest.address}{V1}/accounts:signUp?key=x"
    headers = {
        "origin": "http://localhost:5000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-client-version",
    }
    asked = rest.session.options(url, headers=headers, timeout=20)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-headers"] == "content-type,x-client-version"
    answer = rest.session.post(url, json={}, headers={"origin": "http://localhost:5000"}, timeout=20)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5000"


def test_of_many_who_want_the_same_email_at_once_one_gets_it(rest: Rest) -> None:
    email = new_email()

    def sign_up(_: int) -> int:
        with requests.Session() as session:
            body: dict[str, Any] = {"email": email, "password": "secret-1"}
            url = f"http://{rest.address}{V1}/accounts:signUp?key=x"
            return session.post(url, json=body, timeout=20).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(sign_up, range(16)))
    assert statuses.count(200) == 1
    assert statuses.count(400) == 15


def test_a_thousand_accounts_with_much_in_them_fit_one_import(rest: Rest) -> None:
    claims = json.dumps({"x": "é" * 300}, ensure_ascii=False)
    users = [
        {"localId": f"big-{number}", "displayName": "x" * 5000, "customAttributes": claims}
        for number in range(1000)
    ]
    assert "error" not in rest.admin("batchCreate", project="big", users=users).body
    assert len(rest.listed("big")) == 1000


def test_it_tells_that_it_is_ready(rest: Rest) -> None:
    assert rest.call("GET", "/").body == {"authEmulator": {"ready": True}}


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "emulators.auth", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_serves_and_stops_cleanly(number: signal.Signals) -> None:
    with start("--port", "0", "--project-id", "demo-other") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("auth ready 127.0.0.1:")
        address = line.split()[-1]
        made = requests.post(f"http://{address}{V1}/accounts:signUp?key=x", json={}, timeout=20).json()
        listing = f"http://{address}{V1}/projects/demo-other/accounts:batchGet"
        listed = requests.get(listing, headers={"authorization": OWNER}, timeout=20).json()
        assert [user["localId"] for user in listed["users"]] == [made["localId"]]
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_only_loopback_addresses_are_served(host: str) -> None:
    with pytest.raises(BadInput, match="loopback"):
        AuthEmulator(host)


def test_a_port_that_is_taken_is_a_clear_error(rest: Rest) -> None:
    port = int(rest.address.rsplit(":", 1)[1])
    second = AuthEmulator(port=port)
    with pytest.raises(Unavailable, match=str(port)):
        second.start()
    second.stop()
