"""Importing accounts with their password hashes. What is wrong with one account does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.enrolments import imported_enrolments
from emulators.auth.hashing import Secret
from emulators.auth.identifiers import UID_MOST, canonical_email, canonical_phone, check_claims
from emulators.auth.refusal import Refused, require
from emulators.auth.schemes import scheme_of

if TYPE_CHECKING:
    from emulators.auth.call import Call
    from emulators.auth.hashing import Scheme

_BATCH_MOST = 1000
_AS_GIVEN = (
    "localId",
    "displayName",
    "photoUrl",
    "language",
    "timeZone",
    "dateOfBirth",
    "screenName",
    "customAuth",
    "lastLoginAt",
    "version",
    "emailVerified",
    "disabled",
)
# An import says these in its own words.
_CLAIM_MESSAGES = {
    "INVALID_CLAIMS": "Invalid custom claims provided.",
    "CLAIMS_TOO_LARGE": "Custom claims provided are too large.",
    "FORBIDDEN_CLAIM": "Custom claims provided include a reserved claim.",
}


async def batch_create(call: Call) -> dict[str, Any]:
    """Answers 200 with the list of those that were refused, by index. E-mails and phone numbers that other
    accounts have are refused only when the request asks for a sanity check, as the service does."""
    users = call.body.get("users", [])
    require(users, "MISSING_USER_ACCOUNT")
    require(len(users) <= _BATCH_MOST, "MAXIMUM_USER_COUNT_EXCEEDED")
    _check_batch(call, users)
    scheme = scheme_of(call.body) if any(user.get("passwordHash") for user in users) else None
    raw = {
        index: await call.hashed(user["rawPassword"])
        for index, user in enumerate(users)
        if user.get("rawPassword") and not user.get("passwordHash")
    }
    errors = []
    for index, user in enumerate(users):
        try:
            record = _record(call, user)
            secret = _secret(user, scheme) or raw.get(index)
            if secret:
                record["passwordUpdatedAt"] = user.get("passwordUpdatedAt", int(call.millis))
            call.realm.accounts.put(record, secret)
        except Refused as refusal:
            code = refusal.message.split(" :")[0]
            errors.append({"index": index, "message": _CLAIM_MESSAGES.get(code, refusal.message)})
    return {"kind": "identitytoolkit#UploadAccountResponse", **({"error": errors} if errors else {})}


def _check_batch(call: Call, users: list[dict[str, Any]]) -> None:
    """What contradicts itself within the batch is refused as a whole."""
    if not call.body.get("allowOverwrite"):
        _unique([user["localId"] for user in users if user.get("localId")], "DUPLICATE_LOCAL_ID : {}")
    if not call.body.get("sanityCheck"):
        return
    if call.realm.one_account_per_email:
        _unique([user["email"].lower() for user in users if user.get("email")], "DUPLICATE_EMAIL : {}")
    identities = [
        f"Provider id({info.get('providerId')}), Raw id({info.get('rawId')})"
        for user in users
        for info in user.get("providerUserInfo", ())
    ]
    _unique(identities, "DUPLICATE_RAW_ID : {}")


def _unique(names: list[str], message: str) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, message.format(name))
        seen.add(name)


def _secret(user: dict[str, Any], scheme: Scheme | None) -> Secret | None:
    if scheme is None or not user.get("passwordHash"):
        return None
    return Secret(scheme, user["passwordHash"], user.get("salt", b""))


def _record(call: Call, user: dict[str, Any]) -> dict[str, Any]:
    """The account as it will be kept. Raises Refused with the words the service has for an import."""
    uid = user.get("localId")
    if not uid:
        raise Refused("localId is missing")
    require(len(uid) <= UID_MOST, "localId is too long")
    tenant = user.get("tenantId") or call.realm.tenant
    require(tenant == call.realm.tenant, "Tenant id in userInfo does not match the tenant id in request.")
    record = {name: user[name] for name in _AS_GIVEN if name in user}
    record["createdAt"] = user.get("createdAt", call.millis)
    record["validSince"] = user.get("validSince", call.seconds)
    if tenant:
        record["tenantId"] = tenant
    if user.get("customAttributes"):
        check_claims(user["customAttributes"])
        record["customAttributes"] = user["customAttributes"]
    record |= _identifiers(call, user)
    if factors := imported_enrolments(call, user):
        record["mfaInfo"] = factors
    known = call.realm.accounts.get(uid) is not None
    allowed = call.body.get("allowOverwrite") or not known
    require(allowed, "localId belongs to an existing account - can not overwrite.")
    return record


def _identifiers(call: Call, user: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if user.get("email"):
        found["email"] = canonical_email(user["email"], "email is invalid")
        if call.body.get("sanityCheck") and call.realm.one_account_per_email:
            other = call.realm.accounts.by_email(found["email"])
            require(not other or other.uid == user["localId"], "email exists in other account in database")
    if user.get("phoneNumber"):
        found["phoneNumber"] = canonical_phone(user["phoneNumber"], "phone number format is invalid")
    infos = [_provider(call, user, info) for info in user.get("providerUserInfo", ()) if not _own(info)]
    return {**found, "providerUserInfo": infos} if infos else found


def _own(info: dict[str, str]) -> bool:
    return info.get("providerId") in {"password", "phone"}


def _provider(call: Call, user: dict[str, Any], info: dict[str, str]) -> dict[str, str]:
    provider, raw_id = info.get("providerId"), info.get("rawId")
    if not provider or not raw_id:
        raise Refused("federatedId or (providerId & rawId) is required")
    other = call.realm.accounts.by_provider(provider, raw_id)
    require(other is None or other.uid == user["localId"], "raw id exists in other account in database")
    return info
