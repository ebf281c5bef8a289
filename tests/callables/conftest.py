"""A service of callables on an emulator, with tokens that are really verified."""

from __future__ import annotations

import itertools
import json
import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import firebase_admin
import pytest
from firebase_admin import _token_gen, app_check
from signing import PROJECT, KeyServer, Signer, open_app

from emulators.firestore import FirestoreEmulator
from functions.callable.limit import RateLimit
from functions.callable.operations import operations
from functions.callable.protocol import Answer, Call
from functions.callable.serve import Service, serve
from shared import wiring
from shared.clock import SystemClock
from shared.format.config import Options
from shared.identity.firebase import FirebaseIdentity
from shared.jobs.ports import Ports
from shared.keys.local import create_key_file
from shared.settings import Settings

_apps = itertools.count()


class Queue:
    """Takes the place of Pub/Sub."""

    def __init__(self) -> None:
        self.sent: deque[tuple[str, dict[str, Any]]] = deque()

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        self.sent.extend((topic, json.loads(message)) for message in messages)


@dataclass
class Site:
    """A project, its callables, and what they have published and logged."""

    ports: Ports
    signer: Signer
    service: Service
    queue: Queue
    log: list[dict[str, Any]] = field(default_factory=list)

    def send(self, name: str, body: bytes, token: str | None, **headers: str) -> Answer:
        told = {"content-type": "application/json", **headers}
        if token is not None:
            told["authorization"] = f"Bearer {token}"
        return serve(self.service, Call("POST", f"/{name}", told, body))

    def call(
        self, name: str, data: Any = None, role: str | None = "admin", uid: str = "ada"
    ) -> tuple[int, Any]:
        """The HTTP status, and the result or the error."""
        answer = self.send(name, json.dumps({"data": data}).encode(), self.signer.id_token(uid, role))
        body = json.loads(answer.body)
        return answer.status, body["result"] if answer.status == 200 else body["error"]


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="session")
def keys(signer: Signer) -> Iterator[KeyServer]:
    server = KeyServer(signer)
    yield server
    server.stop()


@pytest.fixture
def app(keys: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """firebase-admin as in production, but for the address of Google's keys."""
    monkeypatch.setattr(_token_gen, "ID_TOKEN_CERT_URI", f"{keys.url}/certs")
    monkeypatch.setattr(app_check._AppCheckService, "_JWKS_URL", f"{keys.url}/jwks")
    monkeypatch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)
    app = open_app(f"tests-{next(_apps)}")
    yield app
    firebase_admin.delete_app(app)


@pytest.fixture(scope="module")
def firestore() -> Iterator[str]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.start()
    yield os.environ["FIRESTORE_EMULATOR_HOST"]
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    emulator.stop()


_worlds = itertools.count()


@pytest.fixture
def site(app: Any, firestore: str, signer: Signer, tmp_path: Path) -> Site:
    key = tmp_path / "key"
    create_key_file(key, secrets.token_bytes)
    settings = Settings(
        project=f"{PROJECT}-{next(_worlds)}",
        firestore_emulator=firestore,
        contents=("entries",),
        repository=str(tmp_path / "repository"),
        key_file=key,
        ramp=False,
    )
    wiring.create_repository(settings, Options())
    queue = Queue()
    ports = wiring.build_ports(settings, queue)
    log: list[dict[str, Any]] = []
    service = Service(
        identity=FirebaseIdentity(app, app_check=False, check_revoked=False),
        limit=RateLimit(SystemClock(), 10_000),
        operations=operations(ports),
        new_id=lambda: secrets.token_hex(8),
        tell=lambda severity, facts: log.append({"severity": severity, **facts}),
    )
    return Site(ports, signer, service, queue, log)
