"""Accounts into a project by `accounts:batchCreate`, with the hash parameters of the project they came from.

What the service refuses of a batch is in a list that comes with its success. A batch that it refuses as a whole because
of one account is halved until that one is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import BadInput
from shared.format import user
from shared.format.user import Fields
from shared.sources.users.pace import Pace
from shared.sources.users.realms import Realms
from shared.sources.users.service import Answer, Service
from shared.sources.users.status import code_of, error_of, reason_of, told

HashConfig = Mapping[str, Any]
"""The project's hash parameters as its configuration has them: `algorithm`, `signerKey`, `saltSeparator`, `rounds`,
`memoryCost`."""

MOST: Final = 1000
"""Accounts in one request."""
_DOING: Final = "importing accounts"
_FAKE: Final = "fakeHash:"
"""How the official emulator's hashes begin. They need no parameters."""
_EXISTS: Final = "localId belongs to an existing account"
_SENT: Final = (
    *("createdAt", "customAttributes", "customAuth", "dateOfBirth", "disabled", "displayName", "email"),
    *("emailLinkSignin", "emailVerified", "initialEmail", "language", "lastLoginAt", "passwordUpdatedAt"),
    *("phoneNumber", "photoUrl", "screenName", "timeZone", "validSince"),
)
_PARAMETERS: Final = ("signerKey", "saltSeparator", "rounds", "memoryCost")
_WHOLE: Final = (
    "INVALID_HASH",
    "MISSING_HASH",
    "INVALID_PROJECT",
    "PROJECT_",
    "OPERATION_",
    "TENANT",
    "INSUFF",
)
"""How codes begin that are not about any one account."""


@dataclass(frozen=True)
class Refusal:
    """Why an account was not imported. `exists` when one of its id is there; it may be our own when `lost`."""

    reason: str
    exists: bool = False
    lost: bool = False


class Uploader:
    """`hash_config` tells the parameters with which the passwords of a realm were hashed, by the name keys have."""

    def __init__(
        self, service: Service, realms: Realms, hash_config: Callable[[str], HashConfig | None], pace: Pace
    ) -> None:
        self._service = service
        self._realms = realms
        self._hash_config = hash_config
        self._pace = pace

    def upload(
        self, realm: str, accounts: Mapping[str, Fields], *, overwrite: bool, check: bool
    ) -> dict[str, Refusal]:
        """Import accounts by id; those that were refused. `check` has the service look for duplicates as well."""
        parameters = self.parameters(realm, accounts.values())
        options = {"allowOverwrite": overwrite, "sanityCheck": check, **parameters}
        uids = list(accounts)
        refused: dict[str, Refusal] = {}
        for at in range(0, len(uids), MOST):
            some = uids[at : at + MOST]
            users = [_upload_of(uid, accounts[uid]) for uid in some]
            self._pace.take(len(some))
            refused |= self._send(self._realms.path(realm, "batchCreate"), options, users)
        return refused

    def _send(
        self, path: str, options: Mapping[str, Any], users: Sequence[Mapping[str, Any]]
    ) -> dict[str, Refusal]:
        answer = self._service.call(path, _DOING, {**options, "users": users})
        if answer.status == 200:
            return _refusals(answer, users)
        about_one = answer.status in (400, 413) and not code_of(answer.data).startswith(_WHOLE)
        if not about_one:
            raise error_of(answer.status, answer.data, _DOING)
        if len(users) == 1:
            return {
                users[0]["localId"]: Refusal(f"the service refused it ({told(answer.status, answer.data)})")
            }
        half = len(users) // 2
        return self._send(path, options, users[:half]) | self._send(path, options, users[half:])

    def parameters(self, realm: str, accounts: Iterable[Fields]) -> dict[str, Any]:
        """What has to be told of these accounts' passwords. BadInput when it is not known."""
        hashes = [hash_ for fields in accounts if (hash_ := fields.get("passwordHash"))]
        if not hashes:
            return {}
        config = self._hash_config(realm)
        if config is None:
            if all(hash_.startswith(_FAKE) for hash_ in hashes):
                return {}
            where = f"tenant {realm}" if realm else "the project"
            raise BadInput(
                f"{_DOING}: the parameters with which the passwords of {where} were hashed are not known",
                hint="restore from a backup that holds the settings too",
            )
        parameters = {name: config[name] for name in _PARAMETERS if config.get(name) not in (None, "")}
        return {"hashAlgorithm": config.get("algorithm", "SCRYPT"), **parameters}


def _refusals(answer: Answer, users: Sequence[Mapping[str, Any]]) -> dict[str, Refusal]:
    out: dict[str, Refusal] = {}
    for error in answer.json.get("error", ()):
        # Zero is left out of the service's JSON now and then.
        uid = users[int(error.get("index", 0))]["localId"]
        message = str(error.get("message", ""))
        out[uid] = Refusal(reason_of(message), message.startswith(_EXISTS), answer.lost)
    return out


def _upload_of(uid: str, fields: Fields) -> dict[str, Any]:
    """What of a record can be sent."""
    sent = {name: fields[name] for name in _SENT if name in fields}
    sent |= {
        "localId": uid,
        "providerUserInfo": user.federated(fields),
        "mfaInfo": user.phone_factors(fields),
    }
    if fields.get("passwordHash"):
        sent |= {"passwordHash": fields["passwordHash"], "salt": fields.get("salt", "")}
    return {name: value for name, value in sent.items() if value not in ("", [])}
