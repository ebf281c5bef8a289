"""Clients of the emulator, raw and Google's, and a clock that tests move."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

PROJECT = "demo-firekeep"


class Clock:
    """The time, and what a test has added to it."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.ahead * 1_000_000


def connected(address: str) -> storage.Client:
    """Google's client on the emulator."""
    return storage.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://{address}"},
    )


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return str(self.json["error"]["errors"][0]["reason"])


@dataclass
class Raw:
    """HTTP without a client library's help, over one connection."""

    address: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.address, timeout=20)

    def __call__(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        data = json.dumps(body) if isinstance(body, (dict, list)) else body
        self.connection.request(method, path, data, headers or {})  # type: ignore[arg-type]
        answer = self.connection.getresponse()
        lowered = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, lowered, answer.read())

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def wait_for(found: Callable[[], list[Any]], count: int) -> list[Any]:
    """What `found` answers once it has `count` elements, within seconds."""
    deadline = time.monotonic() + 10
    while len(result := found()) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return result
