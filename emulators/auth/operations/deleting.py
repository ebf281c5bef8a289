"""Deleting accounts: one's own, one, many, all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.refusal import require
from emulators.auth.tokens import read_id_token

if TYPE_CHECKING:
    from emulators.auth.call import Call

_BATCH_MOST = 1000


async def delete(call: Call) -> dict[str, Any]:
    accounts = call.realm.accounts
    if call.caller.admin:
        uid = call.body.get("localId", "")
        require(uid, "MISSING_LOCAL_ID")
        require(accounts.get(uid), "USER_NOT_FOUND")
    else:
        require(call.body.get("idToken"), "MISSING_ID_TOKEN")
        uid = read_id_token(call.realm, call.body["idToken"], call.now)[0].uid
    accounts.remove(uid)
    return {"kind": "identitytoolkit#DeleteAccountResponse"}


async def batch_delete(call: Call) -> dict[str, Any]:
    """Accounts that are not disabled stay, and are named, unless forced; missing ones count as deleted."""
    uids = call.body.get("localIds", [])
    require(1 <= len(uids) <= _BATCH_MOST, "LOCAL_ID_LIST_EXCEEDS_LIMIT")
    errors = []
    for index, uid in enumerate(uids):
        account = call.realm.accounts.get(uid)
        if account and not account.disabled and not call.body.get("force"):
            message = "NOT_DISABLED : Disable the account before batch deletion."
            errors.append({"index": index, "localId": uid, "message": message})
        else:
            call.realm.accounts.remove(uid)
    return {"errors": errors} if errors else {}


async def delete_all(call: Call) -> dict[str, Any]:
    call.realm.accounts.clear()
    call.realm.codes.clear()
    return {}
