"""Signing up: with a password, anonymously, by an administrator, or by giving an anonymous account a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.enrolments import enrolments
from emulators.auth.identifiers import canonical_email, canonical_phone, check_uid, random_name
from emulators.auth.refusal import require
from emulators.auth.sessions import open_session
from emulators.auth.tokens import read_id_token

if TYPE_CHECKING:
    from emulators.auth.accounts import Account
    from emulators.auth.call import Call


async def sign_up(call: Call) -> dict[str, Any]:
    provider = "" if call.caller.admin else _own_provider(call)
    secret = await call.secret()
    old = read_id_token(call.realm, call.body["idToken"], call.now)[0] if call.body.get("idToken") else None
    record = {**_base(call, old), **_profile(call, old)}
    if call.caller.admin:
        record.update(_privileged(call))
    if secret:
        record["passwordUpdatedAt"] = int(call.millis)
    record.setdefault("validSince", call.seconds)
    account = call.realm.accounts.put(record, secret or (old.secret if old else None))
    answer = {"kind": "identitytoolkit#SignupNewUserResponse", "localId": account.uid}
    answer |= {name: record[name] for name in ("email", "displayName") if record.get(name)}
    return {**answer, **open_session(call, account, provider)} if provider else answer


def _own_provider(call: Call) -> str:
    """What somebody without privileges signs up with."""
    body, realm = call.body, call.realm
    require("localId" not in body, "UNEXPECTED_PARAMETER : User ID")
    if not any(name in body for name in ("idToken", "email", "password")):
        require(realm.anonymous_allowed, "ADMIN_ONLY_OPERATION")
        return "anonymous"
    require(body.get("email"), "MISSING_EMAIL")
    require(body.get("password"), "MISSING_PASSWORD")
    require(realm.password_allowed, "OPERATION_NOT_ALLOWED")
    return "password"


def _base(call: Call, old: Account | None) -> dict[str, Any]:
    if old:
        require(not call.body.get("localId"), "UNEXPECTED_PARAMETER : User ID")
        return {**old.record, "validSince": call.seconds}
    uid = check_uid(call.body.get("localId") or random_name(call.world.entropy))
    require(call.realm.accounts.get(uid) is None, "DUPLICATE_LOCAL_ID")
    record = {"localId": uid, "createdAt": call.millis}
    return {**record, "tenantId": call.realm.tenant} if call.realm.tenant else record


def _profile(call: Call, old: Account | None) -> dict[str, Any]:
    body = call.body
    anonymous = not call.caller.admin and "email" not in body
    profile = (
        {} if anonymous else {name: body[name] for name in ("displayName", "photoUrl") if body.get(name)}
    )
    if body.get("email"):
        email = canonical_email(body["email"])
        other = call.realm.accounts.by_email(email)
        require(other is None or (old and other.uid == old.uid), "EMAIL_EXISTS")
        profile |= {"email": email, "emailVerified": False}
    return profile


def _privileged(call: Call) -> dict[str, Any]:
    body = call.body
    fields: dict[str, Any] = {name: body[name] for name in ("emailVerified", "disabled") if name in body}
    if body.get("phoneNumber"):
        number = canonical_phone(body["phoneNumber"])
        require(call.realm.accounts.by_phone(number) is None, "PHONE_NUMBER_EXISTS")
        fields["phoneNumber"] = number
    if body.get("mfaInfo"):
        fields["mfaInfo"] = enrolments(call, body["mfaInfo"])
    return fields
