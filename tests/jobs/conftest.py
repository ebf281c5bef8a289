"""An emulator for all tests of a module, and worlds on it that do not see one another."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from world import Fuse, World

from emulators.firestore import FirestoreEmulator
from shared import wiring
from shared.format.config import Options
from shared.keys.local import create_key_file

_numbers = itertools.count()
SMALL = Options(leaf_target=2_000, leaf_min=500, leaf_max=8_000, fan_target=8, fan_min=2, fan_max=32)
"""Leaves of a few documents, so that little data makes a tree of some height."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    address = emulator.start()
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    yield emulator
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    emulator.stop()


@pytest.fixture
def new_world(emulator: FirestoreEmulator, tmp_path: Path) -> Callable[..., World]:
    """Makes worlds: each with a project, a key and an empty repository of its own."""

    def make(fuse: Fuse | None = None, limit: timedelta | None = None) -> World:
        number = next(_numbers)
        folder, key = tmp_path / f"repository{number}", tmp_path / f"key{number}"
        create_key_file(key, secrets.token_bytes)
        address = os.environ["FIRESTORE_EMULATOR_HOST"]
        settings = World.settings_for(address, f"demo-world-{number}", folder, key)
        wiring.create_repository(settings, SMALL)
        return World(settings, fuse, limit)

    return make
