"""Calls to Identity Toolkit's REST API: credentials by google.auth, one retry layer, and errors that are ours.

Over REST and not firebase-admin: its records leave out second factors, tenants and when sessions were revoked, and
encode the official emulator's hashes once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import urllib3
from google.auth.exceptions import GoogleAuthError

from shared.clock import Clock
from shared.errors import Denied, Unavailable
from shared.sources.users.status import asks_to_wait, error_of, json_of, unavailable

ENDPOINT: Final = "https://identitytoolkit.googleapis.com"
_SCOPES = (
    "https://www.googleapis.com/auth/identitytoolkit",
    "https://www.googleapis.com/auth/cloud-platform",
)


@dataclass(frozen=True)
class Patience:
    """How long a call may take and how often it is made. Seconds; `attempts` counts the first one."""

    connect_s: float = 20.0
    read_s: float = 120.0
    attempts: int = 7
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0


class Answer(NamedTuple):
    """`headers` have lower-case names; `lost` says that an earlier attempt may have done what was asked."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    lost: bool = False

    @property
    def json(self) -> dict[str, Any]:
        return json_of(self.data)


def open_http(emulator: str = "", *, connections: int = 8) -> Any:
    """What requests go through: the application's default credentials, or none for an emulator."""
    pool = urllib3.PoolManager(maxsize=connections, retries=False)
    if emulator:
        return pool
    import google.auth
    from google.auth.transport.urllib3 import AuthorizedHttp

    credentials, _ = google.auth.default(scopes=_SCOPES)
    return AuthorizedHttp(credentials, http=pool)


class Service:
    """One project's. `http` is what `open_http` gives; `endpoint` a URL without a path, or an emulator's `HOST:PORT`,
    and `bearer` the token for it. `jitter` is a number in [0, 1) by chance.

    Safe from many threads.
    """

    def __init__(
        self,
        http: Any,
        project: str,
        *,
        endpoint: str,
        bearer: str,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience,
    ) -> None:
        self._http = http
        url = endpoint if "://" in endpoint else f"http://{endpoint}/identitytoolkit.googleapis.com"
        self._base = url.rstrip("/")
        self._project = quote(project, safe="")
        self._headers = {"Content-Type": "application/json", "User-Agent": "firekeep"}
        if bearer:
            self._headers["Authorization"] = f"Bearer {bearer}"
        self.clock = clock
        self._jitter = jitter
        self._patience = patience
        self._timeout = urllib3.Timeout(connect=patience.connect_s, read=patience.read_s)

    def ask(
        self,
        path: str,
        doing: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        """The answer of `call`; one that is not 200 is raised as one of our errors."""
        answer = self.call(path, doing, body, query)
        if answer.status != 200:
            raise error_of(answer.status, answer.data, doing)
        return answer.json

    def call(
        self,
        path: str,
        doing: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """POST a body, or GET without one; tried again, later and later by chance, while no answer comes or one that
        asks for it. `path` follows `projects/PROJECT`, and begins with the version: `v1/accounts:lookup`.
        """
        version, _, rest = path.partition("/")
        url = f"{self._base}/{version}/projects/{self._project}/{rest}"
        if query:
            url = f"{url}?{urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        failures, lost = 0, False
        while True:
            try:
                return self._send(url, doing, data)._replace(lost=lost)
            except Unavailable as error:
                failures, lost = failures + 1, True
                self._pause(failures, error)

    def _send(self, url: str, doing: str, data: bytes | None) -> Answer:
        try:
            answer = self._http.urlopen(
                "GET" if data is None else "POST",
                url,
                body=data,
                headers=dict(self._headers),
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{doing}: no answer from Identity Toolkit ({type(error).__name__})") from None
        except GoogleAuthError as error:
            if error.retryable:
                raise Unavailable(f"{doing}: the credentials could not be renewed just now") from None
            raise Denied(
                f"{doing}: no valid credentials ({type(error).__name__})",
                hint="run `gcloud auth application-default login`",
            ) from None
        if asks_to_wait(answer.status, answer.data):
            raise unavailable(answer.status, answer.data, doing)
        headers = {name.lower(): text for name, text in answer.headers.items()}
        return Answer(answer.status, headers, answer.data)

    def _pause(self, failures: int, error: Unavailable) -> None:
        patience = self._patience
        if failures >= patience.attempts:
            raise error
        longest = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** (failures - 1))
        self.clock.sleep(longest * (0.5 + self._jitter() / 2))
