"""One emulator for each module; every test takes a project of its own on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from firestore_rig import Proxy

from emulators.firestore import FirestoreEmulator

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    emulator = FirestoreEmulator()
    yield emulator.start()
    emulator.stop()


@pytest.fixture
def project() -> str:
    return f"demo-p{next(_NUMBERS):03d}"


@pytest.fixture
def proxy(host: str) -> Iterator[Proxy]:
    made = Proxy(host)
    yield made
    made.close()
