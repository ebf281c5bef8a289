"""Calls to the REST APIs that hold settings: credentials by google.auth, one retry layer, and errors that are ours.

A call that is made again after its answer was lost finds its own work and is told as MOVED; who asks must look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import urllib3
from google.auth.exceptions import GoogleAuthError

from shared.clock import Clock
from shared.errors import Corrupt, Denied, Unavailable, Unsupported
from shared.sources.contract import Result
from shared.sources.settings.answers import MOST_BYTES, TRY_AGAIN, Answer
from shared.sources.settings.verdict import DONE, NotThere, Verdict

_SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/firebase",
    "https://www.googleapis.com/auth/identitytoolkit",
)
_MOST_PAGES = 10_000
_MET = ("VERSION_MISMATCH", "ALREADY_EXISTS", "CONFIGURATION_EXISTS")
"""What is there is not what was seen, in words that come with other statuses."""


@dataclass(frozen=True)
class Endpoints:
    """URLs in front of each API's paths (`/v1/...`); empty for one that is not there. `token` is sent to stand-ins,
    which take it for whom they please; empty for the application's own credentials.
    """

    auth: str = "https://identitytoolkit.googleapis.com"
    rules: str = "https://firebaserules.googleapis.com"
    remote_config: str = "https://firebaseremoteconfig.googleapis.com"
    firestore: str = "https://firestore.googleapis.com"
    token: str = ""

    @classmethod
    def of_emulators(cls, auth: str = "") -> Self:
        """Of a local stack: `auth` is the Auth emulator's `HOST:PORT`; nothing else has an emulator."""
        return cls(f"http://{auth}/identitytoolkit.googleapis.com" if auth else "", "", "", "", "owner")


@dataclass(frozen=True)
class Patience:
    """How long a call may take and how often it is made. Seconds; `attempts` counts the first one."""

    connect_s: float = 20.0
    read_s: float = 60.0
    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 32.0


@dataclass(frozen=True)
class Api:
    """One service: how people call it, where it is, the name to enable it by, and who may read and write."""

    what: str
    url: str
    enable: str
    reader: str
    writer: str


def open_http(*, emulated: bool = False, connections: int = 8) -> Any:
    """What requests go through: the application's default credentials, or none for stand-ins."""
    pool = urllib3.PoolManager(maxsize=connections, retries=False)
    if emulated:
        return pool
    import google.auth
    from google.auth.transport.urllib3 import AuthorizedHttp

    credentials, _ = google.auth.default(scopes=_SCOPES)
    return AuthorizedHttp(credentials, http=pool)


class Service:
    """Calls to one API. `http` is what `open_http` gives, `jitter` a number in [0, 1) by chance.

    Safe from many threads.
    """

    def __init__(
        self,
        http: Any,
        api: Api,
        *,
        token: str,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience,
    ) -> None:
        self.api = api
        self._http = http
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": "firekeep"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._clock = clock
        self._jitter = jitter
        self._patience = patience
        self._timeout = urllib3.Timeout(connect=patience.connect_s, read=patience.read_s)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer | None:
        """The answer; None for what does not exist. A path is quoted already."""
        answer = self.call("GET", path, query)
        return None if answer.status == 404 else self.known(answer)

    def items(
        self,
        path: str,
        name: str,
        query: Mapping[str, str] | None = None,
        without: Callable[[Answer], bool] = lambda _: False,
    ) -> Iterator[dict[str, Any]]:
        """The objects that all pages of a listing hold under `name`. NotThere when what is listed does not exist.

        An answer that is `without` ends the list.
        """
        asked = dict(query or {})
        for _ in range(_MOST_PAGES):
            answer = self.call("GET", path, asked)
            if without(answer):
                return
            page = self.known(answer).json
            found = page.get(name, [])
            if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
                raise Corrupt(f"reading {self.api.what}: the answer holds no list of {name}")
            yield from found
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = str(page["nextPageToken"])
        raise Corrupt(f"reading {self.api.what}: the list of {name} does not end")

    def change(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Verdict, Answer]:
        """What became of a write: done, met something else than was seen, or refused for what it says."""
        answer = self.call(method, path, query, body, headers)
        if answer.ok:
            return DONE, answer
        moved = answer.status in (404, 409, 412) or answer.word in _MET
        if moved:
            return Verdict(Result.MOVED, answer.told), answer
        return Verdict(Result.FAILED, f"{self.api.what} refused it ({answer.told})"), answer

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer of a call, made again while it is Unavailable. NotThere, Denied and Unavailable are raised."""
        if not self.api.url:
            raise NotThere(f"no emulator serves {self.api.what}")
        url = f"{self.api.url.rstrip('/')}{path}{'?' + urlencode(query) if query else ''}"
        sent = {**self._headers, **({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        failures = 0
        while True:
            try:
                return self._checked(self._send(method, url, body, sent), reading=method == "GET")
            except Unavailable as error:
                failures += 1
                self._pause(failures, error)

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        what = self.api.what
        try:
            answer = self._http.urlopen(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            data = answer.read(MOST_BYTES + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"asking {what}: no answer ({type(error).__name__})") from None
        except GoogleAuthError as error:
            if error.retryable:
                raise Unavailable(f"asking {what}: the credentials could not be renewed just now") from None
            raise Denied(
                f"asking {what}: no valid credentials ({type(error).__name__})",
                hint="run `gcloud auth application-default login`",
            ) from None
        if len(data) > MOST_BYTES:
            answer.close()
            raise Unsupported(f"asking {what}: an answer of more than {MOST_BYTES >> 20} MiB")
        answer.release_conn()
        return Answer(
            answer.status, {name.lower(): text for name, text in answer.headers.items()}, data, what
        )

    def known(self, answer: Answer) -> Answer:
        """The answer of a reading call, when it is one. NotThere for what does not exist, Unsupported for others."""
        what = self.api.what
        if answer.status == 404:
            raise NotThere(f"{what} is not set up in this project")
        if not answer.ok:
            raise Unsupported(f"reading {what}: an answer that this release does not know ({answer.told})")
        return answer

    def _checked(self, answer: Answer, *, reading: bool) -> Answer:
        api = self.api
        if answer.status in TRY_AGAIN:
            raise Unavailable(f"asking {api.what}: it asks to try again later ({answer.told})")
        if answer.disabled:
            raise NotThere(f"{api.what} is not enabled in this project ({api.enable})")
        if answer.status == 401:
            raise Denied(
                f"asking {api.what}: no valid credentials ({answer.told})",
                hint="run `gcloud auth application-default login`",
            )
        if answer.status == 403:
            raise Denied(
                f"{'reading' if reading else 'writing'} {api.what}: permission denied ({answer.told})",
                hint=f"grant the identity {api.reader if reading else api.writer}",
            )
        return answer

    def _pause(self, failures: int, error: Unavailable) -> None:
        patience = self._patience
        if failures >= patience.attempts:
            raise error
        longest = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** (failures - 1))
        self._clock.sleep(longest * (0.5 + self._jitter() / 2))
