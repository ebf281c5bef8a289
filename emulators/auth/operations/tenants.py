"""Tenants of a project: made, listed, changed, deleted together with their accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulators.auth.identifiers import random_name
from emulators.auth.masks import patched, without
from emulators.auth.refusal import Refused, require

if TYPE_CHECKING:
    from emulators.auth.call import Call

_PAGE, _PAGE_MOST = 20, 1000
_DISPLAY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{3,19}")
_OUTPUT_ONLY = ("name", "hashConfig")


async def create(call: Call) -> dict[str, Any]:
    """The service chooses the id: the display name and five characters more."""
    project = call.whole_project
    name = call.body.get("displayName", "")
    require(_DISPLAY_NAME.fullmatch(name), "INVALID_DISPLAY_NAME")
    tenant_id = f"{name}-{random_name(call.world.entropy, 5)}".lower()
    defaults = {"allowPasswordSignup": False, "enableEmailLinkSignin": False, "disableAuth": False}
    settings = {**defaults, "mfaConfig": {"state": "DISABLED"}, **without(call.body, *_OUTPUT_ONLY)}
    return project.add_tenant(tenant_id, settings).shown_settings(call.native)


async def get(call: Call) -> dict[str, Any]:
    return call.one_tenant.shown_settings(call.native)


async def list_all(call: Call) -> dict[str, Any]:
    tenants = call.whole_project.tenants
    text = call.query.get("pageSize", "")
    if text and not text.isdecimal():
        raise Refused("INVALID_PAGE_SELECTION")
    size = min(int(text or 0) or _PAGE, _PAGE_MOST)
    names = sorted(name for name in tenants if name > call.query.get("pageToken", ""))
    shown = [tenants[name].shown_settings(call.native) for name in names[:size]]
    more = {"nextPageToken": names[size - 1]} if len(names) > size else {}
    return {"tenants": shown, **more}


async def patch(call: Call) -> dict[str, Any]:
    tenant = call.one_tenant
    changes = without(call.body, *_OUTPUT_ONLY)
    require(_DISPLAY_NAME.fullmatch(changes.get("displayName", "none")), "INVALID_DISPLAY_NAME")
    changed = patched(tenant.settings, changes, call.query.get("updateMask", ""))
    tenant.change(settings={**changed, "name": tenant.settings["name"]})
    return tenant.shown_settings(call.native)


async def delete(call: Call) -> dict[str, Any]:
    tenant = call.one_tenant
    call.world.realms.project(tenant.project).drop_tenant(tenant.tenant or "")
    return {}
