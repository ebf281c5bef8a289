"""What the answer of a store over HTTP means, in our own errors: one table for all of them.

A message names the action, the object and the store's own code. It never repeats the store's words or an address: they
can hold a signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    StorageFull,
    Unavailable,
    Unsupported,
)

HELD: Final = frozenset(
    {
        "retentionPolicyNotMet",
        "objectUnderActiveHold",
        "BlobImmutableDueToPolicy",
        "BlobImmutableDueToLegalHold",
        "ObjectLocked",
    }
)
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound", "AccountNotFound"})
_FULL: Final = frozenset(
    {"storageQuotaExceeded", "QuotaExceeded", "XMinioStorageFull", "StorageFull", "InsufficientCapacity"}
)
_LATER: Final = frozenset(
    {
        "RequestTimeout",
        "SlowDown",
        "OperationAborted",
        "ConditionalRequestConflict",
        "OperationTimedOut",
        "ServerBusy",
        "rateLimitExceeded",
        "userRateLimitExceeded",
    }
)
_DAMAGED: Final = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "Md5Mismatch"}
)


@dataclass(frozen=True)
class Store:
    """How messages call the place, and what each verb needs there."""

    name: str
    permissions: Mapping[str, str]


@dataclass(frozen=True)
class Attempt:
    """What was being done: `verb` is one of the six, `action` the words for it."""

    store: Store
    verb: str
    action: str
    key: str

    @property
    def words(self) -> str:
        return f"{self.action} {self.key!r} in {self.store.name} failed"


class OutOfRange(Corrupt):
    """The span begins where the object has ended, or behind that."""


def refusal(attempt: Attempt, status: int, code: str = "") -> FirekeepError:
    """The error for an answer with this HTTP status and the store's own code; status 0 when there was no answer."""
    why = f"{attempt.words}: {_told(status, code)}"
    # Nothing is deleted on a condition: what conflicts is a hold or a lease, and not every store names it.
    if code in HELD or (attempt.verb == "delete" and status in (409, 412) and code not in _LATER):
        return Denied(
            f"{attempt.words}: it is held", hint="it can go when the retention of the store has ended"
        )
    if code in _NO_BUCKET:
        return NotFound(f"{attempt.words}: there is no such bucket", hint="make it, or check its name")
    if code in _FULL or status == 507:
        return StorageFull(why, hint="free some space or raise the quota, then try again")
    if code in _DAMAGED:
        return Unavailable(f"{attempt.words}: the bytes were damaged on the way, and nothing was stored")
    if code in _LATER or status in (0, 408, 429) or (status >= 500 and status != 501):
        return Unavailable(why)
    return _refusal(attempt, status, why)


def _refusal(attempt: Attempt, status: int, why: str) -> FirekeepError:
    if status == 404:
        return NotFound(f"{attempt.words}: there is no such object")
    if status == 416:
        return OutOfRange(f"{attempt.words}: it is shorter")
    if status in (409, 412):
        return Conflict(f"{attempt.words}: the object is not at the version expected")
    if status in (401, 403):
        needed = attempt.store.permissions.get(attempt.verb, "")
        return Denied(why, hint=f"it needs {needed} there" if needed else "check the credentials")
    if status == 501:
        return Unsupported(
            why, hint="the store lacks what a repository needs; docs/stores.md tells what that is"
        )
    return BadInput(why, hint="check bucket, region and endpoint of the repository")


def _told(status: int, code: str) -> str:
    if not status:
        return "no answer"
    return f"the store answered {status} {code}".rstrip()
