"""Realms, accounts and codes as the rows of a shelf: JSON with the names of our own fields."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, cast

from emulators.auth import hashing
from emulators.auth.accounts import Account
from emulators.auth.codes import Code
from emulators.auth.hashing import FirebaseScrypt, Scheme, Secret

FORMAT = "auth 1"
REALM, ACCOUNT, CODE = "realm", "account", "code"
_SCHEMES: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        hashing.FirebaseScrypt,
        hashing.StandardScrypt,
        hashing.Keyed,
        hashing.Repeated,
        hashing.Pbkdf2,
        hashing.Argon2,
        hashing.Bcrypt,
    )
}


# Made once: it is used for every row.
_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Parameters:
    """All of a realm but for its accounts and codes."""

    settings: dict[str, Any]
    providers: dict[str, dict[str, Any]]
    scheme: FirebaseScrypt


def pack(value: object) -> bytes:
    # Lone surrogates, which clients may send, are written as escapes.
    return _COMPACT.encode(value).encode("ascii")


def realm_row(parameters: Parameters) -> bytes:
    scheme = _scheme_text(parameters.scheme)
    return pack({"settings": parameters.settings, "providers": parameters.providers, "scheme": scheme})


def read_realm(row: bytes) -> Parameters:
    document = json.loads(row.decode())
    scheme = read_scheme(document["scheme"])
    if not isinstance(scheme, FirebaseScrypt):
        raise TypeError("a realm's own scheme is another")
    return Parameters(document["settings"], document["providers"], scheme)


def account_row(account: Account) -> bytes:
    secret = account.secret
    kept = None if secret is None else [_scheme_text(secret.scheme), secret.hash.hex(), secret.salt.hex()]
    return pack({"record": account.record, "secret": kept, "order": account.order})


def read_account(row: bytes) -> Account:
    document = json.loads(row.decode())
    kept, secret = document["secret"], None
    if kept is not None:
        secret = Secret(read_scheme(kept[0]), bytes.fromhex(kept[1]), bytes.fromhex(kept[2]))
    return Account(document["record"], secret, document["order"])


def code_row(code: Code) -> bytes:
    return pack(asdict(code))


def read_code(row: bytes) -> Code:
    return Code(**json.loads(row.decode()))


def _scheme_text(scheme: Scheme) -> str:
    return _text_of(cast("Hashable", scheme))


@lru_cache(maxsize=64)
def _text_of(scheme: Any) -> str:
    values = {each.name: getattr(scheme, each.name) for each in fields(scheme)}
    written = {
        name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in values.items()
    }
    return _COMPACT.encode({"kind": type(scheme).__name__, **written})


@lru_cache(maxsize=64)
def read_scheme(text: str) -> Scheme:
    """Equal ones are mostly the same object, as after an import."""
    document = json.loads(text)
    values = {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in document.items()
        if name != "kind"
    }
    scheme: Scheme = _SCHEMES[document["kind"]](**values)
    return scheme
