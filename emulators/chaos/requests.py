"""Faults in HTTP requests: what is common to Storage and Auth, and the wrappers around their handlers."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING

from emulators.host.messages import Hangup

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emulators.chaos.controller import Chaos, Strike
    from emulators.host.messages import Request as AuthRequest
    from emulators.host.messages import Response as AuthResponse
    from emulators.storage.messages import Request as StorageRequest
    from emulators.storage.messages import Response as StorageResponse

    StorageHandle = Callable[[StorageRequest], StorageResponse]
    AuthHandle = Callable[[AuthRequest, Callable[[], bool]], Awaitable[AuthResponse]]

STATUSES = {
    "UNAVAILABLE": (503, "backendError"),
    "RESOURCE_EXHAUSTED": (429, "rateLimitExceeded"),
    "INTERNAL": (500, "internalError"),
    "DEADLINE_EXCEEDED": (408, "requestTimeout"),
}
_MESSAGE = "The service fails by order of a chaos plan."
_WHOLE = frozenset({"b", "o", "p"})
_TO_COLON = frozenset({"projects", "tenants"})
_API = re.compile(
    r"/(?:storage/v1|upload|download|resumable|batch|v0|b|[a-z]+\.googleapis\.com|emulator)(?:/|$)"
)


def family(method: str, path: str) -> str:
    """Method and path without what names a bucket, an object, a project or a tenant."""
    if not _API.match(path):
        # The XML API: /BUCKET/OBJECT, whose slashes may be anything.
        bucket, _, name = path.lstrip("/").partition("/")
        return f"{method} /{'*' if bucket else ''}{'/*' if name else ''}"
    words, before = [], ""
    for word in path.split("/"):
        if before in _WHOLE:
            words.append("*")
        elif before in _TO_COLON:
            _, colon, verb = word.partition(":")
            words.append(f"*{colon}{verb}")
        else:
            words.append(word)
        # What names something says nothing of what follows it.
        before = "" if before in _WHOLE | _TO_COLON else word
    return f"{method} {'/'.join(words)}"


def hostile_storage(chaos: Chaos, handle: StorageHandle) -> StorageHandle:
    """Storage's handler, on a thread of its own for each connection."""
    from emulators.storage.messages import refused_json
    from emulators.storage.refusal import Refused

    def call(request: StorageRequest) -> StorageResponse:
        strike = _due(chaos, "storage", request.method, request.path)
        if strike is None:
            return handle(request)
        fault = strike.fault
        if fault.kind == "slow":
            strike.fired()
            time.sleep(fault.seconds)
            return handle(request)
        if fault.kind == "fail":
            strike.fired()
            status, reason = STATUSES[fault.status]
            return refused_json(Refused(status, reason, _MESSAGE))
        answer = handle(request)
        if fault.kind == "lost":
            strike.fired()
            raise Hangup
        return _torn(strike, request.method, answer)

    return call


def _torn(strike: Strike, method: str, answer: StorageResponse) -> StorageResponse:
    """The answer, broken off if it is long enough to be."""
    from emulators.storage.messages import Span, Torn

    body, first = answer.body, strike.fault.after
    size = len(body) if isinstance(body, bytes) else body.end - body.start if isinstance(body, Span) else 0
    if isinstance(body, bytes | Span) and size > first and method != "HEAD":
        answer.body = Torn(body, first, strike.fired)
    return answer


def hostile_auth(chaos: Chaos, handle: AuthHandle) -> AuthHandle:
    """Auth's handler, on an event loop."""
    from emulators.host.messages import Response

    async def call(request: AuthRequest, gone: Callable[[], bool]) -> AuthResponse:
        strike = _due(chaos, "auth", request.method, request.path)
        if strike is None:
            return await handle(request, gone)
        fault = strike.fault
        if fault.kind == "slow":
            strike.fired()
            await asyncio.sleep(fault.seconds)
        if fault.kind == "fail":
            strike.fired()
            status, reason = STATUSES[fault.status]
            error = {"code": status, "message": _MESSAGE, "errors": [{"reason": reason}]}
            return Response(
                status, (("content-type", "application/json"),), json.dumps({"error": error}).encode()
            )
        answer = await handle(request, gone)
        if fault.kind == "lost":
            strike.fired()
            raise Hangup
        return answer

    return call


def _due(chaos: Chaos, service: str, method: str, path: str) -> Strike | None:
    if method == "OPTIONS":
        return None
    return chaos.call(service, f"{method} {path}", family(method, path))  # type: ignore[arg-type]
