"""Identity providers of a realm (OpenID Connect, SAML, built-in ones), kept as data: nobody signs in with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.masks import patched
from emulators.auth.refusal import Refused, require

if TYPE_CHECKING:
    from emulators.auth.call import Call

# By collection: the query parameter a new one is named in, and how its name begins.
COLLECTIONS = {
    "oauthIdpConfigs": ("oauthIdpConfigId", "oidc."),
    "inboundSamlConfigs": ("inboundSamlConfigId", "saml."),
    "defaultSupportedIdpConfigs": ("idpId", ""),
}
_PAGE, _PAGE_MOST = 20, 100


async def create(call: Call) -> dict[str, Any]:
    parameter, prefix = COLLECTIONS[call.resource]
    name = call.query.get(parameter, "")
    require(len(name) > len(prefix) and name.startswith(prefix) and "/" not in name, "INVALID_CONFIG_ID")
    require(f"{call.resource}/{name}" not in call.realm.providers, "CONFIGURATION_EXISTS")
    return _kept(call, f"{call.resource}/{name}", call.body)


async def get(call: Call) -> dict[str, Any]:
    return _known(call)


async def list_all(call: Call) -> dict[str, Any]:
    text = call.query.get("pageSize", "")
    require(not text or text.isdecimal(), "INVALID_PAGE_SELECTION")
    size = min(int(text or 0) or _PAGE, _PAGE_MOST)
    after = f"{call.resource}/{call.query.get('pageToken', '')}"
    names = sorted(name for name in call.realm.providers if name.startswith(call.resource) and name > after)
    found = {call.resource: [call.realm.providers[name] for name in names[:size]]}
    return {**found, "nextPageToken": names[size - 1].split("/")[1]} if len(names) > size else found


async def patch(call: Call) -> dict[str, Any]:
    return _kept(call, call.resource, patched(_known(call), call.body, call.query.get("updateMask", "")))


async def delete(call: Call) -> dict[str, Any]:
    _known(call)
    others = {name: config for name, config in call.realm.providers.items() if name != call.resource}
    call.realm.change(providers=others)
    return {}


def _kept(call: Call, resource: str, config: dict[str, Any]) -> dict[str, Any]:
    realm = call.realm
    place = f"projects/{realm.project}" + (f"/tenants/{realm.tenant}" if realm.tenant else "")
    kept = {**config, "name": f"{place}/{resource}"}
    realm.change(providers={**realm.providers, resource: kept})
    return kept


def _known(call: Call) -> dict[str, Any]:
    if call.resource not in call.realm.providers:
        raise Refused("CONFIGURATION_NOT_FOUND", 404)
    return call.realm.providers[call.resource]
