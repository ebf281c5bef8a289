"""A reader of accounts and settings that shares no code with what it checks: REST, and people who sign in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cli.demo.comparison import Comparison, compared
from emulators.datasets.auth import PROVIDERS, Auth
from emulators.datasets.people import People

Told = Mapping[str, Any]
"""By uid or by name, as the service tells it."""
_SIGN_IN = "/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword?key=any"
_PASSING = ("kind", "lastLoginAt", "lastRefreshAt", "passwordHash", "passwordUpdatedAt", "salt", "version")
"""What changes when somebody signs in; hashes do when the project has other parameters. Passwords are tried instead."""
_LISTS = ("providerUserInfo", "mfaInfo")


def accounts(auth: Auth) -> dict[str, Any]:
    """Every account, but for what passes."""
    users = auth.call("GET", "accounts:batchGet?maxResults=1000").get("users", ())
    return {user["localId"]: _lasting(user) for user in users}


def settings(auth: Auth) -> dict[str, Any]:
    """The configuration and the identity providers; without hash parameters, which nobody can set. The domains are a
    set."""
    config = auth.call("GET", "config")
    config["authorizedDomains"].sort()
    config["signIn"].pop("hashConfig", None)
    providers = auth.call("GET", PROVIDERS).get(PROVIDERS, ())
    return {"config": config, **{provider["name"]: provider for provider in providers}}


def compare_accounts(expected: Told, auth: Auth) -> Comparison:
    """Everything that is told of each."""
    return compared(expected, accounts(auth).items())


def compare_settings(expected: Told, auth: Auth) -> Comparison:
    """The same for settings."""
    return compared(expected, settings(auth).items())


def sign_in(people: People, expected: Told, auth: Auth) -> Comparison:
    """Each with a password tries it: who may comes in as who they are, with their claims, or is asked for a second
    factor; who is disabled does not.
    """
    wanted = {uid: _wanted(uid, expected[uid]) for uid, person in people.items() if person.password}
    return compared(wanted, _tried(people, auth))


def _lasting(user: Told) -> dict[str, Any]:
    kept = {name: value for name, value in user.items() if name not in _PASSING}
    lists = {name: sorted(kept[name], key=json.dumps) for name in _LISTS if name in kept}
    return {**kept, **lists}


def _wanted(uid: str, account: Told) -> object:
    if account.get("disabled"):
        return "USER_DISABLED"
    if "mfaInfo" in account:
        return sorted(factor["mfaEnrollmentId"] for factor in account["mfaInfo"])
    return uid, json.loads(account.get("customAttributes", "{}"))


def _tried(people: People, auth: Auth) -> Iterator[tuple[str, object]]:
    for uid, person in people.items():
        if person.password:
            body = {"email": person.fields["email"], "password": person.password, "returnSecureToken": True}
            yield uid, _outcome(auth.ask("POST", _SIGN_IN, body, fine=(400,)))


def _outcome(answer: Told) -> object:
    if "error" in answer:
        return answer["error"]["message"]
    if "mfaPendingCredential" in answer:
        return sorted(factor["mfaEnrollmentId"] for factor in answer["mfaInfo"])
    payload = answer["idToken"].split(".")[1]
    token = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return token["user_id"], {name: value for name, value in token.items() if name in _CLAIMED}


_CLAIMED = ("role", "level", "regions")
