"""Changing an account: by its owner with an ID token, by an administrator, or by a code from an e-mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.accounts import REDACTED
from emulators.auth.enrolments import enrolments
from emulators.auth.identifiers import canonical_email, canonical_phone, check_claims
from emulators.auth.operations.codes import apply_code
from emulators.auth.refusal import Refused, require, unsupported
from emulators.auth.sessions import renew
from emulators.auth.tokens import Session, read_id_token

if TYPE_CHECKING:
    from emulators.auth.accounts import Account, Record
    from emulators.auth.call import Call
    from emulators.auth.hashing import Secret

_UNSUPPORTED = ("provider", "upgradeToFederatedLogin")
_ATTRIBUTES = {
    "DISPLAY_NAME": ("displayName",),
    "PHOTO_URL": ("photoUrl",),
    "EMAIL": ("email", "emailVerified", "emailLinkSignin"),
    "PASSWORD": ("passwordUpdatedAt",),
    "USER_ATTRIBUTE_NAME_UNSPECIFIED": (),
}


async def update(call: Call) -> dict[str, Any]:
    """A field that is not in the request stays as it is."""
    body = call.body
    for name in _UNSUPPORTED:
        if body.get(name):
            raise unsupported(f"The field {name}")
    secret = await call.secret()
    if body.get("oobCode") and not body.get("localId"):
        return _answer(apply_code(call, body["oobCode"]), {})
    account, session = _target(call)
    changes = _changes(call, account)
    removed = _removed(call)
    kept = None if "passwordUpdatedAt" in removed else account.secret
    if secret:
        changes["passwordUpdatedAt"] = int(call.millis)
    if secret or "email" in changes:
        changes.setdefault("validSince", call.seconds)
    record = {name: value for name, value in account.record.items() if name not in removed}
    record = _with_providers(call, {**record, **changes})
    account = call.realm.accounts.put(record, secret or kept)
    return _answer(account, _new_tokens(call, account, session, changes, secret))


def _target(call: Call) -> tuple[Account, Session | None]:
    body = call.body
    if body.get("idToken"):
        account, session, _ = read_id_token(call.realm, body["idToken"], call.now)
        require("disableUser" not in body, "OPERATION_NOT_ALLOWED")
        return account, session
    require(call.caller.admin, "INVALID_REQ_TYPE : Unsupported request parameters.")
    require(body.get("localId"), "MISSING_LOCAL_ID")
    found = call.realm.accounts.get(body["localId"])
    if found is None:
        raise Refused("USER_NOT_FOUND")
    return found, None


def _changes(call: Call, account: Account) -> Record:
    body = call.body
    changes: Record = {name: body[name] for name in ("displayName", "photoUrl") if name in body}
    if body.get("email"):
        changes |= _new_email(call, account)
    if "mfa" in body:
        changes["mfaInfo"] = enrolments(call, body["mfa"].get("enrollments", [])) or None
    return changes | (_privileged(call, account) if call.caller.admin else _refuse_privileged(call))


def _new_email(call: Call, account: Account) -> Record:
    email = canonical_email(call.body["email"])
    if email == account.get("email"):
        return {}
    require(call.realm.accounts.by_email(email) is None, "EMAIL_EXISTS")
    changed: Record = {"email": email, "emailVerified": False}
    if account.get("email") and not account.get("initialEmail"):
        changed["initialEmail"] = account.get("email")
    return changed


def _privileged(call: Call, account: Account) -> Record:
    body = call.body
    names = ("emailVerified", "customAttributes", "createdAt", "lastLoginAt", "validSince")
    changes: Record = {name: body[name] for name in names if name in body}
    if body.get("customAttributes"):
        check_claims(body["customAttributes"])
    if "disableUser" in body:
        changes["disabled"] = body["disableUser"]
    if body.get("phoneNumber"):
        number = canonical_phone(body["phoneNumber"])
        other = call.realm.accounts.by_phone(number)
        require(other is None or other.uid == account.uid, "PHONE_NUMBER_EXISTS")
        changes["phoneNumber"] = number
    return changes


def _refuse_privileged(call: Call) -> Record:
    require("customAttributes" not in call.body, "INSUFFICIENT_PERMISSION")
    return {}


def _removed(call: Call) -> set[str]:
    """Names of the record's fields that go; a password goes with `passwordUpdatedAt`."""
    names: set[str] = set()
    for attribute in call.body.get("deleteAttribute", ()):
        if attribute not in _ATTRIBUTES:
            raise unsupported(f"deleteAttribute {attribute}")
        names.update(_ATTRIBUTES[attribute])
    providers = call.body.get("deleteProvider", ())
    if "password" in providers:
        names.update(_ATTRIBUTES["EMAIL"], _ATTRIBUTES["PASSWORD"])
    if "phone" in providers:
        names.add("phoneNumber")
    return names


def _with_providers(call: Call, record: Record) -> Record:
    gone = set(call.body.get("deleteProvider", ()))
    infos = [info for info in record.get("providerUserInfo", ()) if info["providerId"] not in gone]
    link = call.body.get("linkProviderUserInfo")
    if link is not None:
        require(link.get("providerId"), "MISSING_PROVIDER_ID")
        require(link.get("rawId"), "MISSING_RAW_ID")
        other = call.realm.accounts.by_provider(link["providerId"], link["rawId"])
        require(other is None or other.uid == record["localId"], "FEDERATED_USER_ID_ALREADY_LINKED")
        infos = [info for info in infos if info["providerId"] != link["providerId"]] + [link]
    return {**record, "providerUserInfo": infos}


def _new_tokens(
    call: Call, account: Account, session: Session | None, changes: Record, secret: Secret | None
) -> dict[str, Any]:
    """Whoever ended their own sessions by a change gets a new one."""
    if session is None or "validSince" not in changes:
        return {}
    provider = "password" if secret else session.provider
    return renew(call, account, Session(provider, int(call.now), session.claims))


def _answer(account: Account, tokens: dict[str, Any]) -> dict[str, Any]:
    shown = ("localId", "email", "emailVerified", "displayName", "photoUrl", "providerUserInfo")
    answer = {name: account.record[name] for name in shown if name in account.record}
    if account.secret:
        answer["passwordHash"] = REDACTED
    return {"kind": "identitytoolkit#SetAccountInfoResponse", **answer, **tokens}
