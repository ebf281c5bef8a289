"""How people sign in: the project's configuration, its tenants, and the identity providers of both.

The API has no preconditions: a write is guarded by what was looked at just before. Hash parameters are output only;
accounts are imported with those of the backup (`shared.format.setting.hash_config`), so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

from shared.errors import Corrupt, Denied
from shared.format import canonical
from shared.format.setting import (
    AUTH_CONFIG,
    AUTH_IDP,
    AUTH_TENANT,
    CONFIG_KEY,
    JsonObject,
    Setting,
    decode,
    encode,
    hash_config,
    inner,
    key_of,
    own_domains,
    segments_of,
    tenant_key,
)
from shared.sources.contract import Result
from shared.sources.settings.answers import Answer
from shared.sources.settings.masks import mask_of
from shared.sources.settings.service import Service
from shared.sources.settings.verdict import DONE, NotThere, Verdict, by_hand

COLLECTIONS: Final = {
    "defaultSupportedIdpConfigs": "idpId",
    "inboundSamlConfigs": "inboundSamlConfigId",
    "oauthIdpConfigs": "oauthIdpConfigId",
}
"""Of identity providers, and the parameter that names a new one."""

_THREADS = 4
_NOT_OFFERED = ("OPERATION_NOT_ALLOWED", "UNSUPPORTED_OPERATION")
_NOT_SET_UP = "Authentication is not set up in this project"


class AuthSection:
    """`need_hashes`: fail when the answer lacks the hash parameters, without which no password can be restored.

    `tenants` tells under which id a tenant is found, when it is not the one that the records know it by.
    """

    path = "auth"
    makes_once = False

    def __init__(
        self, service: Service, project: str, *, need_hashes: bool, tenants: Mapping[str, str]
    ) -> None:
        self._service = service
        self._project = f"/v2/projects/{project}"
        self._need_hashes = need_hashes
        self._found_as = dict(tenants)
        self._known_as = {found: known for known, found in tenants.items()}

    def read(self) -> dict[bytes, bytes]:
        config = self._config()
        found = {CONFIG_KEY: config, **dict(self._idps(()))}
        resource = decode(config).resource
        # The service tells a subtype always; an emulator may have tenants and say nothing of either.
        if inner(resource, "multiTenant", "allowTenants") or "subtype" not in resource:
            found.update(self._tenants())
        return found

    def look(self, key: bytes) -> bytes | None:
        if key == CONFIG_KEY:
            return self._config()
        path, kind = self._place(key)
        answer = self._service.call("GET", path) if path else None
        if answer is None or _not_offered(answer):
            return None
        return encode(Setting(kind, self._service.known(answer).json))

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        wanted = decode(value)
        path, kind = self._place(key)
        if not path or wanted.kind != kind:
            return Verdict(Result.FAILED, "it is nothing that Authentication has under this name")
        if live is not None:
            return self._patch(path, wanted, decode(live))
        if kind == AUTH_TENANT:
            return by_hand(
                "the service gives tenants their ids, so this one cannot be made again: make another one, and give it "
                "the settings written out for this one"
            )
        return self._create(key, path, wanted.counted)

    def drop(self, key: bytes, live: bytes) -> Verdict:
        del live
        path, kind = self._place(key)
        if kind == AUTH_TENANT:
            return by_hand("no restore deletes a tenant, for all its accounts would be deleted with it")
        if kind == AUTH_CONFIG:
            return by_hand("Authentication cannot be taken out of a project")
        return self._service.change("DELETE", path)[0]

    def _config(self) -> bytes:
        answer = self._service.get(f"{self._project}/config")
        if answer is None:
            raise NotThere(_NOT_SET_UP)
        value = encode(Setting(AUTH_CONFIG, answer.json))
        if self._need_hashes and not (hash_config(value) or {}).get("signerKey"):
            raise Denied(
                "reading Authentication: the password hash parameters are not shown to this identity",
                hint="grant it roles/firebaseauth.admin; without them no restored password opens an account",
            )
        return value

    def _tenants(self) -> Iterator[tuple[bytes, bytes]]:
        path, size = f"{self._project}/tenants", {"pageSize": "1000"}
        tenants = list(self._service.items(path, "tenants", size, _not_offered))
        names = [self._known_as.get(name, name) for name in map(_id_of, tenants)]
        yield from (
            (tenant_key(name), encode(Setting(AUTH_TENANT, tenant)))
            for name, tenant in zip(names, tenants, strict=True)
        )
        with ThreadPoolExecutor(_THREADS, "tenants") as pool:
            for found in pool.map(lambda name: list(self._idps(("tenants", name))), names):
                yield from found

    def _idps(self, within: tuple[str, ...]) -> Iterator[tuple[bytes, bytes]]:
        place = self._within(within)
        for collection in COLLECTIONS:
            path = f"{self._project}{place}/{collection}"
            for idp in self._service.items(path, collection, {"pageSize": "100"}, _not_offered):
                key = key_of("auth", *within, "idps", collection, _id_of(idp))
                yield key, encode(Setting(AUTH_IDP, idp))

    def _within(self, place: Sequence[str]) -> str:
        """The path of a tenant, given as its collection and the id that the records know; nothing for the project."""
        return f"/tenants/{quote(self._found_as.get(place[1], place[1]), safe='')}" if place else ""

    def _create(self, key: bytes, path: str, resource: JsonObject) -> Verdict:
        parent = path.rpartition("/")[0]
        parameter = COLLECTIONS[parent.rpartition("/")[2]]
        verdict, answer = self._service.change(
            "POST", parent, {parameter: segments_of(key)[-1]}, canonical.encode(resource)
        )
        if answer.status == 404:
            return by_hand(
                "what it belongs to does not exist in this project: set up Authentication, or its tenant"
            )
        return verdict

    def _patch(self, path: str, wanted: Setting, live: Setting) -> Verdict:
        body = wanted.counted
        mask = mask_of(body, live.counted)
        if not mask:
            return DONE
        if "authorizedDomains" in mask:
            kept = own_domains(live.resource) & set(live.resource.get("authorizedDomains", []))
            body["authorizedDomains"] = sorted({*body.get("authorizedDomains", []), *kept})
        return self._service.change("PATCH", path, {"updateMask": ",".join(mask)}, canonical.encode(body))[0]

    def _place(self, key: bytes) -> tuple[str, str]:
        """Where the resource under a key is, and its kind; empty when nothing has this key."""
        segments = segments_of(key)[1:]
        if segments == ["config"]:
            return f"{self._project}/config", AUTH_CONFIG
        within = segments[:2] if segments[0:1] == ["tenants"] and len(segments) > 1 else []
        rest = segments[len(within) :]
        names = self._within(within)
        if within and not rest:
            return f"{self._project}{names}", AUTH_TENANT
        if len(rest) == 3 and rest[0] == "idps" and rest[1] in COLLECTIONS:
            return f"{self._project}{names}/{rest[1]}/{quote(rest[2], safe='')}", AUTH_IDP
        return "", ""


def _id_of(resource: JsonObject) -> str:
    name = str(resource.get("name", "")).rpartition("/")[2]
    if not name:
        raise Corrupt("reading Authentication: a tenant or a provider is told without its name")
    return name


def _not_offered(answer: Answer) -> bool:
    """A project that is not upgraded to Identity Platform has no tenants and not every kind of provider, nor has a
    tenant that is gone; an emulator may not serve all of them."""
    return answer.status in (404, 501) or (answer.status == 400 and answer.word in _NOT_OFFERED)
