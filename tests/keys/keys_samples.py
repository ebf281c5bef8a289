"""Repositories with keys for the tests of what is done with keys: nothing else is in them."""

from __future__ import annotations

import os
from pathlib import Path

from shared.clock import SystemClock
from shared.errors import FirekeepError
from shared.format.config import Options
from shared.keys.contract import Keyring
from shared.keys.local import KeyFile, create_key_file
from shared.keys.passphrase import Passphrase
from shared.providers.contract import Provider
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.keychain import Keychain


def disk(place: Path) -> LocalProvider:
    return LocalProvider(place, SystemClock(), os.urandom)


def phrase(text: str) -> Passphrase:
    return Passphrase(text, os.urandom, cost=16)


def key_file(path: Path) -> KeyFile:
    if not path.exists():
        create_key_file(path, os.urandom)
    return KeyFile(path, os.urandom)


def made(place: Path, *rings: Keyring) -> LocalProvider:
    """A repository that these open."""
    store = disk(place)
    Repository.create(store, rings, Options(encryption=bool(rings)), os.urandom)
    return store


def chain(store: Provider, ring: Keyring) -> Keychain:
    return Keychain.open(store, [ring], os.urandom)


def opens(store: Provider, ring: Keyring) -> bool:
    try:
        Repository.open(store, [ring], os.urandom)
    except FirekeepError:
        return False
    return True
