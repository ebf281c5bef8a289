"""What client apps call: one HTTPS function for all callables, whose name is the rest of the path.

One and not one each: they need the same identity, and one instance that is warm serves them all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException

from functions.callable.protocol import MAX_BODY_BYTES, Call
from functions.callable.serve import Service, serve
from shared import wiring

if TYPE_CHECKING:
    import flask


def handle(request: flask.Request) -> flask.Response:
    from flask import Response

    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = serve(_service(), Call(request.method, request.path, headers, _body(request)))
    return Response(answer.body, answer.status, dict(answer.headers))


def _body(request: flask.Request) -> bytes:
    """A byte more than allowed at most. What the runtime itself refuses to read is too long as well."""
    try:
        return request.stream.read(MAX_BODY_BYTES + 1)
    except HTTPException:
        return b" " * (MAX_BODY_BYTES + 1)


@cache
def _service() -> Service:
    from functions.callable.limit import RateLimit
    from functions.callable.operations import operations

    ports = wiring.ports()
    return Service(
        identity=wiring.identity(),
        limit=RateLimit(ports.clock, wiring.calls_per_minute()),
        operations=operations(ports),
        new_id=lambda: ports.random(8).hex(),
        tell=_tell,
    )


def _tell(severity: str, facts: Mapping[str, Any]) -> None:
    message = f"{facts.get('callable')}: {facts.get('status') or facts.get('error')}"
    line = {"severity": severity, "function": "api", "message": message, **facts}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
