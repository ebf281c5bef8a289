"""What a gRPC status of Firestore means here: which of our errors, and whether asking again makes sense.

The service's own text is told for reads only, and cut short: what it says of a write may hold content.
"""

from __future__ import annotations

import grpc

from shared.errors import (
    BadInput,
    Conflict,
    Denied,
    FirekeepError,
    IntegrityError,
    Internal,
    NotFound,
    TooOld,
    Unavailable,
    Unsupported,
)

Code = grpc.StatusCode

READ_AGAIN = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.INTERNAL, Code.ABORTED}
)
"""A read changes nothing, so whatever may pass is asked again."""

WRITE_AGAIN = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED})
"""Guarded writes may be sent again: one that landed meets its own guard, and is told as moved."""

MAY_HAVE_LANDED = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN, Code.INTERNAL}
)

_KINDS: dict[grpc.StatusCode, tuple[type[FirekeepError], str, str]] = {
    Code.OK: (Internal, "the service ended the call without an answer", ""),
    Code.CANCELLED: (Unavailable, "the call was cancelled", ""),
    Code.UNKNOWN: (Unavailable, "the service failed without saying why", ""),
    Code.INVALID_ARGUMENT: (BadInput, "the service refused the request", ""),
    Code.DEADLINE_EXCEEDED: (Unavailable, "no answer in time", ""),
    Code.NOT_FOUND: (
        NotFound,
        "the project or the database does not exist",
        "check the project and database names",
    ),
    Code.ALREADY_EXISTS: (Conflict, "it exists already", ""),
    Code.PERMISSION_DENIED: (
        Denied,
        "permission denied",
        "grant the identity roles/datastore.viewer to read, roles/datastore.user to write",
    ),
    Code.RESOURCE_EXHAUSTED: (Unavailable, "a quota or size limit was reached", ""),
    Code.FAILED_PRECONDITION: (Conflict, "the database is not in the state this needs", ""),
    Code.ABORTED: (Unavailable, "too much contention", ""),
    Code.OUT_OF_RANGE: (BadInput, "a value is out of range", ""),
    Code.UNIMPLEMENTED: (Unsupported, "the service does not know this call", ""),
    Code.INTERNAL: (Unavailable, "the service had an internal error", ""),
    Code.UNAVAILABLE: (Unavailable, "the service is not reachable", ""),
    Code.DATA_LOSS: (IntegrityError, "the service reports lost or damaged data", ""),
    Code.UNAUTHENTICATED: (Denied, "no valid credentials", "run `gcloud auth application-default login`"),
}


def code_of(error: Exception) -> grpc.StatusCode:
    """The status of a failed call. Only what grpc raises from a call has one."""
    code = getattr(error, "code", lambda: None)()
    return code if isinstance(code, grpc.StatusCode) else Code.UNKNOWN


def error_of(error: Exception, doing: str, *, tell: bool) -> FirekeepError:
    """Ours for a failed call. `tell`: the service's text may be shown."""
    code = code_of(error)
    text = " ".join(str(getattr(error, "details", str)() or "").split())[:300]
    if code in (Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT) and "too old" in text.lower():
        return TooOld(
            f"{doing}: the instant is no longer readable",
            hint="Firestore keeps one hour, or seven days of whole minutes with point-in-time recovery",
        )
    kind, why, hint = _KINDS[code]
    if code is Code.RESOURCE_EXHAUSTED and "larger than max" in text:
        hint = "documents are large: lower FIREKEEP_PAGE_SIZE"
    said = f": {text}" if tell and text else ""
    return kind(f"{doing}: {why} ({code.name}{said})", hint=hint)
