"""Which account an event is about: its id and its tenant, nothing else is believed."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import BadInput
from shared.sources.users.realms import Realms


def key_of_event(event: object, realms: Realms) -> bytes:
    """The account's key. `event` has a `uid`, and a `tenantId` when the account is in one, as attributes or as a
    mapping: an Authentication event's data. BadInput when it does not.
    """
    uid, tenant = _named(event, "uid", "localId"), _named(event, "tenantId", "tenant_id")
    if not isinstance(uid, str) or not isinstance(tenant, str | None):
        raise BadInput("reading an event: it does not say which account it is about")
    return realms.key(tenant or "", uid)


def _named(event: object, *names: str) -> object:
    for name in names:
        found: object = event.get(name) if isinstance(event, Mapping) else getattr(event, name, None)
        if found is not None:
            return found
    return None
