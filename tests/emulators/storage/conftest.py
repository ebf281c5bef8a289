"""One emulator a module, and Google's client on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from google.cloud import storage
from storage_helpers import Clock, connected

from emulators.storage import Change, StorageEmulator


@pytest.fixture(scope="module")
def changes() -> list[Change]:
    return []


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def address(changes: list[Change], clock: Clock) -> Iterator[str]:
    emulator = StorageEmulator(on_change=changes.append, clock=clock)
    yield emulator.start()
    emulator.stop()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[storage.Client]:
    made = connected(address)
    yield made
    made.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.create_bucket(f"bucket-{uuid.uuid4().hex}")
