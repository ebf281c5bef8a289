"""Signing in with a password, a custom token or a link; going on with a refresh token; session cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.identifiers import canonical_email, check_uid, random_name
from emulators.auth.refusal import Refused, require, unsupported
from emulators.auth.sessions import open_session, renew
from emulators.auth.tokens import read_custom_token, read_id_token, read_refresh_token, session_cookie

if TYPE_CHECKING:
    from emulators.auth.accounts import Account
    from emulators.auth.call import Call

_COOKIE_LEAST_S, _COOKIE_MOST_S = 5 * 60, 14 * 24 * 3600


async def with_password(call: Call) -> dict[str, Any]:
    """Really verified by whatever algorithm the account came with; a foreign hash is replaced by an own one."""
    body, realm = call.body, call.realm
    require(realm.password_allowed, "PASSWORD_LOGIN_DISABLED")
    require("email" in body, "MISSING_EMAIL")
    email = canonical_email(body["email"])
    require(body.get("password"), "MISSING_PASSWORD")
    if body.get("idToken") or body.get("pendingIdToken"):
        raise unsupported("Signing in with a password and a token at once")
    account = await _verified(call, email, body["password"])
    answer = {"kind": "identitytoolkit#VerifyPasswordResponse", "registered": True, "localId": account.uid}
    answer |= {"email": email, "displayName": account.get("displayName") or ""}
    return {**answer, **open_session(call, account, "password")}


async def _verified(call: Call, email: str, password: str) -> Account:
    unknown, wrong = "EMAIL_NOT_FOUND", "INVALID_PASSWORD"
    if call.realm.email_private:
        unknown = wrong = "INVALID_LOGIN_CREDENTIALS"
    account = call.realm.accounts.by_email(email)
    if account is None:
        raise Refused(unknown)
    require(not account.disabled, "USER_DISABLED")
    if account.secret is None or not await call.opens(account.secret, password):
        raise Refused(wrong)
    own = None
    # Imported passwords may be shorter than what is accepted today: those stay as they came.
    if account.secret.scheme != call.realm.scheme and len(password) >= 6:
        own = await call.hashed(password)
    now = call.realm.accounts.get(account.uid)
    require(now is not None and now.secret == account.secret, wrong)
    return call.realm.accounts.put(now.record, own or now.secret) if now else account


async def with_custom_token(call: Call) -> dict[str, Any]:
    require(call.body.get("token"), "MISSING_CUSTOM_TOKEN")
    uid, claims = read_custom_token(call.realm, call.body["token"])
    account = call.realm.accounts.get(check_uid(uid))
    new = account is None
    if account is None:
        account = _created(call, uid, {"customAuth": True})
    answer = {"kind": "identitytoolkit#VerifyCustomTokenResponse", "isNewUser": new}
    return {**answer, **open_session(call, account, "custom", claims)}


async def with_email_link(call: Call) -> dict[str, Any]:
    body, realm = call.body, call.realm
    require(realm.email_link_allowed, "OPERATION_NOT_ALLOWED")
    require(body.get("email"), "MISSING_EMAIL")
    email = canonical_email(body["email"])
    code = realm.codes.get(body.get("oobCode", ""))
    if code is None or code.kind != "EMAIL_SIGNIN":
        raise Refused("INVALID_OOB_CODE")
    require(code.email == email, "INVALID_EMAIL : The email does not match the sign-in email address.")
    account = _owner(call, email)
    new = account is None
    if account is None:
        account = _created(call, random_name(call.world.entropy), {})
    require(not account.disabled, "USER_DISABLED")
    realm.codes.remove(code)
    verified = {**account.record, "email": email, "emailVerified": True, "emailLinkSignin": True}
    account = realm.accounts.put(verified, account.secret)
    answer = {"kind": "identitytoolkit#EmailLinkSigninResponse", "email": email, "localId": account.uid}
    return {**answer, "isNewUser": new, **open_session(call, account, "password")}


async def with_refresh_token(call: Call) -> dict[str, Any]:
    body = call.body
    require(body.get("grantType"), "MISSING_GRANT_TYPE")
    require(body["grantType"] == "refresh_token", "INVALID_GRANT_TYPE")
    require(body.get("refreshToken"), "MISSING_REFRESH_TOKEN")
    account, session = read_refresh_token(call.realm, body["refreshToken"])
    fresh = renew(call, account, session)
    return {
        "id_token": fresh["idToken"],
        "access_token": fresh["idToken"],
        "expires_in": fresh["expiresIn"],
        "refresh_token": fresh["refreshToken"],
        "token_type": "Bearer",
        "user_id": account.uid,
        "project_id": call.realm.project,
    }


async def create_session_cookie(call: Call) -> dict[str, Any]:
    require(call.body.get("idToken"), "MISSING_ID_TOKEN")
    seconds = int(call.body.get("validDuration") or _COOKIE_MOST_S)
    require(_COOKIE_LEAST_S <= seconds <= _COOKIE_MOST_S, "INVALID_DURATION")
    claims = read_id_token(call.realm, call.body["idToken"], call.now)[2]
    return {"sessionCookie": session_cookie(claims, int(call.now), seconds)}


def _owner(call: Call, email: str) -> Account | None:
    """The account a link signs in to: the caller's own, or the one with that e-mail."""
    found = call.realm.accounts.by_email(email)
    if not call.body.get("idToken"):
        return found
    own = read_id_token(call.realm, call.body["idToken"], call.now)[0]
    require(found is None or found.uid == own.uid, "EMAIL_EXISTS")
    return own


def _created(call: Call, uid: str, fields: dict[str, Any]) -> Account:
    record = {"localId": uid, "createdAt": call.millis, "validSince": call.seconds, **fields}
    if call.realm.tenant:
        record["tenantId"] = call.realm.tenant
    return call.realm.accounts.put(record, None)
