"""Accounts in the form that `firebase auth:import` reads. It knows fewer fields than an account has
(no second factors, tenants, or providers but four), so the whole records lie beside it.

Source: firebase-tools, src/accountImporter.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SAME: Final = (
    *("email", "emailVerified", "displayName", "photoUrl", "createdAt", "phoneNumber", "disabled"),
    "customAttributes",
)
_HASHES: Final = ("passwordHash", "salt")
_RENAMED: Final = {"lastLoginAt": "lastSignedInAt"}
_PROVIDERS: Final = ("google.com", "facebook.com", "twitter.com", "github.com")
_PROVIDER_FIELDS: Final = ("providerId", "rawId", "email", "displayName", "photoUrl")


def importable(uid: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """One of the `users` of the file."""
    found: dict[str, Any] = {"localId": uid}
    found |= {name: fields[name] for name in _SAME if name in fields}
    found |= {other: fields[name] for name, other in _RENAMED.items() if name in fields}
    found |= {name: _base64(fields[name]) for name in _HASHES if fields.get(name)}
    known = [info for info in fields.get("providerUserInfo", ()) if info.get("providerId") in _PROVIDERS]
    if known:
        found["providerUserInfo"] = [
            {name: info[name] for name in _PROVIDER_FIELDS if name in info} for info in known
        ]
    return found


def _base64(text: str) -> str:
    """In the alphabet that the tool takes, padded."""
    plain = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    return plain + "=" * (-len(plain) % 4)
