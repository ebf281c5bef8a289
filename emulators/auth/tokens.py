"""Tokens: unsigned ID tokens and session cookies with the service's claims, refresh tokens, custom tokens.

An ID token lives an hour and ends early when the account is deleted or disabled, or says that only newer ones
count (`validSince`). A refresh token ends in the same ways and never by age.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.auth.identifiers import check_claim_names
from emulators.auth.refusal import Refused, require

if TYPE_CHECKING:
    from emulators.auth.accounts import Account
    from emulators.auth.realms import Realm

ID_TOKEN_S = 3600
_ISSUER = "https://securetoken.google.com/"
_COOKIE_ISSUER = "https://session.firebase.google.com/"
_CUSTOM_AUDIENCE = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"


@dataclass(frozen=True, slots=True)
class Session:
    """How and when somebody signed in; `auth_time` is in whole seconds, `claims` come from a custom token."""

    provider: str
    auth_time: int
    claims: dict[str, Any] = field(default_factory=dict)


def tokens(realm: Realm, account: Account, session: Session, now: float) -> dict[str, str]:
    """A new pair of tokens, in the words of the sign-in methods."""
    refresh = {"uid": account.uid, "project": realm.project, "tenant": realm.tenant, **asdict(session)}
    return {
        "idToken": _unsigned(_id_claims(realm, account, session, int(now))),
        "refreshToken": base64.urlsafe_b64encode(_json(refresh)).decode("ascii"),
        "expiresIn": str(ID_TOKEN_S),
    }


def read_id_token(realm: Realm, token: str, now: float) -> tuple[Account, Session, dict[str, Any]]:
    """Whose token it is, how they signed in, and its claims. Raises Refused when it is not valid here."""
    header, claims = _decode(token, "INVALID_ID_TOKEN")
    inner = claims.get("firebase")
    issued = header.get("alg") == "none" and claims.get("iss") == _ISSUER + realm.project
    require(issued and isinstance(inner, dict), "INVALID_ID_TOKEN")
    if not isinstance(inner, dict) or inner.get("tenant") != realm.tenant:
        raise Refused("TENANT_ID_MISMATCH")
    account = _valid(realm, str(claims.get("sub", "")), _seconds(claims, "iat"))
    require(now < _seconds(claims, "exp"), "TOKEN_EXPIRED")
    session = Session(str(inner.get("sign_in_provider", "")), _seconds(claims, "auth_time"))
    return account, session, claims


def read_refresh_token(realm: Realm, token: str) -> tuple[Account, Session]:
    data = refresh_data(token)
    here = data["project"] == realm.project and data["tenant"] == realm.tenant
    require(here, "INVALID_REFRESH_TOKEN")
    account = _valid(realm, data["uid"], data["auth_time"])
    return account, Session(data["provider"], data["auth_time"], data["claims"])


def refresh_data(token: str) -> dict[str, Any]:
    """What a refresh token says, its realm included. Raises Refused when it is none of ours."""
    try:
        data: dict[str, Any] = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except ValueError:
        raise Refused("INVALID_REFRESH_TOKEN") from None
    kinds = {"uid": str, "project": str, "provider": str, "auth_time": int, "claims": dict}
    known = isinstance(data, dict) and all(isinstance(data.get(name), kind) for name, kind in kinds.items())
    require(known and isinstance(data.get("tenant"), str | None), "INVALID_REFRESH_TOKEN")
    return data


def tenant_in(token: str) -> str | None:
    """The tenant an ID token belongs to, as far as it can be read."""
    try:
        inner = _decode(token, "")[1].get("firebase")
    except Refused:
        return None
    tenant = inner.get("tenant") if isinstance(inner, dict) else None
    return tenant if isinstance(tenant, str) else None


def read_custom_token(realm: Realm, token: str) -> tuple[str, dict[str, Any]]:
    """The uid and the claims of a custom token. Its signature and age are not looked at: the keys are not ours."""
    _, claims = _decode(token, "INVALID_CUSTOM_TOKEN : Invalid assertion format")
    require(claims.get("aud") == _CUSTOM_AUDIENCE, "INVALID_CUSTOM_TOKEN : Invalid audience.")
    require(claims.get("tenant_id") == realm.tenant, "TENANT_ID_MISMATCH")
    uid = claims.get("uid")
    if not isinstance(uid, str) or not uid:
        raise Refused("MISSING_IDENTIFIER")
    extra = claims.get("claims", {})
    check_claim_names(extra)
    return uid, extra


def session_cookie(claims: dict[str, Any], now: int, seconds: int) -> str:
    """A cookie that says what an ID token said."""
    times = {"iss": _COOKIE_ISSUER + str(claims["aud"]), "iat": now, "exp": now + seconds}
    return _unsigned({**claims, **times})


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    return value if isinstance(value, int) else 0


def _valid(realm: Realm, uid: str, issued: int) -> Account:
    account = realm.accounts.get(uid)
    if account is None:
        raise Refused("USER_NOT_FOUND")
    require(not account.disabled, "USER_DISABLED")
    require(issued >= int(account.get("validSince") or 0), "TOKEN_EXPIRED")
    return account


def _id_claims(realm: Realm, account: Account, session: Session, now: int) -> dict[str, Any]:
    record = account.record
    profile = {"name": record.get("displayName"), "picture": record.get("photoUrl")}
    standard = {
        "provider_id": "anonymous" if session.provider == "anonymous" else None,
        "email": record.get("email"),
        "email_verified": bool(record.get("emailVerified")) if record.get("email") else None,
        "phone_number": record.get("phoneNumber"),
        "auth_time": session.auth_time,
        "user_id": account.uid,
        "firebase": _firebase_claim(realm, account, session),
        "iat": now,
        "exp": now + ID_TOKEN_S,
        "aud": realm.project,
        "iss": _ISSUER + realm.project,
        "sub": account.uid,
    }
    custom = json.loads(record.get("customAttributes") or "{}")
    claims = {**_present(profile), **custom, **session.claims}
    return {**claims, **_present(standard)}


def _firebase_claim(realm: Realm, account: Account, session: Session) -> dict[str, Any]:
    identities: dict[str, list[str]] = {}
    if email := account.get("email"):
        identities["email"] = [email]
    for info in account.get("providerUserInfo") or ():
        if info["providerId"] != "password":
            identities.setdefault(info["providerId"], []).append(info["rawId"])
    claim = {"identities": identities, "sign_in_provider": session.provider, "tenant": realm.tenant}
    return _present(claim)


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _unsigned(claims: dict[str, Any]) -> str:
    return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."


def _segment(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(_json(data)).decode("ascii").rstrip("=")


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(token: str, refusal: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, unverified."""
    try:
        header, claims, _ = token.split(".")
        parsed = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]
    except (ValueError, binascii.Error):
        raise Refused(refusal) from None
    require(all(isinstance(part, dict) for part in parsed), refusal)
    return parsed[0], parsed[1]
