"""Accounts as Identity Toolkit tells them, to records; and whether their passwords' hashes were told.

Hashes are told in lists only, and only to who may see them. To others the service says REDACTED, in base64, instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import Corrupt, Denied
from shared.format import user
from shared.sources.users.status import ADMIN_ROLE

Resource = Mapping[str, Any]
Fields = dict[str, Any]

_REDACTED: Final = frozenset({"REDACTED", "UkVEQUNURUQ=", "UkVEQUNURUQ"})


def uid_of(resource: Resource) -> str:
    uid = resource.get("localId")
    if not isinstance(uid, str) or not uid:
        raise Corrupt("reading accounts: one is told without its id")
    return uid


def hidden(resource: Resource) -> bool:
    """Whether the account has a password whose hash was not told."""
    if "passwordHash" in resource:
        return resource["passwordHash"] in _REDACTED
    if resource.get("emailLinkSignin"):
        return False
    return any(info.get("providerId") == "password" for info in resource.get("providerUserInfo", ()))


def fields_of(resource: Resource, tenant: str) -> Fields:
    """What a record keeps of an account in this tenant; of a hidden hash, that there is a password."""
    if resource.get("tenantId", tenant) != tenant:
        raise Corrupt("reading accounts: one is told that is in another tenant")
    fields = {name: value for name, value in resource.items() if name not in user.KEY_FIELDS}
    if hidden(resource):
        fields.pop("salt", None)
        fields["passwordHash"] = ""
    # Some answers have a number that is whole with a fraction, some without.
    changed = fields.get("passwordUpdatedAt")
    if isinstance(changed, float) and changed.is_integer():
        fields["passwordUpdatedAt"] = int(changed)
    return fields


def denied(uid: str) -> Denied:
    return Denied(
        f"reading accounts: the hash of the password of account {uid!r} is not told, so a restore could not bring "
        "the passwords back",
        hint=f"grant the identity {ADMIN_ROLE} (Firebase Authentication Admin), which holds "
        "firebaseauth.configs.getHashConfig, or configure the backup to go on without passwords",
    )
