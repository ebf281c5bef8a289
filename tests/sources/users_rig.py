"""A started Auth emulator, sources on it, hostile accounts, and a proxy between them that can misbehave at the wire."""

from __future__ import annotations

import base64
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3
from firestore_rig import TestClock, flat, read_plan

from emulators.auth import AuthEmulator
from emulators.chaos import Fault, chaos
from shared.format.flat import encode as key_of
from shared.format.user import encode
from shared.sources.contract import Kind, Outcome, Result, Scope, Write
from shared.sources.users import UNPACED, Patience, UsersSource, open_http

__all__ = ["flat", "read_plan"]

TOOLKIT = "identitytoolkit.googleapis.com"
APPS = "demo-apps"
"""The project of an emulator that apps are in."""
# Cheap enough to hash many passwords in a test; the same algorithm as the real parameters.
HASH_CONFIG = {
    "algorithm": "SCRYPT",
    "signerKey": base64.urlsafe_b64encode(bytes(range(64))).decode(),
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 4,
}
OTHER_CONFIG = {**HASH_CONFIG, "signerKey": base64.urlsafe_b64encode(bytes(range(64, 128))).decode()}
_NUMBERS = itertools.count()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


class Place:
    """An emulator, or what stands before it, with projects of its own for each test."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = open_http("emulator")
        self.clock = TestClock()

    def project(self, config: dict[str, Any] | None = None, name: str = "") -> Project:
        made = Project(self, name or f"demo-users-{next(_NUMBERS):04d}")
        self.call(
            "PATCH",
            f"emulator/v1/projects/{made.name}/config",
            {"signIn": {"hashConfig": config or HASH_CONFIG}},
        )
        return made

    def call(self, method: str, path: str, body: Any = None, bearer: str = "owner") -> dict[str, Any]:
        answer = self.http.request(
            method,
            f"http://{self.address}/{path}",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"},
        )
        found = json.loads(answer.data)
        assert answer.status == 200, found
        return dict(found)

    def close(self) -> None:
        self.http.clear()


class Project:
    """One project, as an administrator and as an app see it."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name

    def source(
        self, *, run_bytes: int = UNPACED.run_bytes, kind: type[UsersSource] = UsersSource, **more: Any
    ) -> UsersSource:
        options = replace(UNPACED, run_bytes=run_bytes, patience=Patience(connect_s=5, read_s=20, attempts=5))
        given: dict[str, Any] = {
            "clock": self.place.clock,
            "jitter": random.Random(1).random,
            "endpoint": self.place.address,
            "bearer": "owner",
            "hash_config": lambda _tenant: HASH_CONFIG,
            "options": options,
        }
        return kind(self.place.http, self.name, **(given | more))

    def tenant(self, name: str = "tenant") -> str:
        body = {"displayName": name, "allowPasswordSignup": True}
        made = self.place.call("POST", f"{TOOLKIT}/v2/projects/{self.name}/tenants", body)
        return str(made["name"]).rpartition("/")[2]

    def admin(self, method: str, tenant: str = "", **body: Any) -> dict[str, Any]:
        where = f"{self.name}/tenants/{tenant}" if tenant else self.name
        return self.place.call("POST", f"{TOOLKIT}/v1/projects/{where}/accounts:{method}", body)

    def create(self, *users: dict[str, Any], tenant: str = "", **options: Any) -> None:
        answer = self.admin("batchCreate", tenant, users=list(users), **options)
        assert "error" not in answer, answer

    def live(self, uid: str, tenant: str = "") -> dict[str, Any]:
        (found,) = self.admin("lookup", tenant, localId=[uid])["users"]
        return dict(found)

    def signed_up(self, email: str, password: str, tenant: str = "") -> str:
        """The uid of a new account."""
        uid = self._client("signUp", email, password, tenant)
        assert uid
        return uid

    def signed_in(self, email: str, password: str, tenant: str = "") -> str:
        """The uid of who signs in so; empty when that is refused."""
        return self._client("signInWithPassword", email, password, tenant)

    def _client(self, method: str, email: str, password: str, tenant: str) -> str:
        assert self.name == APPS, "an app's calls name no project"
        body = {"email": email, "password": password}
        answer = self.place.http.request(
            "POST",
            f"http://{self.place.address}/{TOOLKIT}/v1/accounts:{method}?key=any",
            body=json.dumps({**body, "tenantId": tenant} if tenant else body),
            headers={"Content-Type": "application/json"},
        )
        return str(json.loads(answer.data).get("localId", "")) if answer.status == 200 else ""


@contextmanager
def started(*faults: Fault) -> Iterator[Place]:
    """An emulator; with faults, one that misbehaves as ordered, all of it in the end."""
    with chaos(*faults) as controller:
        emulator = AuthEmulator(project=APPS, chaos=controller if faults else None)
        place = Place(emulator.start())
        try:
            yield place
        finally:
            place.close()
            emulator.stop()


class Proxy:
    """Passes requests on. `on_request(method, path, body)` may change the body, or answer in the service's place with a
    status and JSON; `on_answer(path, json)` may change what comes back.
    """

    def __init__(self, upstream: str) -> None:
        self.on_request: Callable[[str, str, Any], tuple[int, Any] | None] = lambda *_: None
        self.on_answer: Callable[[str, dict[str, Any]], Any] = lambda _path, answer: answer
        self.calls: list[str] = []
        pool = urllib3.PoolManager()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                data = self.rfile.read(length) if length else None
                proxy.calls.append(self.path.partition("?")[0].rpartition(":")[2])
                body = json.loads(data) if data else None
                made = proxy.on_request(self.command, self.path, body)
                if made is None:
                    data = None if body is None else json.dumps(body).encode()
                    headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
                    got = pool.request(
                        self.command, f"http://{upstream}{self.path}", body=data, headers=headers
                    )
                    made = got.status, proxy.on_answer(self.path, json.loads(got.data))
                status, told = made
                sent = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PATCH = answer  # noqa: N815  # the base class's names

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._pool = pool

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._pool.clear()


def put(uid: str, seen: str | None = None, tenant: str = "", **fields: Any) -> Write:
    return Write(key_of(tenant, uid), Kind.PUT, encode(fields), seen)


def one(source: UsersSource, write: Write) -> Outcome:
    (outcome,) = source.apply([write])
    return outcome


def seed(source: UsersSource, writes: Iterable[Write]) -> None:
    outcomes = source.apply(list(writes))
    assert {outcome.result for outcome in outcomes} <= {Result.DONE}, outcomes


def read_all(source: UsersSource, scope: Scope | None = None) -> dict[bytes, bytes]:
    return dict(read_plan(source, source.plan(scope or Scope(), source.instant())))  # type: ignore[arg-type]


UIDS = [
    "a", "a b", "a/b", "/", "//", "a/../b", "..", "é", "é", "日本/😀", "%2F", "a+b", "a?b#c&d=e", '"quoted"', "a\x01b",
    "￿", "\U0010ffff", "x" * 128, "ü" * 128, "😀" * 128, "ab", "aa", "A", "0",
]  # fmt: skip
EARLY = "2026-03-29T01:59:59Z"
CLAIMS = json.dumps({"c": "x" * 991})
FIELDS: list[dict[str, Any]] = [
    {},
    {"email": "{0}@example.com", "emailVerified": True, "displayName": 'e\u0301 "😀" \\ \x7f', "photoUrl": "http://x/ü?a=b"},
    {"phoneNumber": "+1555{1:07d}", "disabled": True, "customAttributes": CLAIMS},
    {
        "email": "{0}@example.org",
        "emailVerified": True,
        "mfaInfo": [
            {"phoneInfo": "+1666{1:07d}", "mfaEnrollmentId": "m2", "enrolledAt": "2026-03-29T01:59:59.120Z"},
            {"phoneInfo": "+1777{1:07d}", "mfaEnrollmentId": "m1", "enrolledAt": EARLY, "displayName": "ü"},
        ],
    },
    {
        "customAttributes": '{ "b":1,  "a": [null, 1e3] }',
        "providerUserInfo": [
            {"providerId": "github.com", "rawId": "{0}", "displayName": "", "email": "X@example.com"},
            {"providerId": "google.com", "rawId": "{0}", "federatedId": "https://x/{0}", "screenName": "s"},
        ],
    },
    {"email": "{0}@example.net", "passwordHash": "hash", "salt": "c2FsdA==", "passwordUpdatedAt": 1600000000123},
]  # fmt: skip


def account(number: int) -> dict[str, Any]:
    """Fields of an account that shares nothing with those of other numbers."""
    filled: dict[str, Any] = _filled(FIELDS[number % len(FIELDS)], number)
    if filled.get("passwordHash"):
        filled["passwordHash"] = b64(random.Random(number).randbytes(64))
    return {"createdAt": str(1600000000000 + number), "validSince": str(1600000000 + number), **filled}


def _filled(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{0}", f"n{number}").replace("{1:07d}", f"{number:07d}")
    if isinstance(value, list):
        return [_filled(item, number) for item in value]
    if isinstance(value, dict):
        return {name: _filled(item, number) for name, item in value.items()}
    return value


def accounts(*tenants: str) -> dict[bytes, bytes]:
    """Records with hostile ids in the project and these tenants, by key, in key order."""
    places = [(tenant, uid) for tenant in ("", *tenants) for uid in UIDS]
    random.Random(7).shuffle(places)
    return dict(sorted((key_of(*place), encode(account(number))) for number, place in enumerate(places)))
