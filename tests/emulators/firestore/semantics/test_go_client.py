"""The emulator as Google's Go client sees it, which shares no code with the Python one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from go_suite import run

from emulators.firestore import FirestoreEmulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Tests that want something which the emulator declares different.
DIFFERENT = {
    "TestIntegration_Query": "its last query must fail for want of an index, and there are none here"
}


@pytest.fixture
def address() -> Iterator[str]:
    emulator = FirestoreEmulator()
    yield emulator.start()
    emulator.stop()


def test_the_go_clients_integration_tests_pass_but_for_what_is_declared(
    address: str, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    cache = pytestconfig.cache
    assert cache is not None
    found = run(address, cache.mkdir("firestore-go"), tmp_path)
    log = (tmp_path / "go.log").read_text()
    assert {name for name, ended in found.items() if ended != "PASS"} == set(DIFFERENT), log[-3000:]
    assert "without an index" in log
    assert list(found.values()).count("PASS") >= 31
