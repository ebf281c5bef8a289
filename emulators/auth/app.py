"""From an HTTP request to its answer: finds the route, checks the caller and the body, runs the operation."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from emulators.auth.call import Call, Caller, World
from emulators.auth.refusal import Refused, require, unreadable
from emulators.auth.routes import ACTION, Access, Found, find
from emulators.auth.shapes import check
from emulators.auth.tokens import refresh_data, tenant_in
from emulators.host.messages import Request, Response
from shared.errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.auth.realms import Realm

_log = logging.getLogger("emulators.auth")
_OWNER = "owner"
# Real access tokens begin like this: somebody's service account, which may not see password hashes.
_ACCESS_TOKEN = "ya29."
_SNAKE = re.compile(r"_([a-z])")


class App:
    """Answers requests from the state in `world`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: Request, _gone: Callable[[], bool]) -> Response:
        if request.method == "OPTIONS":
            return Response(204, _cors(request, preflight=True))
        try:
            status, body = 200, await self._answer(request)
        except Refused as refusal:
            _log.debug("%s %s: %d %s", request.method, request.path, refusal.status, refusal.message)
            status, body = refusal.status, refusal.body()
        except StorageFull as problem:
            _log.error("%s %s: %s", request.method, request.path, problem)
            status, body = 507, Refused(f"STORAGE_FULL : {problem}", 507).body()
        encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        kind = ("content-type", "application/json; charset=utf-8")
        return Response(status, (*_cors(request), kind), encoded)

    async def _answer(self, request: Request) -> dict[str, Any]:
        if request.path == "/":
            return {"authEmulator": {"ready": True}}
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        found = self._found(request, query)
        caller = _caller(request, query)
        _check_access(found.route.access, caller)
        body = check(_parsed(request), found.route.shape)
        realm = self._realm(found, caller, body)
        require(
            not realm.disabled or request.path.startswith("/identitytoolkit.googleapis.com/v2/"), _DISABLED
        )
        call = Call(self._world, realm, caller, body, query, self._world.clock(), found.resource)
        try:
            return await found.route.operation(call)
        finally:
            # No operation waits after its first change, so these are the changes of this one alone.
            self._world.journal.commit()

    def _found(self, request: Request, query: dict[str, str]) -> Found:
        if request.method == "GET" and request.path == "/emulator/action":
            return Found(ACTION, query.get("projectId"), query.get("tenantId"))
        return find(request.method, request.path)

    def _realm(self, found: Found, caller: Caller, body: dict[str, Any]) -> Realm:
        """The path says whose accounts are meant; else the body; else the token in it."""
        project = found.project
        if target := body.get("targetProjectId"):
            allowed = caller.admin and project in {None, target}
            require(allowed, "INSUFFICIENT_PERMISSION : Only administrators can name a project.")
            project = target
        tenants = [name for name in (found.tenant, body.get("tenantId"), _token_tenant(body)) if name]
        require(len(set(tenants)) <= 1, "TENANT_ID_MISMATCH")
        tenant = tenants[0] if tenants else None
        return self._world.realms.find(project or self._world.default_project, tenant)


_DISABLED = "PROJECT_DISABLED"


def _token_tenant(body: dict[str, Any]) -> str | None:
    if body.get("refreshToken"):
        tenant: str | None = refresh_data(body["refreshToken"])["tenant"]
        return tenant
    return tenant_in(body["idToken"]) if body.get("idToken") else None


def _caller(request: Request, query: dict[str, str]) -> Caller:
    kind, _, token = request.header("authorization").partition(" ")
    if not token or kind.lower() != "bearer":
        return Caller(key=bool(query.get("key") or request.header("x-goog-api-key")))
    if token.lower() == _OWNER:
        return Caller(admin=True, hashes=True)
    if token.startswith(_ACCESS_TOKEN):
        return Caller(admin=True)
    raise Refused("Request had invalid authentication credentials. Use the bearer token `owner`.", 401)


def _check_access(access: Access, caller: Caller) -> None:
    if access is Access.ADMIN and not caller.admin:
        raise Refused("Request is missing required authentication credential.", 401)
    if access is Access.CLIENT and not (caller.admin or caller.key):
        raise Refused("The request is missing a valid API key.", 403)


def _parsed(request: Request) -> dict[str, Any]:
    """The body's fields, by their names in camel case. What a DELETE or GET carries is not looked at."""
    if not request.body or request.method in {"GET", "DELETE"}:
        return {}
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        fields: Any = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    else:
        fields = _json(request.body)
    return {_SNAKE.sub(lambda match: match[1].upper(), name): value for name, value in fields.items()}


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise unreadable("It is not JSON.") from None
    if not isinstance(fields, dict):
        raise unreadable("It is not an object.")
    return fields


def _cors(request: Request, *, preflight: bool = False) -> tuple[tuple[str, str], ...]:
    """Pages from anywhere may call, as they may call the service: nothing here depends on cookies."""
    origin = request.header("origin")
    if not origin:
        return ()
    headers = (("access-control-allow-origin", origin), ("vary", "origin"))
    if not preflight:
        return headers
    wanted = unquote(request.header("access-control-request-headers")) or "*"
    methods = ("access-control-allow-methods", "GET,POST,PATCH,DELETE,OPTIONS")
    private = ("access-control-allow-private-network", "true")
    return (*headers, methods, ("access-control-allow-headers", wanted), private)
