"""Where accounts are: in the project itself, or in one of its tenants.

Keys know a tenant by the name it had when it was backed up; `elsewhere` tells under which name it is found now. The
project itself has the empty name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shared.errors import Corrupt
from shared.format import flat
from shared.sources.users.service import Service
from shared.sources.users.status import error_of

_PAGE = 1000


class Realms:
    """`tenants` are asked for when they are not given; those of `elsewhere` are known by their old names."""

    def __init__(
        self, service: Service, tenants: Sequence[str] | None, elsewhere: Mapping[str, str] | None
    ) -> None:
        self._service = service
        self._tenants = tenants
        self._found_as = dict(elsewhere or {})
        self._known_as = {found: known for known, found in self._found_as.items()}

    def known(self) -> list[str]:
        """The names of all realms as keys have them, in key order: the project, then its tenants."""
        found = self._listed() if self._tenants is None else self._tenants
        return sorted({"", *(self._known_as.get(name, name) for name in found)})

    def path(self, realm: str, method: str) -> str:
        """Of a call about a realm that keys call so."""
        name = self._found_as.get(realm, realm)
        return f"v1/tenants/{quote(name, safe='')}/accounts:{method}" if name else f"v1/accounts:{method}"

    def found_as(self, realm: str) -> str:
        return self._found_as.get(realm, realm)

    def key(self, found: str, uid: str) -> bytes:
        """Of an account in the realm that is found under this name now."""
        return flat.encode(self._known_as.get(found, found), uid)

    def _listed(self) -> list[str]:
        doing = "listing the tenants"
        names: list[str] = []
        query: dict[str, str | int] = {"pageSize": _PAGE}
        while True:
            answer = self._service.call("v2/tenants", doing, None, query)
            if answer.status != 200:
                if not names and self._without_tenants():
                    return []
                raise error_of(answer.status, answer.data, doing)
            names += [_name(tenant) for tenant in answer.json.get("tenants", ())]
            token = answer.json.get("nextPageToken")
            if not token or token == query.get("pageToken"):
                return names
            query["pageToken"] = str(token)

    def _without_tenants(self) -> bool:
        """Whether the project cannot have any: then it refuses to list them, in several ways."""
        answer = self._service.call("v2/config", "looking whether the project has tenants")
        if answer.status != 200:
            return False
        return not (answer.json.get("multiTenant") or {}).get("allowTenants")


def _name(tenant: object) -> str:
    name = tenant.get("name") if isinstance(tenant, dict) else None
    if not isinstance(name, str) or not name.rpartition("/")[2]:
        raise Corrupt("listing the tenants: one is told without its name")
    return name.rpartition("/")[2]
