"""Holds of single objects, for stores whose library knows no retention: what is asked, and what is answered.

A store that keeps versions lets anybody delete or replace what is held: the bytes stay as an older version, but readers
see them no more. So a provider looks before it does either. Whether a hold has ended is told by the store's own clock,
which comes with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Protocol

import obstore
import requests
from requests.adapters import HTTPAdapter

ENDLESS: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""How long a legal hold lasts, which has no end of its own."""

_SIGNED_FOR: Final = timedelta(minutes=5)


class Refused(OSError):
    """An answer that is no success: its HTTP status, and the store's own code or nothing."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Held:
    """How long one version of an object is held, if at all; `mode` is the store's word for who may end it."""

    until: datetime | None
    mode: str
    version: str
    now: datetime

    @property
    def active(self) -> bool:
        return self.until is not None and self.until > self.now


class Retention(Protocol):
    """The part of a store that holds objects. Raises OSError, and Refused for an answer that is no success."""

    hint: str
    """How the owner makes holds possible."""

    def look(self, path: str) -> Held:
        """How the newest version is held."""

    def lengthen(self, path: str, until: datetime, present: Held) -> None:
        """Hold the version that was looked at, longer than it is."""


class Wire:
    """Requests to `store`, an obstore store of a bucket, one attempt each. Safe from many threads."""

    def __init__(self, store: Any, timeout_s: float, connections: int) -> None:
        self._store = store
        self._timeout = (min(timeout_s, 10.0), timeout_s)
        self._session = requests.Session()
        # What ~/.netrc has for the host would take the place of the signature.
        self._session.auth = _as_it_is
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections, max_retries=0))

    def signed(self, method: Literal["HEAD", "GET", "PUT"], path: str) -> str:
        """The object's URL with a signature in its query, by the credentials of the library."""
        return obstore.sign(self._store, method, path, _SIGNED_FOR)

    def send(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> requests.Response:
        """The answer whole. Refused when it is no success."""
        answer = self._session.request(
            method, url, headers=headers, data=body, timeout=self._timeout, allow_redirects=False
        )
        if answer.status_code // 100 != 2:
            raise Refused(answer.status_code, _code(answer))
        return answer


def store_time(answer: requests.Response) -> datetime:
    """The store's clock; the beginning of time when it tells none, so that no hold looks ended."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return datetime.min.replace(tzinfo=UTC)


def whole_seconds(until: datetime) -> datetime:
    """In UTC, rounded up: what stores keep at least."""
    rounded = until.astimezone(UTC).replace(microsecond=0)
    return rounded + timedelta(seconds=1) if until.microsecond else rounded


def _code(answer: requests.Response) -> str:
    named = answer.headers.get("x-ms-error-code", "")
    if named:
        return named[:60]
    found = answer.text.partition("<Code>")[2].partition("</Code>")[0]
    return found if found.isalnum() and len(found) <= 60 else ""


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class NoRetention:
    """For a store whose objects cannot be held one by one."""

    def __init__(self, hint: str) -> None:
        self.hint = hint

    def look(self, path: str) -> Held:
        del path
        return Held(None, "", "", datetime.min.replace(tzinfo=UTC))

    def lengthen(self, path: str, until: datetime, present: Held) -> None:
        del path, until, present
        raise Refused(501)
