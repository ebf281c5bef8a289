"""One emulator a module, and Google's client on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from firestore_helpers import PROJECT, connected
from google.cloud import firestore

from emulators.firestore import FirestoreEmulator


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FirestoreEmulator, str]]:
    emulator = FirestoreEmulator()
    yield emulator, emulator.start()
    emulator.stop()


@pytest.fixture
def client(served: tuple[FirestoreEmulator, str]) -> Iterator[firestore.Client]:
    emulator, address = served
    emulator.clear(PROJECT)
    with connected(address) as made:
        yield made
