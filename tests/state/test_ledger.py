"""The Firestore ledger keeps every promise of the port, over the wire."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from emulators.firestore import FirestoreEmulator
from shared.conformance.ledger import CHECKS
from shared.state.firestore import FirestoreLedger

_names = itertools.count()


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    address = emulator.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", address)
        client = firestore.Client(project="demo-firekeep", credentials=AnonymousCredentials())
        yield client
        client.close()
    emulator.stop()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_ledger(client: Any, check: Any) -> None:
    clock = HandClock()
    ledger = FirestoreLedger(client, clock, timedelta(seconds=60))
    check(ledger, f"job-{next(_names)}", lambda: clock.sleep(61))
