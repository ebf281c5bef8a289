"""What Google's key services answer, in our own errors.

A message names the action, the key or secret, and what the service said of permissions and states: never its words as
they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth import exceptions as auth

from shared.errors import BadInput, Denied, FirekeepError, NotFound, Unavailable

_PERMISSION = re.compile(r"[Pp]ermission '([A-Za-z0-9.]{1,80})'")
_STATE = re.compile(r"(?:state is: |in )([A-Z_]{4,40})\b")
_CHECKSUM = re.compile(r"crc32c|checksum", re.I)
_LATER: Final = (
    api.ServerError,
    api.TooManyRequests,
    api.Aborted,
    api.Cancelled,
    api.RetryError,
    auth.TransportError,
)
CALL_S: Final = 10.0
"""How long one answer may take, in seconds."""


def retrying(patience_s: float) -> Any:
    """The clients' own way to ask again, for so many seconds in all."""
    return Retry(initial=0.2, maximum=2.0, timeout=patience_s)


@contextmanager
def asking(action: str, resource: str, role: str, invalid: type[FirekeepError] = BadInput) -> Iterator[None]:
    """Turns what the client raises into our errors. `role` allows the action; `invalid` is for a request refused."""
    try:
        yield
    except (api.GoogleAPIError, auth.GoogleAuthError) as error:
        what, said = f"{action} {resource} failed", str(error)
        if isinstance(error, _LATER):
            raise Unavailable(f"{what}: the service did not answer, or not now") from None
        if isinstance(error, api.InvalidArgument) and _CHECKSUM.search(said):
            raise damaged_on_the_way(action, resource) from None
        if isinstance(error, api.InvalidArgument):
            raise invalid(f"{what}: the service refused it", hint="check that it is the right one") from None
        raise _refusal(error, what, role) from None


def damaged_on_the_way(action: str, resource: str) -> FirekeepError:
    """The error for a checksum that does not fit."""
    return Unavailable(f"{action} {resource} failed: bytes were damaged on the way", hint="try again")


def _refusal(error: Exception, what: str, role: str) -> FirekeepError:
    said = str(error)
    if isinstance(error, api.NotFound):
        return NotFound(f"{what}: there is no such thing", hint="check its name and its project")
    if isinstance(error, api.Forbidden):
        missing = _PERMISSION.search(said)
        lacking = f"the permission {missing[1]} is missing" if missing else "permission is missing"
        return Denied(f"{what}: {lacking}", hint=f"grant {role}")
    if isinstance(error, api.FailedPrecondition):
        state = _STATE.search(said)
        return Denied(
            f"{what}: it is {state[1].lower().replace('_', ' ') if state else 'not usable'}",
            hint="enable that version again; one that was destroyed is gone, and another key must open",
        )
    if isinstance(error, (api.Unauthorized, auth.GoogleAuthError)):
        return Denied(
            f"{what}: there are no credentials, or they have expired",
            hint="run `gcloud auth application-default login`",
        )
    return BadInput(f"{what}: the service answered {type(error).__name__}")
