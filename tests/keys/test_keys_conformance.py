"""Every keyring keeps every promise of the port."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest
from keys_services import KEY, OTHER_KEY, OTHER_SECRET, SECRET, Services

import shared.keys
from shared.conformance.keyring import CHECKS
from shared.keys.contract import Keyring
from shared.keys.kms import CloudKms
from shared.keys.known import KIT, KnownKey
from shared.keys.local import KeyFile, create_key_file
from shared.keys.passphrase import Passphrase
from shared.keys.secret import SecretManager

Rings = tuple[Keyring, Keyring, Keyring]


def key_files(place: Path, _: Services) -> Rings:
    for name in ("one", "two"):
        create_key_file(place / name, os.urandom)
    return (
        KeyFile(place / "one", os.urandom),
        KeyFile(place / "one", os.urandom),
        KeyFile(place / "two", os.urandom),
    )


def kits(_: Path, __: Services) -> Rings:
    one, two = b"1" * 32, b"1" * 31 + b"2"
    return (
        KnownKey(one, os.urandom, "the kit", KIT),
        KnownKey(one, os.urandom, "the kit"),
        KnownKey(two, os.urandom, "the kit", KIT),
    )


def passphrases(_: Path, __: Services) -> Rings:
    return tuple(Passphrase(text, os.urandom, cost=16) for text in ("right", "right", "right "))  # type: ignore[return-value]


def cloud_kms(_: Path, services: Services) -> Rings:
    return tuple(CloudKms(name, lambda: services.kms) for name in (KEY, KEY, OTHER_KEY))  # type: ignore[return-value]


def secret_manager(_: Path, services: Services) -> Rings:
    names = (SECRET, SECRET, OTHER_SECRET)
    return tuple(SecretManager(name, lambda: services.secrets, os.urandom) for name in names)  # type: ignore[return-value]


MAKERS = {
    KeyFile: key_files,
    KnownKey: kits,
    Passphrase: passphrases,
    CloudKms: cloud_kms,
    SecretManager: secret_manager,
}


@pytest.mark.parametrize("make", MAKERS.values())
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_keyring_keeps_its_promises(
    check: Callable[[Keyring, Keyring, Keyring], None],
    make: Callable[[Path, Services], Rings],
    tmp_path: Path,
    services: Services,
) -> None:
    check(*make(tmp_path, services))


def test_no_keyring_is_without_these_tests() -> None:
    modules = [
        importlib.import_module(f"shared.keys.{module.name}")
        for module in pkgutil.iter_modules(shared.keys.__path__)
    ]
    rings = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__
        and kind is not Keyring
        and {"wrap", "unwrap"} <= vars(kind).keys()
    }
    assert rings == set(MAKERS)
