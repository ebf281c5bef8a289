"""The master key of a repository: made once, wrapped by one or more keyrings, found again with any of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Final

from shared.errors import Corrupt, Denied, FirekeepError, IntegrityError, Missing, NotFound, WrongKey
from shared.format.canonical import decode, encode, only
from shared.format.config import Config, check_config, parse_config
from shared.format.seal import derive
from shared.keys.contract import Keyring, Wrapped
from shared.providers.contract import Provider
from shared.repository.layout import CONFIG, KEYS, get_named, put_named

_WHAT: Final = "wrapped key"


def store_wrapped(provider: Provider, keyring: Keyring, master: bytes, repository: bytes) -> str:
    """Wrap the master key by one more keyring; the new object's key."""
    return put_named(provider, KEYS, encode_wrapped(keyring.wrap(master, repository), repository))


def open_config(provider: Provider, keyrings: Sequence[Keyring]) -> tuple[Config, bytes]:
    """The repository's configuration, proven authentic, and its master key.

    NotFound when there is no repository, WrongKey when no key opens it, Corrupt or Missing when it is damaged.
    """
    data = config_bytes(provider)
    config = parse_config(data)
    check_expectation(config.options.encryption, keyrings)
    master = config.clear_master or find_master(provider, keyrings, config.repository)
    check_config(data, derive(master, config.repository).config)
    return config, master


def config_bytes(provider: Provider) -> bytes:
    """The object `config`; NotFound when there is no repository."""
    try:
        return provider.get(CONFIG)
    except NotFound:
        raise NotFound("there is no repository here", hint="make one with `firekeep init`") from None


def find_master(provider: Provider, keyrings: Sequence[Keyring], repository: bytes) -> bytes:
    """The master key, by the first keyring that opens any of the wrapped keys.

    A keyring that cannot be asked does not keep another from opening. When none does: what kept one from being
    asked; else Corrupt for what might have opened and is damaged; else WrongKey; Missing when there is nothing to open.
    """
    damage: list[IntegrityError] = []
    refusals: list[FirekeepError] = []
    for wrapped in _wrapped(provider, repository, damage):
        for keyring in keyrings:
            try:
                return keyring.unwrap(wrapped, repository)
            except FirekeepError as error:
                refusals.append(error)
    telling = [error for error in refusals if not isinstance(error, WrongKey)]
    if telling or damage:
        raise (telling or damage)[0]
    if not refusals:
        raise Missing(f"no wrapped master key of this repository was found under {KEYS}")
    raise WrongKey(
        f"opening the repository failed: {refusals[-1].message}",
        hint="use a key that `firekeep key list` names",
    )


def encode_wrapped(wrapped: Wrapped, repository: bytes) -> bytes:
    """Canonical JSON."""
    return encode(
        {
            "repository": repository.hex(),
            "ring": wrapped.ring,
            "parameters": dict(wrapped.parameters),
            "data": base64.b64encode(wrapped.data).decode(),
        }
    )


def decode_wrapped(data: bytes, what: str) -> tuple[str, Wrapped]:
    """The repository's id in hexadecimal digits, and the wrapped key. Corrupt otherwise, naming `what`."""
    value = only(decode(data, what), {"repository", "ring", "parameters", "data"}, what)
    parameters, ring = value["parameters"], value["ring"]
    if not isinstance(parameters, dict) or not isinstance(ring, str):
        raise Corrupt(f"{what} is damaged: ring or parameters have the wrong type")
    if any(type(parameter) not in (str, int) for parameter in parameters.values()):
        raise Corrupt(f"{what} is damaged: a parameter has the wrong type")
    try:
        return str(value["repository"]), Wrapped(
            ring, parameters, base64.b64decode(value["data"], validate=True)
        )
    except (TypeError, ValueError):
        raise Corrupt(f"{what} is damaged: its data is not base64") from None


def _wrapped(provider: Provider, repository: bytes, damage: list[IntegrityError]) -> Iterator[Wrapped]:
    """The wrapped keys of this repository. What a creation that died left behind has another id."""
    for found in provider.list(KEYS):
        try:
            owner, wrapped = decode_wrapped(get_named(provider, found.key), f"object {found.key}")
        except IntegrityError as error:
            damage.append(error)
            continue
        if owner == repository.hex():
            yield wrapped


def check_expectation(encrypted: bool, keyrings: Sequence[Keyring]) -> None:
    """Denied when a key is given for a repository that says it needs none, or the other way round.

    Otherwise whoever can write the bucket could put an open repository in place of a sealed one, and the next
    backup would be stored in the clear.
    """
    if keyrings and not encrypted:
        raise Denied(
            "a key was given, but the repository says that it is not encrypted",
            hint="if that is what you want, open it without a key; if not, somebody may have replaced it",
        )
    if encrypted and not keyrings:
        raise WrongKey(
            "the repository is encrypted, but no key was given", hint="name a key file or a passphrase"
        )
