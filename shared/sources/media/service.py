"""Calls to Cloud Storage's JSON API: credentials by google.auth, one retry layer, and errors that are ours.

Straight over google.auth's urllib3 transport: a download through google-cloud-storage's classes costs 1 ms of
processor time, through its session 0.8 ms, through this 0.35 ms, and small files are all such cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from google.auth.exceptions import GoogleAuthError

from shared.clock import Clock
from shared.errors import Denied, Unavailable
from shared.sources.media.status import TRY_AGAIN, error_of, json_of, unavailable

T = TypeVar("T")

ENDPOINT = "https://storage.googleapis.com"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.full_control",)


@dataclass(frozen=True)
class Patience:
    """How long a call may take and how often it is made. Seconds; `attempts` counts the first one."""

    connect_s: float = 20.0
    read_s: float = 60.0
    attempts: int = 6
    first_wait_s: float = 0.25
    longest_wait_s: float = 16.0


class Answer(NamedTuple):
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json_of(self.data)


def open_http(emulator: str = "", *, connections: int = 32) -> Any:
    """What requests go through: the application's default credentials, or none for an emulator."""
    pool = urllib3.PoolManager(maxsize=connections, retries=False)
    if emulator:
        return pool
    import google.auth
    from google.auth.transport.urllib3 import AuthorizedHttp

    credentials, _ = google.auth.default(scopes=_SCOPES)
    return AuthorizedHttp(credentials, http=pool)


def object_path(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"


class Service:
    """`http` is what `open_http` gives; `endpoint` a URL without a path. `jitter` is a number in [0, 1) by chance.

    Safe from many threads.
    """

    def __init__(
        self, http: Any, endpoint: str, *, clock: Clock, jitter: Callable[[], float], patience: Patience
    ) -> None:
        self._http = http
        self._endpoint = endpoint.rstrip("/") if "://" in endpoint else f"http://{endpoint}"
        self.clock = clock
        self._jitter = jitter
        self._patience = patience
        self._timeout = urllib3.Timeout(connect=patience.connect_s, read=patience.read_s)

    @property
    def attempts(self) -> int:
        return self._patience.attempts

    def url(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        """Of a path that is quoted already."""
        return f"{self._endpoint}{path}?{urlencode(query)}" if query else self._endpoint + path

    def send(
        self,
        method: str,
        url: str,
        doing: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        raw: bool = False,
    ) -> Answer:
        """One attempt. Unavailable when no answer came, or one that asks to try again; others are the caller's.

        `raw` leaves what is stored compressed as it is.
        """
        # Only a client that takes gzip is given a compressed object as it is stored.
        sent = {"Accept-Encoding": "gzip", "User-Agent": "firekeep", **(headers or {})}
        try:
            answer = self._http.urlopen(
                method,
                url,
                body=body,
                headers=sent,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                decode_content=not raw,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{doing}: no answer from Cloud Storage ({type(error).__name__})") from None
        except GoogleAuthError as error:
            if error.retryable:
                raise Unavailable(f"{doing}: the credentials could not be renewed just now") from None
            raise Denied(
                f"{doing}: no valid credentials ({type(error).__name__})",
                hint="run `gcloud auth application-default login`",
            ) from None
        found = Answer(
            answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.data
        )
        if found.status in TRY_AGAIN:
            raise unavailable(found.status, found.data, doing)
        return found

    def ask(
        self,
        method: str,
        url: str,
        doing: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer of a call that may be made again; one that is not 2xx is raised as one of our errors."""
        answer = self.again(lambda: self.send(method, url, doing, body, headers))
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, answer.data, doing)
        return answer

    def again(self, attempt: Callable[[], T]) -> T:
        """`attempt` until it is not Unavailable, a few times, later and later by chance."""
        failures = 0
        while True:
            try:
                return attempt()
            except Unavailable as error:
                failures += 1
                self.pause(failures, error)

    def pause(self, failures: int, error: Unavailable) -> None:
        """Wait as long as this many failures in a row ask for; raises the error after the last attempt."""
        patience = self._patience
        if failures >= patience.attempts:
            raise error
        longest = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** (failures - 1))
        self.clock.sleep(longest * (0.5 + self._jitter() / 2))
