"""Puts accounts and settings into an Auth emulator, changes and removes them, over REST."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from emulators.datasets.people import Person
from emulators.datasets.services import Http
from shared.errors import BadInput

PROVIDERS: Final = "oauthIdpConfigs"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Auth:
    """The accounts of a project in an emulator at `address`, HOST:PORT."""

    address: str
    project: str

    def call(self, verb: str, path: str, body: Any = None, fine: tuple[int, ...] = ()) -> Any:
        """Of the project: `accounts…` of the first version, `config` or providers of the second. BadInput when it is
        refused with anything but `fine`."""
        version = "v1" if path.startswith("accounts") else "v2"
        return self.ask(
            verb, f"/identitytoolkit.googleapis.com/{version}/projects/{self.project}/{path}", body, fine
        )

    def ask(self, verb: str, path: str, body: Any = None, fine: tuple[int, ...] = ()) -> Any:
        """The same for any path."""
        with Http(self.address, "Auth") as http:
            return http.call(verb, path, None if body is None else json.dumps(body), _JSON, fine)


def put_people(auth: Auth, people: Mapping[str, Person]) -> None:
    """Import accounts whole, whatever was there; their passwords are hashed as the project hashes."""
    users = [
        {**person.fields, "localId": uid, **({"rawPassword": person.password} if person.password else {})}
        for uid, person in people.items()
    ]
    answer = auth.call("POST", "accounts:batchCreate", {"users": users, "allowOverwrite": True})
    for error in answer.get("error", ()):
        uid = users[error["index"]]["localId"]
        raise BadInput(f"loading a data set: the account {uid!r} is refused: {error['message']}")


def change_account(auth: Auth, uid: str, fields: Mapping[str, Any]) -> None:
    """As `accounts:update` names them."""
    auth.call("POST", "accounts:update", {**fields, "localId": uid})


def delete_accounts(auth: Auth, uids: Iterable[str]) -> None:
    """Disabled or not."""
    auth.call("POST", "accounts:batchDelete", {"localIds": [*uids], "force": True})


def configure(auth: Auth, fields: Mapping[str, Any]) -> None:
    """Change the project's settings: the fields at the top, whole."""
    auth.call("PATCH", f"config?updateMask={quote(','.join(fields))}", fields)


def put_provider(auth: Auth, name: str, fields: Mapping[str, Any]) -> None:
    """A new identity provider of OpenID Connect, `oidc.…`."""
    auth.call("POST", f"{PROVIDERS}?oauthIdpConfigId={quote(name)}", fields)


def forget_project(auth: Auth, signer_key: str) -> None:
    """As a new project is: no account, no provider, plain settings, and another key for hashes, in base64."""
    base = f"/emulator/v1/projects/{auth.project}"
    auth.ask("DELETE", f"{base}/accounts")
    for provider in auth.call("GET", PROVIDERS).get(PROVIDERS, ()):
        auth.call("DELETE", f"{PROVIDERS}/{provider['name'].rpartition('/')[2]}")
    configure(auth, {"authorizedDomains": ["localhost"], "mfa": {"state": "DISABLED"}})
    hashing = {
        "algorithm": "SCRYPT",
        "signerKey": signer_key,
        "saltSeparator": "Bw==",
        "rounds": 8,
        "memoryCost": 14,
    }
    auth.ask("PATCH", f"{base}/config", {"signIn": {"hashConfig": hashing}})
