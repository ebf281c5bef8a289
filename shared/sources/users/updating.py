"""What turns a live account into the wanted one without importing it anew, by `accounts:update`.

An import takes away what it cannot bring: authenticator apps, passkeys, a password that nobody can read. So an account
that has such things, and need not have another password, is changed field by field. And so is what an import did not
set, such as when sessions were revoked.
"""

from __future__ import annotations

from typing import Any, Final

from shared.format import user
from shared.format.user import Fields

_FRAGILE: Final = ("emailLinkSignin", "passkeyInfo")
_AS_THEY_ARE: Final[tuple[str, ...]] = (
    "createdAt",
    "displayName",
    "email",
    "phoneNumber",
    "photoUrl",
    "validSince",
)
_FLAGS: Final[dict[str, str]] = {"disabled": "disableUser", "emailVerified": "emailVerified"}
_ATTRIBUTES: Final = {"displayName": "DISPLAY_NAME", "email": "EMAIL", "photoUrl": "PHOTO_URL"}


def fragile(wanted: Fields, live: Fields) -> bool:
    """Whether an import would take something away that may stay."""
    unreadable = "passwordHash" in live and wanted.get("passwordHash") == ""
    return unreadable or bool(user.other_factors(live)) or any(live.get(name) for name in _FRAGILE)


def changes(wanted: Fields, live: Fields) -> list[dict[str, Any]]:
    """The bodies of the calls, without the account's id; none when there is nothing to change."""
    differing = set(user.differences(wanted, live)) - {"passwordHash"}
    if "email" in differing:
        # A new address takes the verification away, and ends sessions.
        differing |= {"emailVerified", "validSince"}
    body: dict[str, Any] = {
        name: wanted[name] for name in _AS_THEY_ARE if name in differing and wanted.get(name)
    }
    body |= {sent: wanted.get(name, False) for name, sent in _FLAGS.items() if name in differing}
    attributes = [gone for name, gone in _ATTRIBUTES.items() if name in differing and not wanted.get(name)]
    providers = ["phone"] if "phoneNumber" in differing and not wanted.get("phoneNumber") else []
    links: list[dict[str, str]] = []
    if "customAttributes" in differing:
        body["customAttributes"] = wanted.get("customAttributes") or "{}"
    if "mfaInfo" in differing:
        body["mfa"] = {"enrollments": [*user.phone_factors(wanted), *user.other_factors(live)]}
    if "providerUserInfo" in differing:
        unlinked, links = _providers(wanted, live)
        providers += unlinked
    lists = {"deleteAttribute": attributes, "deleteProvider": providers}
    body |= {name: names for name, names in lists.items() if names}
    return [*([body] if body else []), *({"linkProviderUserInfo": link} for link in links)]


def _providers(wanted: Fields, live: Fields) -> tuple[list[str], list[dict[str, str]]]:
    """The providers to unlink, and the identities to link then."""
    theirs, ours = user.federated(live), user.federated(wanted)
    gone = sorted({info["providerId"] for info in theirs if info not in ours and "providerId" in info})
    return gone, [info for info in ours if info not in theirs or info.get("providerId") in gone]
