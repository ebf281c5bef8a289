"""The table of what is served: method and path to operation, the shape of its body, and who may call it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from emulators.auth import messages
from emulators.auth.operations import (
    codes,
    creating,
    deleting,
    importing,
    providers,
    reading,
    settings,
    signing_in,
    tenants,
    updating,
)
from emulators.auth.refusal import Refused, unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emulators.auth.call import Call
    from emulators.auth.shapes import Shape

    Operation = Callable[[Call], Awaitable[dict[str, Any]]]


class Access(Enum):
    OPEN = auto()  # anybody
    CLIENT = auto()  # with an API key, or as an administrator
    ADMIN = auto()


@dataclass(frozen=True, slots=True)
class Route:
    operation: Operation
    shape: Shape
    access: Access


@dataclass(frozen=True, slots=True)
class Found:
    """A route and what its path names."""

    route: Route
    project: str | None
    tenant: str | None
    resource: str = ""


_SERVICES = {
    "identitytoolkit.googleapis.com": "",
    "securetoken.googleapis.com": "token/",
    "emulator": "emulator/",
}
_PATH = re.compile(
    r"/(?P<service>[^/]+)/(?P<rest>v[12]/)"
    r"(?:projects/(?P<project>[^/:]+)(?:/tenants/(?P<tenant>[^/:]+))?)?(?P<method>.*)"
)
# The three collections of identity providers are served alike.
_PROVIDERS = re.compile(rf"/({'|'.join(providers.COLLECTIONS)})(/[^/:]+)?")
# A realm is a project or a tenant of it.
_IN_REALMS: dict[str, tuple[Operation, Shape]] = {
    "POST v1 /accounts": (creating.sign_up, messages.SIGN_UP),
    "POST v1 /accounts:lookup": (reading.lookup, messages.LOOKUP),
    "POST v1 /accounts:update": (updating.update, messages.UPDATE),
    "POST v1 /accounts:delete": (deleting.delete, messages.DELETE),
    "POST v1 /accounts:batchCreate": (importing.batch_create, messages.BATCH_CREATE),
    "POST v1 /accounts:batchDelete": (deleting.batch_delete, messages.BATCH_DELETE),
    "GET v1 /accounts:batchGet": (reading.batch_get, messages.NOTHING),
    "POST v1 /accounts:query": (reading.query, messages.QUERY),
    "POST v1 /accounts:sendOobCode": (codes.send_code, messages.SEND_CODE),
    "POST v1 :createSessionCookie": (signing_in.create_session_cookie, messages.SESSION_COOKIE),
    "GET v2 /providers": (providers.list_all, messages.NOTHING),
    "POST v2 /providers": (providers.create, messages.PROVIDER),
    "GET v2 /providers/*": (providers.get, messages.NOTHING),
    "PATCH v2 /providers/*": (providers.patch, messages.PROVIDER),
    "DELETE v2 /providers/*": (providers.delete, messages.NOTHING),
}
_IN_PROJECTS: dict[str, tuple[Operation, Shape]] = {
    "GET v2 /config": (settings.get, messages.CONFIG),
    "PATCH v2 /config": (settings.patch, messages.CONFIG),
    "GET v2 /tenants": (tenants.list_all, messages.NOTHING),
    "POST v2 /tenants": (tenants.create, messages.TENANT),
}
_IN_TENANTS: dict[str, tuple[Operation, Shape]] = {
    "GET v2 ": (tenants.get, messages.NOTHING),
    "PATCH v2 ": (tenants.patch, messages.TENANT),
    "DELETE v2 ": (tenants.delete, messages.NOTHING),
}
_FOR_CLIENTS: dict[str, tuple[Operation, Shape]] = {
    "GET v1/projects": (settings.for_clients, messages.NOTHING),
    "POST v1/accounts:signUp": (creating.sign_up, messages.SIGN_UP),
    "POST v1/accounts:signInWithPassword": (signing_in.with_password, messages.SIGN_IN_PASSWORD),
    "POST v1/accounts:signInWithCustomToken": (signing_in.with_custom_token, messages.SIGN_IN_CUSTOM),
    "POST v1/accounts:signInWithEmailLink": (signing_in.with_email_link, messages.SIGN_IN_LINK),
    "POST v1/accounts:lookup": (reading.lookup, messages.LOOKUP),
    "POST v1/accounts:update": (updating.update, messages.UPDATE),
    "POST v1/accounts:delete": (deleting.delete, messages.DELETE),
    "POST v1/accounts:sendOobCode": (codes.send_code, messages.SEND_CODE),
    "POST v1/accounts:resetPassword": (codes.reset_password, messages.RESET_PASSWORD),
    "POST v1/accounts:createAuthUri": (reading.create_auth_uri, messages.CREATE_AUTH_URI),
    "POST token/v1/token": (signing_in.with_refresh_token, messages.TOKEN),
}
_FOR_ANYBODY: dict[str, tuple[Operation, Shape]] = {
    "DELETE emulator/v1 P/accounts": (deleting.delete_all, messages.NOTHING),
    "DELETE emulator/v1 P/T/accounts": (deleting.delete_all, messages.NOTHING),
    "GET emulator/v1 P/config": (settings.get_for_emulator, messages.NOTHING),
    "PATCH emulator/v1 P/config": (settings.patch_for_emulator, messages.EMULATOR_CONFIG),
    "GET emulator/v1 P/oobCodes": (codes.list_codes, messages.NOTHING),
    "GET emulator/v1 P/T/oobCodes": (codes.list_codes, messages.NOTHING),
}
ACTION = Route(codes.follow_link, messages.NOTHING, Access.OPEN)


def _table() -> dict[str, Route]:
    table = {key: Route(*entry, Access.OPEN) for key, entry in _FOR_ANYBODY.items()}
    table |= {key: Route(*entry, Access.CLIENT) for key, entry in _FOR_CLIENTS.items()}
    scopes = (("P", _IN_REALMS | _IN_PROJECTS), ("P/T", _IN_REALMS | _IN_TENANTS))
    for scope, entries in scopes:
        for key, entry in entries.items():
            verb, version, method = key.split(" ")
            table[f"{verb} {version} {scope}{method}"] = Route(*entry, Access.ADMIN)
    return table


_TABLE = _table()


def find(verb: str, path: str) -> Found:
    """The route of a request. Raises Refused: 404 for what is no service's path, 501 for the services' others."""
    match = _PATH.fullmatch(path)
    service = _SERVICES.get(match["service"]) if match else None
    if match is None or service is None:
        raise Refused(f"There is nothing at {path}.", 404)
    scope = f" {'P/T' if match['tenant'] else 'P'}" if match["project"] else "/"
    version, method, resource = match["rest"].rstrip("/"), match["method"], ""
    if listed := _PROVIDERS.fullmatch(method):
        method, resource = "/providers/*" if listed[2] else "/providers", unquote(method[1:])
    route = _TABLE.get(f"{verb} {service}{version}{scope}{method}")
    if route is None:
        raise unsupported(f"{verb} {path}")
    project, tenant = match["project"], match["tenant"]
    return Found(route, unquote(project) if project else None, unquote(tenant) if tenant else None, resource)
