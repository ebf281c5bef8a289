"""Signed URLs, version 4 and 2: well-formed and not expired. Signatures are not checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from emulators.storage.messages import Request
from emulators.storage.refusal import Refused
from emulators.storage.times import SECOND

_LONGEST_S = 604_800
_DATE = re.compile(r"\d{8}T\d{6}Z")
_NEEDED = ("x-goog-algorithm", "x-goog-credential", "x-goog-date", "x-goog-expires", "x-goog-signedheaders")


def check_signed(request: Request, now: int) -> None:
    """Refused when the request has a signature whose time has passed or whose parameters are incomplete."""
    query = {name.lower(): value for name, value in request.query.items()}
    if "x-goog-signature" in query:
        _check_v4(query, now)
    elif "signature" in query and "googleaccessid" in query:
        _check_v2(query, now)


def _check_v4(query: dict[str, str], now: int) -> None:
    missing = [name for name in _NEEDED if not query.get(name)]
    if missing:
        raise _malformed(f"The signed URL has no {missing[0]}.")
    if not _DATE.fullmatch(query["x-goog-date"]) or not query["x-goog-expires"].isdecimal():
        raise _malformed("The signed URL's date or expiry is malformed.")
    try:
        made = datetime.strptime(query["x-goog-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _malformed("The signed URL's date is malformed.") from None
    seconds = int(query["x-goog-expires"][:10])
    if seconds > _LONGEST_S:
        raise _malformed("A signed URL lives for at most 604800 seconds.")
    if int(made.timestamp() + seconds) * SECOND <= now:
        raise _expired()


def _check_v2(query: dict[str, str], now: int) -> None:
    expires = query.get("expires", "")
    if not expires.isdecimal():
        raise _malformed("The signed URL has no valid Expires.")
    if int(expires[:12]) * SECOND <= now:
        raise _expired()


def _malformed(message: str) -> Refused:
    return Refused(400, "AuthenticationRequired", message)


def _expired() -> Refused:
    return Refused(400, "ExpiredToken", "The provided token has expired.")
