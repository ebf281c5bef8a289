"""Reading accounts: looked up by what identifies them, in pages by uid, or by a query."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from emulators.auth.identifiers import canonical_email, random_name
from emulators.auth.refusal import Refused, require
from emulators.auth.tokens import read_id_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulators.auth.accounts import Account
    from emulators.auth.call import Call

_PAGE, _PAGE_MOST = 20, 1000
_QUERY_MOST = 500
_SORTS: dict[str, Callable[[Account], Any]] = {
    "USER_ID": lambda account: account.uid,
    "NAME": lambda account: account.get("displayName") or "",
    "CREATED_AT": lambda account: int(account.get("createdAt") or 0),
    "LAST_LOGIN_AT": lambda account: int(account.get("lastLoginAt") or 0),
    "USER_EMAIL": lambda account: account.get("email") or "",
}


async def lookup(call: Call) -> dict[str, Any]:
    """The field `users` is left out when nobody was found: clients tell by that."""
    if call.caller.admin:
        found = {account.uid: account for account in _identified(call) if account}
    else:
        require(call.body.get("idToken"), "MISSING_ID_TOKEN")
        account = read_id_token(call.realm, call.body["idToken"], call.now)[0]
        found = {account.uid: account}
    answer: dict[str, Any] = {"kind": "identitytoolkit#GetAccountInfoResponse"}
    users = [account.shown(call.native) for account in found.values()]
    return {**answer, "users": users} if users else answer


def _identified(call: Call) -> Iterator[Account | None]:
    body, accounts = call.body, call.realm.accounts
    require("initialEmail" not in body, "INVALID_REQ_TYPE : Unsupported request parameters.")
    yield from map(accounts.get, body.get("localId", ()))
    yield from (accounts.by_email(email.lower()) for email in body.get("email", ()))
    yield from map(accounts.by_phone, body.get("phoneNumber", ()))
    for identity in body.get("federatedUserId", ()):
        yield accounts.by_provider(identity.get("providerId", ""), identity.get("rawId", ""))


async def batch_get(call: Call) -> dict[str, Any]:
    """One page in order of uid. A full page has a token, whether or not more accounts follow."""
    size = _number(call.query.get("maxResults", ""), _PAGE)
    require(size >= 1, "INVALID_PAGE_SELECTION")
    size = min(size, _PAGE_MOST)
    page = call.realm.accounts.page(_after(call.query.get("nextPageToken", "")), size)
    answer: dict[str, Any] = {"kind": "identitytoolkit#DownloadAccountResponse"}
    answer["users"] = [account.shown(call.native) for account in page]
    if len(page) == size:
        answer["nextPageToken"] = base64.urlsafe_b64encode(page[-1].uid.encode()).decode("ascii")
    return answer


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise Refused("INVALID_PAGE_SELECTION") from None


async def query(call: Call) -> dict[str, Any]:
    body = call.body
    chosen = [account for account in call.realm.accounts if _matches(account, body.get("expression", ()))]
    if body.get("returnUserInfo") is False:
        return {"recordsCount": str(len(chosen))}
    limit, offset = int(body.get("limit") or _QUERY_MOST), int(body.get("offset") or 0)
    require(1 <= limit <= _QUERY_MOST and offset >= 0, "INVALID_PAGE_SELECTION")
    sort = _SORTS.get(body.get("sortBy", "USER_ID"), _SORTS["USER_ID"])
    chosen.sort(key=sort, reverse=body.get("order") == "DESC")
    users = [account.shown(call.native) for account in chosen[offset : offset + limit]]
    return {"recordsCount": str(len(users)), "userInfo": users}


def _matches(account: Account, expressions: list[dict[str, str]]) -> bool:
    names = {"email": "email", "userId": "localId", "phoneNumber": "phoneNumber"}
    wanted = [(names[name], value) for item in expressions for name, value in item.items()]
    return not wanted or any(
        account.get(name) == (value.lower() if name == "email" else value) for name, value in wanted
    )


async def create_auth_uri(call: Call) -> dict[str, Any]:
    """How somebody with this e-mail can sign in, unless the project keeps that private."""
    require(call.body.get("identifier"), "MISSING_IDENTIFIER")
    require(call.body.get("continueUri"), "MISSING_CONTINUE_URI")
    email = canonical_email(call.body["identifier"], "INVALID_IDENTIFIER")
    session = call.body.get("sessionId") or random_name(call.world.entropy)
    answer = {"kind": "identitytoolkit#CreateAuthUriResponse", "sessionId": session}
    if call.realm.email_private:
        return answer
    account = call.realm.accounts.by_email(email)
    infos = account.record.get("providerUserInfo", ()) if account else ()
    providers = [info["providerId"] for info in infos if info["providerId"] != "phone"]
    methods = [provider for provider in providers if provider != "password" or (account and account.secret)]
    if account and account.get("emailLinkSignin"):
        methods.append("emailLink")
    return {**answer, "registered": account is not None, "allProviders": providers, "signinMethods": methods}


def _number(text: str, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError:
        raise Refused("INVALID_PAGE_SELECTION") from None
