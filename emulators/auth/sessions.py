"""Opening and renewing a session: the account's record learns of it, the caller gets tokens."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from emulators.auth.enrolments import obfuscated
from emulators.auth.refusal import require
from emulators.auth.tokens import Session, tokens

if TYPE_CHECKING:
    from emulators.auth.accounts import Account
    from emulators.auth.call import Call


def open_session(
    call: Call, account: Account, provider: str, claims: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Tokens of somebody who signed in just now, or what stands before them: a second factor."""
    require(not account.disabled, "USER_DISABLED")
    if call.realm.mfa_enabled and account.get("mfaInfo"):
        return _pending(call, account, provider)
    record = {**account.record, "lastLoginAt": call.millis}
    account = call.realm.accounts.put(record, account.secret)
    return renew(call, account, Session(provider, int(call.now), claims or {}))


def renew(call: Call, account: Account, session: Session) -> dict[str, Any]:
    """New tokens of a session that goes on."""
    account = call.realm.accounts.put({**account.record, "lastRefreshAt": call.iso}, account.secret)
    return tokens(call.realm, account, session, call.now)


def _pending(call: Call, account: Account, provider: str) -> dict[str, Any]:
    credential = {"uid": account.uid, "project": call.realm.project, "provider": provider}
    encoded = base64.urlsafe_b64encode(json.dumps(credential).encode()).decode("ascii")
    return {
        "mfaPendingCredential": encoded,
        "mfaInfo": [obfuscated(factor) for factor in account.record["mfaInfo"]],
    }
