"""The exception tree. Every error that leaves a module of ours is one of these.

FirekeepError
├── BadInput              the request, configuration or argument is wrong; nothing was changed
├── NotFound              what was asked for does not exist
├── Conflict              what exists contradicts what was asked (create over existing, stale version)
├── Denied                a credential, role or key does not allow it
│   └── WrongKey          the key does not open this repository
├── Unavailable           a service did not answer, or answered "later"; trying again makes sense
│   └── Busy              another worker holds the lease
├── StorageFull           no space, quota reached, or the place cannot be written
├── TooOld                the instant asked for is no longer readable
├── Incomplete            fewer records arrived than the counts promised; nothing was committed
├── IntegrityError        stored bytes are not what was written; never passed over
│   ├── Missing           an object or blob that must exist does not
│   └── Corrupt           an object or blob is damaged: wrong size, tag, hash or structure
├── Cancelled             somebody asked for it to be stopped
├── Unsupported           a value, type or format version this release cannot handle exactly
└── Internal              a bug of ours

An error carries `code` (stable, for machines), `exit_status` (for the command line), `retryable` (redeliver
or acknowledge) and `hint` (what to do about it). The message says what was being done, to what, and why it
failed. It never holds document content, keys or tokens.
"""

from __future__ import annotations

from typing import ClassVar


class FirekeepError(Exception):
    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[FirekeepError], message: str, hint: str) -> FirekeepError:
    return kind(message, hint=hint)


class BadInput(FirekeepError):
    code, exit_status = "bad_input", 2


class NotFound(FirekeepError):
    code, exit_status = "not_found", 3


class Conflict(FirekeepError):
    code, exit_status = "conflict", 4


class Denied(FirekeepError):
    code, exit_status = "denied", 5


class WrongKey(Denied):
    code = "wrong_key"


class Unavailable(FirekeepError):
    code, exit_status, retryable = "unavailable", 6, True


class Busy(Unavailable):
    code = "busy"


class StorageFull(FirekeepError):
    code, exit_status, retryable = "storage_full", 7, True


class TooOld(FirekeepError):
    code, exit_status = "too_old", 8


class Incomplete(FirekeepError):
    code, exit_status = "incomplete", 9


class IntegrityError(FirekeepError):
    code, exit_status = "integrity", 10


class Missing(IntegrityError):
    code = "missing"


class Corrupt(IntegrityError):
    code = "corrupt"


class Cancelled(FirekeepError):
    code, exit_status = "cancelled", 130


class Unsupported(FirekeepError):
    code, exit_status = "unsupported", 11


class Internal(FirekeepError):
    code, exit_status = "internal", 1
