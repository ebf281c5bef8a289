"""Every keyring keeps every promise of the port."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.conformance.keyring import CHECKS
from shared.keys.contract import Keyring
from shared.keys.local import KeyFile, create_key_file
from shared.keys.passphrase import Passphrase

Rings = tuple[Keyring, Keyring, Keyring]


def key_files(place: Path) -> Rings:
    for name in ("one", "two"):
        create_key_file(place / name, os.urandom)
    return (
        KeyFile(place / "one", os.urandom),
        KeyFile(place / "one", os.urandom),
        KeyFile(place / "two", os.urandom),
    )


def passphrases(place: Path) -> Rings:
    return tuple(Passphrase(text, os.urandom, cost=16) for text in ("right", "right", "right "))  # type: ignore[return-value]


@pytest.mark.parametrize("make", [key_files, passphrases])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_keyring_keeps_its_promises(
    check: Callable[[Keyring, Keyring, Keyring], None], make: Callable[[Path], Rings], tmp_path: Path
) -> None:
    check(*make(tmp_path))
