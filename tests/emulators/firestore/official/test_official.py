"""The emulator as Google's own tests see it: all of them pass but for features that it declares unsupported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from firestore_helpers import PROJECT, connected
from google.cloud.firestore_v1.vector import Vector
from official_suite import run

from emulators.firestore import FirestoreEmulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Tests by what they need that is answered UNIMPLEMENTED or refused. Pipelines also have a module of their own,
# test_pipeline_acceptance.py, which is not run.
UNSUPPORTED = {
    r"test_pipeline_": "pipelines are of the Enterprise edition",
    r"test_(async_)?bson_": "BSON types are of the Enterprise edition",
    r"test_.*_(w|with)_explain_options": "queries have no plan to explain: there are no indexes",
}
# Skipped by the suite itself, whatever it runs against.
SKIPPED = {
    r"test_(sum|avg)_query_with_start_at": "backend fix required",
    r"test_large_document_": "Not yet in production",
}
NAMED = "system-tests-named-db"
# The suite wants these to be there before it starts.
VECTORS = [([1.0, 2.0, 3.0], "red"), ([2.0, 2.0, 3.0], "red"), ([3.0, 4.0, 5.0], "yellow")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    emulator = FirestoreEmulator()
    served = emulator.start()
    for database in ("(default)", NAMED):
        with connected(served, database=database) as client:
            for number, (vector, color) in enumerate(VECTORS, 1):
                client.document(f"vector_search/doc{number}").set(
                    {"embedding": Vector(vector), "color": color}
                )
    yield served
    emulator.stop()


def matches(patterns: dict[str, str], test: str) -> bool:
    return any(re.match(pattern, test.partition("::")[2]) for pattern in patterns)


@pytest.mark.parametrize(("module", "least"), [("test_system.py", 270), ("test_system_async.py", 228)])
def test_googles_tests_pass_but_for_what_is_declared(
    address: str, pytestconfig: pytest.Config, tmp_path: Path, module: str, least: int
) -> None:
    cache = pytestconfig.cache
    assert cache is not None
    found = run(module, address, PROJECT, cache.mkdir("firestore-official"), tmp_path / "outcome.json")
    kinds = {test: outcome.partition(":")[0] for test, outcome in found.items()}
    print(module, {kind: list(kinds.values()).count(kind) for kind in sorted(set(kinds.values()))})
    wrong = {
        test: found[test]
        for test, kind in kinds.items()
        if kind
        != ("failed" if matches(UNSUPPORTED, test) else "skipped" if matches(SKIPPED, test) else "passed")
    }
    assert not wrong, "\n".join(f"{test}: {outcome}" for test, outcome in wrong.items())
    assert list(kinds.values()).count("passed") >= least
