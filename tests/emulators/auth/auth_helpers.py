"""The emulator's clock, and its REST methods as a client app and an administrator call them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

PROJECT = "demo-firekeep"
TOOLKIT = "identitytoolkit.googleapis.com"
OWNER = "Bearer owner"
# Cheap enough to hash hundreds of passwords in a test; the same algorithm as the real parameters.
HASH_CONFIG = {
    "algorithm": "SCRYPT",
    "signerKey": base64.urlsafe_b64encode(bytes(range(64))).decode(),
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 4,
}


@dataclass
class Clock:
    """The real time, moved by as many seconds as a test wants."""

    ahead: float = 0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@dataclass
class Rest:
    address: str
    clock: Clock
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: Any = None, bearer: str = "", **extra: Any) -> Answer:
        headers = {"authorization": bearer} if bearer else {}
        response = self.session.request(
            method, f"http://{self.address}{path}", json=body, headers=headers, timeout=20, **extra
        )
        return Answer(response.status_code, response.json())

    def client(self, name: str, **body: Any) -> Answer:
        """What an app asks: `accounts:NAME` with an API key."""
        return self.call("POST", f"/{TOOLKIT}/v1/accounts:{name}?key=fake", body)

    def admin(self, name: str, *, project: str = PROJECT, bearer: str = OWNER, **body: Any) -> Answer:
        """What an administrator asks: `/accounts:NAME` of a project (`p` or `p/tenants/t`)."""
        return self.call("POST", f"/{TOOLKIT}/v1/projects/{project}/accounts:{name}", body, bearer)

    def pages(
        self, project: str = PROJECT, size: int = 1000, bearer: str = OWNER
    ) -> list[list[dict[str, Any]]]:
        pages, token = [], ""
        while True:
            path = f"/{TOOLKIT}/v1/projects/{project}/accounts:batchGet"
            query = {"maxResults": size, **({"nextPageToken": token} if token else {})}
            answer = self.call("GET", path, None, bearer, params=query)
            assert answer.status == 200, answer
            pages.append(answer.body["users"])
            token = answer.body.get("nextPageToken", "")
            if not token:
                return pages

    def listed(self, project: str = PROJECT, bearer: str = OWNER) -> dict[str, dict[str, Any]]:
        return {user["localId"]: user for page in self.pages(project, bearer=bearer) for user in page}

    def refresh(self, token: str) -> Answer:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        response = self.session.post(
            f"http://{self.address}/securetoken.googleapis.com/v1/token?key=fake", data=form, timeout=20
        )
        return Answer(response.status_code, response.json())

    def signed_up(self, password: str = "secret-1") -> dict[str, Any]:
        """A new account with an e-mail and a password; the answer has its tokens."""
        answer = self.client("signUp", email=new_email(), password=password)
        assert answer.status == 200, answer
        return answer.body


def new_email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def claims_of(token: str) -> dict[str, Any]:
    header, payload, signature = token.split(".")
    assert signature == ""
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "none", "typ": "JWT"}
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
