"""A user record's value: canonical JSON of an account, with the names and forms of Identity Toolkit's REST API.

The account's id and tenant are the record's key and not repeated. A `passwordHash` that is an empty text says that
there is a password nobody can read. What is known must have its type, else it is Unsupported; a field that is not known
is kept as it is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.errors import Internal, Unsupported
from shared.format import canonical

Fields = Mapping[str, Any]

TEXTS: Final = (
    *("customAttributes", "dateOfBirth", "displayName", "email", "initialEmail", "language", "lastRefreshAt"),
    *("passwordHash", "phoneNumber", "photoUrl", "salt", "screenName", "timeZone"),
)
FLAGS: Final = ("customAuth", "disabled", "emailLinkSignin", "emailVerified")
LONGS: Final = ("createdAt", "lastLoginAt", "validSince")
"""64-bit integers, which JSON has as texts."""
PROVIDER_TEXTS: Final = (
    *("displayName", "email", "federatedId", "phoneNumber", "photoUrl", "providerId", "rawId", "screenName"),
)
_TIMES: Final = ("createdAt", "validSince")
OWN_PROVIDERS: Final = ("password", "phone")
"""Their entries follow from the rest of the account."""
KEY_FIELDS: Final = ("localId", "tenantId")
"""In the key, not in the value."""

COUNTED: Final = (
    *("createdAt", "customAttributes", "disabled", "displayName", "email", "emailVerified", "mfaInfo"),
    *("passwordHash", "phoneNumber", "photoUrl", "providerUserInfo", "salt", "validSince"),
)
"""What a restore can bring back. All else is set by the service, or changes whenever somebody signs in."""
_PASSING: Final = ("lastLoginAt", "lastRefreshAt", "passwordUpdatedAt", "version")
"""Nobody misses them."""


def encode(fields: Fields) -> bytes:
    """The canonical bytes. Unsupported for a field that no account has in this form."""
    _check(fields)
    return _bytes(fields)


def decode(value: bytes) -> dict[str, Any]:
    """The fields. Corrupt unless `value` is canonical, Unsupported as in `encode`."""
    fields = canonical.decode(value, "a user record")
    _check(fields)
    return fields


def equal(a: bytes, b: bytes) -> bool:
    """Whether a restore of one would give the other. Of a password that cannot be read nothing is known."""
    return a == b or not differences(decode(a), decode(b))


def bare(value: bytes) -> bytes:
    """The record with nothing but what a restore can bring back."""
    fields = decode(value)
    return encode({name: fields[name] for name in COUNTED if name in fields})


def guard(value: bytes) -> str:
    """A digest of the account's state. Instead of the hash, which the service tells only in its lists, it covers when
    the password was changed.
    """
    fields = decode(value)
    changed = fields.get("passwordUpdatedAt", 0)
    state = {
        **_counting(fields),
        "passwordHash": "passwordHash" in fields,
        "passwordUpdatedAt": int(changed) if changed == int(changed) else changed,
        "mfaInfo": sorted(_bytes(factor).decode() for factor in fields.get("mfaInfo", ())),
    }
    return hashlib.sha256(canonical.encode(state)).hexdigest()


def differences(one: Fields, other: Fields) -> list[str]:
    """The names of the fields that count and differ. A time that one of them lacks is one that the service sets."""
    a, b = _counting(one), _counting(other)
    unset = [name for name in _TIMES if None in (a[name], b[name])]
    names = [name for name in a if a[name] != b[name] and name not in unset]
    return names if same_password(one, other) else [*names, "passwordHash"]


def same_password(one: Fields, other: Fields) -> bool:
    """Whether two accounts may have the same password: unless both hashes can be read, and differ, or one has none."""
    hashes = [fields.get("passwordHash") for fields in (one, other)]
    if "" in hashes:
        return True
    salts = [fields.get("salt") for fields in (one, other)]
    return _plain(hashes[0]) == _plain(hashes[1]) and _plain(salts[0]) == _plain(salts[1])


def hides_password(value: bytes) -> bool:
    """Whether the account has a password whose hash the service told nobody."""
    return b'"passwordHash":""' in value and decode(value).get("passwordHash") == ""


def lost(wanted: Fields, live: Fields) -> list[str]:
    """What of a restored account could not be brought back, in words."""
    ignored = {*COUNTED, *_PASSING}
    names = [
        name for name in wanted if name not in ignored and wanted[name] and wanted[name] != live.get(name)
    ]
    if wanted.get("passwordHash") == "" and "passwordHash" not in live:
        names.append("password, which could not be read when it was backed up")
    kept = [factor.get("mfaEnrollmentId") for factor in other_factors(live)]
    if any(factor.get("mfaEnrollmentId") not in kept for factor in other_factors(wanted)):
        names.append("second factors that are not phone numbers")
    return names


def federated(fields: Fields) -> list[dict[str, str]]:
    """The identities at other providers, their fields that say something, in a fixed order."""
    found = [
        {name: info[name] for name in PROVIDER_TEXTS if info.get(name)}
        for info in fields.get("providerUserInfo", ())
        if info.get("providerId") not in OWN_PROVIDERS
    ]
    return sorted(found, key=lambda info: sorted(info.items()))


def phone_factors(fields: Fields) -> list[dict[str, str]]:
    """The second factors that are phone numbers, in a fixed order."""
    found = []
    for factor in fields.get("mfaInfo", ()):
        number = factor.get("unobfuscatedPhoneInfo") or factor.get("phoneInfo")
        if number:
            kept = {
                name: factor[name]
                for name in ("displayName", "enrolledAt", "mfaEnrollmentId")
                if factor.get(name)
            }
            found.append({**kept, "phoneInfo": number})
    return sorted(found, key=lambda factor: sorted(factor.items()))


def other_factors(fields: Fields) -> list[dict[str, Any]]:
    """The second factors that no import brings: their secrets are never told."""
    return [
        factor
        for factor in fields.get("mfaInfo", ())
        if not (factor.get("unobfuscatedPhoneInfo") or factor.get("phoneInfo"))
    ]


def _counting(fields: Fields) -> dict[str, Any]:
    """Everything that counts but for the password, in a form that can be compared."""
    factors = [
        {**factor, "enrolledAt": _moment(factor.get("enrolledAt", ""))} for factor in phone_factors(fields)
    ]
    claims = fields.get("customAttributes", "")
    return {
        "email": fields.get("email", "").lower(),
        **{name: fields.get(name, "") for name in ("phoneNumber", "displayName", "photoUrl")},
        **{name: fields.get(name) for name in _TIMES},
        **{name: fields.get(name, False) for name in ("emailVerified", "disabled")},
        "customAttributes": "" if claims == "{}" else claims,
        "providerUserInfo": federated(fields),
        "mfaInfo": factors,
    }


def _moment(text: str) -> str:
    """A time without zeros at the end of its fraction."""
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".") if dot else whole


def _plain(text: str | None) -> str:
    """Base64 in one alphabet, unpadded."""
    return (text or "").translate(str.maketrans("-_", "+/")).rstrip("=")


def _bytes(fields: Fields) -> bytes:
    try:
        return canonical.encode(dict(fields))
    except Internal:
        raise Unsupported("reading an account: a field holds what JSON has no exact form for") from None


def _check(fields: Fields) -> None:
    for name, field in fields.items():
        if name in KEY_FIELDS or name == "rawPassword":
            raise Internal(f"making a user record: {name} has no place in it")
        check = _CHECKS.get(name)
        if check is not None and not check(field):
            raise Unsupported(
                f"reading an account: its field {name} has a form that this release does not know",
                hint="a newer release may; nothing was dropped",
            )


def _is_text(field: object) -> bool:
    return isinstance(field, str)


def _is_long(field: object) -> bool:
    return isinstance(field, str) and field.removeprefix("-").isdecimal() and field.isascii()


def _is_number(field: object) -> bool:
    return type(field) is int or (isinstance(field, float) and math.isfinite(field))


def _is_objects(texts: tuple[str, ...]) -> Callable[[object], bool]:
    def check(field: object) -> bool:
        return isinstance(field, list) and all(
            isinstance(item, dict) and all(isinstance(item.get(name, ""), str) for name in texts)
            for item in field
        )

    return check


_FACTOR_TEXTS: Final = ("displayName", "enrolledAt", "mfaEnrollmentId", "phoneInfo", "unobfuscatedPhoneInfo")
_CHECKS: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(TEXTS, _is_text),
    **dict.fromkeys(FLAGS, lambda field: isinstance(field, bool)),
    **dict.fromkeys(LONGS, _is_long),
    **dict.fromkeys(("passwordUpdatedAt", "version"), _is_number),
    "mfaInfo": _is_objects(_FACTOR_TEXTS),
    "providerUserInfo": _is_objects(PROVIDER_TEXTS),
}
