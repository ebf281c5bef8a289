"""What an HTTP answer of Identity Toolkit means here: which of our errors, and whether asking again makes sense.

Of what the service says only its code is told, never its text, which may repeat an address or a number.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

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

ADMIN_ROLE: Final = "roles/firebaseauth.admin"
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_TRY_AGAIN_CODES = frozenset({"QUOTA_EXCEEDED", "TOO_MANY_ATTEMPTS_TRY_LATER", "RESOURCE_EXHAUSTED"})
_CODE = re.compile(r"([A-Z][A-Z0-9_]{2,60})(?: : .*)?", re.DOTALL)
_MESSAGE = re.compile(r"[A-Za-z][A-Za-z ,&-]{3,79}")

_KINDS: dict[int, tuple[type[FirekeepError], str, str]] = {
    400: (BadInput, "the service refused the request", ""),
    401: (Denied, "no valid credentials", "run `gcloud auth application-default login`"),
    403: (
        Denied,
        "permission denied",
        f"grant the identity {ADMIN_ROLE}, and roles/identitytoolkit.viewer when the project has tenants",
    ),
    404: (NotFound, "the project or the tenant does not exist", "check its name"),
    409: (Conflict, "it conflicts with what is there", ""),
    501: (Unsupported, "the service does not know this call", ""),
}
_SET_UP = "set up Firebase Authentication in the project"


def json_of(data: bytes) -> dict[str, Any]:
    """The object an answer holds. Corrupt when it holds none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Corrupt("reading an answer of Identity Toolkit: it is not a JSON object")
    return found


def code_of(data: bytes) -> str:
    """The service's code for why it refused, such as TENANT_NOT_FOUND; empty when it gives none."""
    try:
        found = _CODE.fullmatch(str(json.loads(data)["error"]["message"]))
    except (ValueError, LookupError, TypeError):
        return ""
    return found[1] if found else ""


def reason_of(message: object) -> str:
    """Why one account of a batch was refused: the service's words as far as they are no content."""
    text = message.partition(":")[0].strip(" (.") if isinstance(message, str) else ""
    return text if _MESSAGE.fullmatch(text.replace("_", " ")) else "no reason that can be told"


def told(status: int, data: bytes) -> str:
    """Status and code, as errors and outcomes show them."""
    return f"HTTP {status} {code_of(data)}".rstrip()


def asks_to_wait(status: int, data: bytes) -> bool:
    return status in _TRY_AGAIN or (status >= 400 and code_of(data) in _TRY_AGAIN_CODES)


def error_of(status: int, data: bytes, doing: str) -> FirekeepError:
    kind, why, hint = _KINDS.get(status, (Unsupported, "an answer that this release does not know", ""))
    if code_of(data) in ("CONFIGURATION_NOT_FOUND", "PROJECT_NOT_FOUND"):
        kind, why, hint = NotFound, "the project has no accounts service", _SET_UP
    return kind(f"{doing}: {why} ({told(status, data)})", hint=hint)


def unavailable(status: int, data: bytes, doing: str) -> Unavailable:
    return Unavailable(f"{doing}: Identity Toolkit asks to try again later ({told(status, data)})")
