"""Out-of-band codes: what the links in e-mails carry. No e-mail is sent; the emulator lists the codes instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from emulators.auth.codes import Code
from emulators.auth.identifiers import canonical_email, random_name
from emulators.auth.refusal import Refused, require, unsupported
from emulators.auth.tokens import read_id_token

if TYPE_CHECKING:
    from emulators.auth.accounts import Account
    from emulators.auth.call import Call

_MODES = {
    "PASSWORD_RESET": "resetPassword",
    "VERIFY_EMAIL": "verifyEmail",
    "EMAIL_SIGNIN": "signIn",
    "VERIFY_AND_CHANGE_EMAIL": "verifyAndChangeEmail",
}
_CODE_LENGTH = 54


async def send_code(call: Call) -> dict[str, Any]:
    body = call.body
    kind = body.get("requestType", "OOB_REQ_TYPE_UNSPECIFIED")
    require(kind != "OOB_REQ_TYPE_UNSPECIFIED", "MISSING_REQ_TYPE")
    if kind not in _MODES:
        raise unsupported(f"requestType {kind}")
    require(call.caller.admin or not body.get("returnOobLink"), "INSUFFICIENT_PERMISSION")
    if "continueUrl" in body:
        absolute = body["continueUrl"].startswith(("http://", "https://"))
        require(absolute, "INVALID_CONTINUE_URI : An absolute http(s) URL is expected.")
    email = _recipient(call, kind)
    answer = {"kind": "identitytoolkit#GetOobConfirmationCodeResponse", "email": email}
    if kind == "PASSWORD_RESET" and call.realm.accounts.by_email(email) is None:
        return answer
    code = _created(call, kind, email)
    return (
        {**answer, "oobCode": code.code, "oobLink": _link(call, code)}
        if body.get("returnOobLink")
        else answer
    )


def _recipient(call: Call, kind: str) -> str:
    """Whose e-mail the code is for, once it is clear that it may be sent."""
    body, accounts = call.body, call.realm.accounts
    if body.get("idToken") and kind in {"VERIFY_EMAIL", "VERIFY_AND_CHANGE_EMAIL"}:
        email = read_id_token(call.realm, body["idToken"], call.now)[0].get("email")
        require(email, "MISSING_EMAIL")
        return str(email)
    require(body.get("email"), "MISSING_EMAIL")
    email = canonical_email(body["email"])
    if kind == "EMAIL_SIGNIN":
        require(call.realm.email_link_allowed, "OPERATION_NOT_ALLOWED")
    elif kind == "PASSWORD_RESET":
        require(accounts.by_email(email) or call.realm.email_private, "EMAIL_NOT_FOUND")
    else:
        require(call.caller.admin, "MISSING_ID_TOKEN")
        require(accounts.by_email(email), "USER_NOT_FOUND")
    return email


def _created(call: Call, kind: str, email: str) -> Code:
    new_email = ""
    if kind == "VERIFY_AND_CHANGE_EMAIL":
        require(call.body.get("newEmail"), "MISSING_NEW_EMAIL")
        new_email = canonical_email(call.body["newEmail"])
        require(call.realm.accounts.by_email(new_email) is None, "EMAIL_EXISTS")
    name = random_name(call.world.entropy, _CODE_LENGTH)
    parts = {"mode": _MODES[kind], "lang": "en", "oobCode": name, "apiKey": "fake-api-key"}
    parts |= {"continueUrl": call.body.get("continueUrl", ""), "tenantId": call.realm.tenant or ""}
    parts["projectId"] = call.realm.project
    code = Code(
        kind, email, name, urlencode({key: value for key, value in parts.items() if value}), new_email
    )
    call.realm.codes.add(code)
    return code


def _link(call: Call, code: Code) -> str:
    """Leads to where the emulator is now, wherever it was when the code was made."""
    return f"http://{call.world.address}/emulator/action?{code.query}"


async def list_codes(call: Call) -> dict[str, Any]:
    codes = [
        {"email": code.email, "requestType": code.kind, "oobCode": code.code, "oobLink": _link(call, code)}
        for code in call.realm.codes
    ]
    return {"oobCodes": codes}


async def reset_password(call: Call) -> dict[str, Any]:
    """With a new password the code is used up; without, it is only looked at."""
    require(call.body.get("oobCode"), "MISSING_OOB_CODE")
    secret = await call.secret("newPassword")
    code = _known(call, call.body["oobCode"])
    answer = {"kind": "identitytoolkit#ResetPasswordResponse", "requestType": code.kind}
    answer |= {"newEmail": code.new_email} if code.new_email else {}
    if secret:
        require(code.kind == "PASSWORD_RESET", "INVALID_OOB_CODE")
        account = _used(call, code)
        times = {"passwordUpdatedAt": int(call.millis), "validSince": call.seconds}
        call.realm.accounts.put({**account.record, "emailVerified": True, **times}, secret)
    # Whoever follows a sign-in link must know by themselves whom it was sent to.
    return answer if code.kind == "EMAIL_SIGNIN" else {**answer, "email": code.email}


def apply_code(call: Call, name: str) -> Account:
    """Uses up a code that verifies or changes an e-mail."""
    code = _known(call, name)
    require(code.kind in {"VERIFY_EMAIL", "VERIFY_AND_CHANGE_EMAIL"}, "INVALID_OOB_CODE")
    if code.new_email:
        require(call.realm.accounts.by_email(code.new_email) is None, "EMAIL_EXISTS")
    account = _used(call, code)
    changes: dict[str, Any] = {"emailVerified": True}
    if code.new_email:
        changes |= {"email": code.new_email, "validSince": call.seconds}
    return call.realm.accounts.put({**account.record, **changes}, account.secret)


async def follow_link(call: Call) -> dict[str, Any]:
    """What a browser does with a link of ours: verifies an e-mail at once, or resets to `newPassword`."""
    mode, name = call.query.get("mode", ""), call.query.get("oobCode", "")
    if mode == "resetPassword":
        password = call.query.get("newPassword", "")
        require(password, "MISSING_PASSWORD : Add &newPassword=NEW_PASSWORD_HERE to the link.")
        await reset_password(replace(call, body={"oobCode": name, "newPassword": password}))
    elif mode in {"verifyEmail", "verifyAndChangeEmail"}:
        apply_code(call, name)
    else:
        raise unsupported(f"Following a link of mode {mode!r}")
    return {"authEmulator": {"success": True}}


def _known(call: Call, name: str) -> Code:
    code = call.realm.codes.get(name)
    if code is None:
        raise Refused("INVALID_OOB_CODE")
    return code


def _used(call: Call, code: Code) -> Account:
    account = call.realm.accounts.by_email(code.email)
    if account is None:
        raise Refused("INVALID_OOB_CODE")
    call.realm.codes.remove(code)
    return account
