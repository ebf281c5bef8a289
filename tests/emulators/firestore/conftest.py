"""One emulator a module, and Google's client on it."""

from __future__ import annotations

from collections.abc import Iterator

import google.auth.credentials
import pytest
from firestore_helpers import PROJECT
from google.cloud import firestore

from emulators.firestore import FirestoreEmulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    served = FirestoreEmulator()
    address = served.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", address)
        yield served
    served.stop()


@pytest.fixture
def client(emulator: FirestoreEmulator) -> Iterator[firestore.Client]:
    emulator.clear(PROJECT)
    made = firestore.Client(project=PROJECT, credentials=google.auth.credentials.AnonymousCredentials())
    yield made
    made.close()
