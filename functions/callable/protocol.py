"""The wire protocol of Firebase's callable functions, both ways; no I/O.

A request is a POST of `{"data": …}` in JSON and nothing else; the answer is `{"result": …}`, or
`{"error": {"status", "message", "details"}}` with the HTTP status that belongs to it. Browsers ask first (CORS);
any origin may call, for what lets a caller in is a token that no browser adds by itself.
https://firebase.google.com/docs/functions/callable-reference
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, NoReturn

MAX_BODY_BYTES: Final = 1_000_000

STATUSES: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

HEADERS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Firebase-Instance-ID-Token, X-Firebase-AppCheck",
    "Access-Control-Max-Age": "3600",
}

_TYPE = re.compile(r'application/json\s*(;\s*charset="?utf-8"?\s*)?', re.I)
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+) *", re.I)
_LONG: Final = (
    "type.googleapis.com/google.protobuf.Int64Value",
    "type.googleapis.com/google.protobuf.UInt64Value",
)
_WHOLE = re.compile(r"-?[0-9]{1,20}")


class CallError(Exception):
    """What a caller is told. Everything in it may be read by anybody."""

    def __init__(self, status: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        told = {"status": self.status, "message": self.message}
        return {"error": told if self.details is None else {**told, "details": dict(self.details)}}


@dataclass(frozen=True)
class Call:
    """A request as it came. `body` may be longer than allowed, by at least a byte."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def preflight() -> Answer:
    """What a browser wants to know before it sends the call."""
    return Answer(204, headers={**HEADERS, **PREFLIGHT})


def succeeded(result: object) -> Answer:
    return _json(200, {"result": result})


def failed(error: CallError) -> Answer:
    return _json(STATUSES[error.status], error.body())


def data_of(call: Call) -> bytes:
    """The call's data as JSON, in a form that every parser reads. CallError for what is no call."""
    if call.method != "POST":
        raise CallError("INVALID_ARGUMENT", "a callable is called with POST")
    if _TYPE.fullmatch(call.headers.get("content-type", "").strip()) is None:
        raise CallError("INVALID_ARGUMENT", "the content type must be application/json")
    if len(call.body) > MAX_BODY_BYTES:
        raise CallError("INVALID_ARGUMENT", f"the request is longer than {MAX_BODY_BYTES} bytes")
    try:
        body = json.loads(
            call.body.decode(), parse_constant=_refuse, object_pairs_hook=_once, parse_float=_finite
        )
        if not isinstance(body, dict) or body.keys() != {"data"}:
            raise CallError("INVALID_ARGUMENT", 'the request must be {"data": …} and nothing else')
        return json.dumps(_plain(body["data"]) if body["data"] is not None else {}).encode()
    except (ValueError, RecursionError):
        raise CallError("INVALID_ARGUMENT", "the request is not JSON in UTF-8") from None


def token_of(call: Call) -> str:
    """The ID token. CallError when there is none: nothing here is open to everybody."""
    found = _BEARER.fullmatch(call.headers.get("authorization", ""))
    if found is None:
        raise CallError("UNAUTHENTICATED", "sign in first: the call has no ID token")
    return found[1]


def app_token_of(call: Call) -> str:
    """The App Check token, or nothing."""
    return call.headers.get("x-firebase-appcheck", "").strip()


def _json(status: int, body: object) -> Answer:
    return Answer(
        status, json.dumps(body).encode(), {**HEADERS, "Content-Type": "application/json; charset=utf-8"}
    )


def _refuse(_: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _plain(value: Any) -> Any:
    """Clients for phones write 64-bit integers as objects that tell their type."""
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    text = value.get("value")
    if value.get("@type") in _LONG and isinstance(text, str) and _WHOLE.fullmatch(text):
        return int(text)
    return {name: _plain(inner) for name, inner in value.items()}
