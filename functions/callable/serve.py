"""One call from the request to the answer: who calls, may they, is it too often, is the input valid; then it is run.

In that order, so that nobody learns anything about a callable that is not theirs. An answer never holds more of an
error than the caller may know: what is not theirs to mend is INTERNAL or UNAVAILABLE with an id, and the log has the
rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from traceback import extract_tb
from typing import Any

from functions.callable.limit import RateLimit
from functions.callable.protocol import (
    Answer,
    Call,
    CallError,
    app_token_of,
    data_of,
    failed,
    preflight,
    succeeded,
    token_of,
)
from shared.errors import BadInput, Conflict, Denied, FirekeepError, NotFound, TooOld, Unsupported
from shared.identity.contract import Caller, Identity
from shared.models.base import Model
from shared.models.callables import CALLABLES, ROLES, CallableSpec

Run = Callable[[Caller, Any], Model]
"""What a callable does."""
Tell = Callable[[str, Mapping[str, Any]], None]
"""Takes a line for the log: its severity and its facts."""

_SPECS: Mapping[str, CallableSpec] = {spec.name: spec for spec in CALLABLES}
_STATUS: Mapping[type[FirekeepError], str] = {
    BadInput: "INVALID_ARGUMENT",
    Unsupported: "INVALID_ARGUMENT",
    NotFound: "NOT_FOUND",
    Conflict: "FAILED_PRECONDITION",
    TooOld: "FAILED_PRECONDITION",
}
"""What is the caller's to mend. Denied is not: it is the function that is not allowed something then."""


@dataclass(frozen=True)
class Service:
    """What a call needs. `operations` by name; `new_id` makes the id by which an error is found in the log."""

    identity: Identity
    limit: RateLimit
    operations: Mapping[str, Run]
    new_id: Callable[[], str]
    tell: Tell


def serve(service: Service, call: Call) -> Answer:
    """The answer, whatever the request is. Only what the functions runtime does to the process leaves as an error."""
    if call.method == "OPTIONS":
        return preflight()
    facts: dict[str, Any] = {"callable": call.path.strip("/")[:64]}
    try:
        result = _run(service, call, facts)
    except CallError as error:
        service.tell("NOTICE", {**facts, "status": error.status})
        return failed(error)
    except Exception as error:  # noqa: BLE001  # a bug is told by an id, never by what it says
        return failed(_internal(service, facts, error))
    service.tell("INFO", {**facts, "status": "OK"})
    return succeeded(result)


def _run(service: Service, call: Call, facts: dict[str, Any]) -> Any:
    data = data_of(call)
    caller = _caller(service, call)
    facts["uid"] = caller.uid
    spec = _SPECS.get(facts["callable"])
    if spec is None:
        raise CallError("NOT_FOUND", "there is no callable of this name")
    if caller.role not in ROLES or ROLES.index(caller.role) < ROLES.index(spec.role):
        raise CallError("PERMISSION_DENIED", f"{spec.name} takes the role {spec.role}")
    wait = service.limit.take(caller.uid, spec.cost)
    if wait:
        raise CallError("RESOURCE_EXHAUSTED", "too many calls", {"retryAfterSeconds": ceil(wait)})
    try:
        answer = service.operations[spec.name](caller, spec.input.from_message(data))
    except FirekeepError as error:
        raise _told(service, facts, error) from error
    return json.loads(answer.to_message())


def _caller(service: Service, call: Call) -> Caller:
    token = token_of(call)
    try:
        service.identity.check_app(app_token_of(call))
        return service.identity.caller(token)
    except Denied as error:
        raise CallError("UNAUTHENTICATED", str(error)) from error
    except FirekeepError as error:
        raise _told(service, {"callable": "identity"}, error) from error


def _told(service: Service, facts: Mapping[str, Any], error: FirekeepError) -> CallError:
    status = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), None)
    if status is not None:
        details = {"code": error.code, **({"hint": error.hint} if error.hint else {})}
        return CallError(status, error.message, details)
    return _internal(service, facts, error)


def _internal(service: Service, facts: Mapping[str, Any], error: Exception) -> CallError:
    known = isinstance(error, FirekeepError)
    retryable = isinstance(error, FirekeepError) and error.retryable
    found = service.new_id()
    frames = [f"{frame.name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-6:]]
    # Our own messages hold no content; those of others may.
    why = str(error) if known else type(error).__name__
    service.tell("WARNING" if retryable else "ERROR", {**facts, "errorId": found, "error": why, "at": frames})
    if retryable:
        return CallError("UNAVAILABLE", "a service does not answer, try again", {"errorId": found})
    return CallError("INTERNAL", "internal error", {"errorId": found})
