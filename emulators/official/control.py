"""What firebase-tools and test helpers ask of a Firestore emulator over HTTP/1.1.

| Request | Answer |
|---|---|
| `GET /` | `Ok` |
| `POST /emulator/v1/projects/P/eventarcTrigger?eventarcTriggerId=K` | a function waits for changes |
| `DELETE /emulator/v1/projects/P/databases/D/documents` | the database is empty |
| `PUT /emulator/v1/projects/P:securityRules` | taken, with a warning: rules are not evaluated |

Anything else is 501: triggers of the first generation, exports, and the REST and WebChannel forms of Firestore.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from emulators.host.messages import Request, Response, text
from emulators.official.triggers import Triggers, read_trigger
from shared.errors import BadInput

log = logging.getLogger(__name__)

RULES_WARNING = "security rules are not evaluated by this emulator: every request is let through"
_PROJECT = r"/emulator/v1/projects/(?P<project>[^/:]+)"
_TRIGGER = re.compile(rf"{_PROJECT}/eventarcTrigger")
_DOCUMENTS = re.compile(rf"{_PROJECT}/databases/(?P<database>[^/]+)/documents")
_RULES = re.compile(rf"{_PROJECT}:securityRules")


class Control:
    """Answers requests. `clear` empties a database of a project; `triggers` is None without a Functions emulator."""

    def __init__(self, clear: Callable[[str, str], None], triggers: Triggers | None) -> None:
        self._clear = clear
        self._triggers = triggers
        self._routes: tuple[
            tuple[str, re.Pattern[str], Callable[[Request, dict[str, str]], Response]], ...
        ] = (
            ("GET", re.compile("/"), lambda _request, _names: text(200, "Ok")),
            ("POST", _TRIGGER, self._register),
            ("DELETE", _DOCUMENTS, self._empty),
            ("PUT", _RULES, _take_rules),
        )

    def answer(self, request: Request, _gone: Callable[[], bool]) -> Awaitable[Response]:
        """The answer to a request; 501 for what is not known."""
        return _now(self._answer(request))

    def _answer(self, request: Request) -> Response:
        for method, pattern, route in self._routes:
            found = pattern.fullmatch(unquote(request.path))
            if found and request.method == method:
                try:
                    return route(request, found.groupdict())
                except BadInput as problem:
                    return _error(400, "INVALID_ARGUMENT", str(problem))
        return _error(
            501,
            "UNIMPLEMENTED",
            f"{request.method} {request.path}: this Firestore emulator speaks gRPC, and of HTTP/1.1 only what the "
            "Emulator Suite needs",
        )

    def _register(self, request: Request, names: dict[str, str]) -> Response:
        if self._triggers is None:
            return _error(400, "FAILED_PRECONDITION", "started without --functions_emulator")
        keys = parse_qs(request.query).get("eventarcTriggerId", [])
        if len(keys) != 1:
            raise BadInput("registering a function: eventarcTriggerId must name it")
        self._triggers.add(read_trigger(names["project"], keys[0], request.body))
        return _json(200, {})

    def _empty(self, _request: Request, names: dict[str, str]) -> Response:
        self._clear(names["project"], names["database"])
        return _json(200, {})


def _take_rules(_request: Request, _names: dict[str, str]) -> Response:
    log.warning(RULES_WARNING)
    issue = {"severity": "WARNING", "description": RULES_WARNING, "sourcePosition": {"line": 1, "column": 1}}
    return _json(200, {"issues": [issue]})


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(status, (("content-type", "application/json"),), json.dumps(body).encode())


def _error(status: int, name: str, message: str) -> Response:
    return _json(status, {"error": {"code": status, "status": name, "message": message}})


async def _now(response: Response) -> Response:
    return response
