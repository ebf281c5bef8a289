"""What an HTTP answer of Cloud Storage means here: which of our errors, and whether asking again makes sense.

Of what the service says only its reason in a word is told, never its text, which may repeat what was sent.
"""

from __future__ import annotations

import json
import re
from typing import Any

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    Unavailable,
    Unsupported,
)

TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")

_KINDS: dict[int, tuple[type[FirekeepError], str, str]] = {
    400: (BadInput, "the service refused the request", ""),
    401: (Denied, "no valid credentials", "run `gcloud auth application-default login`"),
    403: (
        Denied,
        "permission denied",
        "grant the identity roles/storage.objectViewer to read, roles/storage.objectAdmin to restore",
    ),
    404: (NotFound, "the bucket or the object does not exist", "check the names of the buckets"),
    409: (Conflict, "it conflicts with what is there", ""),
    412: (Conflict, "it is not what was seen", ""),
    501: (Unsupported, "the service does not know this call", ""),
}


def json_of(data: bytes) -> dict[str, Any]:
    """The object an answer holds. Corrupt when it holds none."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Corrupt("reading an answer of Cloud Storage: it is not a JSON object")
    return found


def reason_of(data: bytes) -> str:
    """The service's word for why it refused; empty when it gives none."""
    try:
        reason = str(json.loads(data)["error"]["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
    return reason if _WORD.fullmatch(reason) else ""


def told(status: int, data: bytes) -> str:
    """Status and reason, as errors and outcomes show them."""
    return f"HTTP {status} {reason_of(data)}".rstrip()


def error_of(status: int, data: bytes, doing: str) -> FirekeepError:
    kind, why, hint = _KINDS.get(status, (Unsupported, "an answer that this release does not know", ""))
    return kind(f"{doing}: {why} ({told(status, data)})", hint=hint)


def unavailable(status: int, data: bytes, doing: str) -> Unavailable:
    return Unavailable(f"{doing}: Cloud Storage asks to try again later ({told(status, data)})")
