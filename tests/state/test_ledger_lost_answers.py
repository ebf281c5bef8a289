"""The ledger when the answer to a write is lost, which is when a client cannot know whether it landed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from test_ledger import HandClock

from emulators.chaos import Chaos, Fault, Plan, chaos
from emulators.firestore import FirestoreEmulator
from shared.errors import Unavailable
from shared.state.contract import TaskId, TaskState
from shared.state.firestore import FirestoreCatalog, FirestoreLedger

JOB, FIRST, SECOND = TaskId("b1"), TaskId("b1", 0), TaskId("b1", 1)


@contextmanager
def hostile_client(*faults: Fault | Plan) -> Iterator[tuple[firestore.Client, Chaos]]:
    with chaos(*faults) as controller, pytest.MonkeyPatch.context() as patch:
        emulator = FirestoreEmulator(chaos=controller)
        patch.setenv("FIRESTORE_EMULATOR_HOST", emulator.start())
        client = firestore.Client(project="demo-firekeep", credentials=AnonymousCredentials())
        try:
            yield client, controller
        finally:
            client.close()
            emulator.stop()


def life(ledger: FirestoreLedger) -> None:
    """A job with two parts, from beginning to end; seven commits."""
    ledger.create("b1", {"kind": "snapshot"})
    ledger.claim(JOB, "a")
    ledger.set_parts("b1", "a", [{"n": 0}, {"n": 1}], {"planned": True})
    ledger.claim(FIRST, "a")
    ledger.renew(FIRST, "a", {"cursor": b"x"})
    assert ledger.finish(FIRST, "a", TaskState.DONE, {}).parts_done == 1
    ledger.claim(SECOND, "b")
    assert ledger.finish(SECOND, "b", TaskState.DONE, {}).parts_done == 2
    ledger.finish(JOB, "a", TaskState.DONE, {"root": "r"})


@pytest.mark.parametrize("lost", range(1, 10))
def test_a_commit_whose_answer_is_lost_is_done_once(lost: int) -> None:
    with hostile_client(Fault("firestore", "lost", "Commit", nth=lost)) as (client, _):
        ledger = FirestoreLedger(client, HandClock(), timedelta(seconds=60))
        life(ledger)
        job = ledger.load(JOB)
        assert (job.state, job.parts_done, job.data["root"]) == (TaskState.DONE, 2, "r")
        assert [part.data["n"] for part in ledger.parts("b1")] == [0, 1]


def test_a_commit_that_never_tells_is_worth_a_redelivery() -> None:
    """The library commits twice each time; the first answer is lost, the second says that there is nothing there."""
    every_other = [Fault("firestore", "lost", "Commit", nth=number) for number in range(2, 7)]
    with hostile_client(*every_other) as (client, _):
        ledger = FirestoreLedger(client, HandClock(), timedelta(seconds=60))
        ledger.create("b1", {})
        with pytest.raises(Unavailable, match="whether it was done is not known"):
            ledger.claim(JOB, "a")


@pytest.mark.parametrize("kind", ["cut", "lost", "fail"])
def test_a_listing_that_fails_before_its_first_result_goes_on(kind: Any) -> None:
    """An empty result has one message, with a time and nothing else."""
    with hostile_client(Fault("firestore", kind, "RunQuery", nth=1, times=2, after=1)) as (client, _):
        assert list(FirestoreCatalog(client).backups()) == []
        assert FirestoreCatalog(client).newest_completed() == ""


@pytest.mark.parametrize("after", [1, 3])
def test_a_listing_that_breaks_off_goes_on(after: int) -> None:
    with hostile_client(Fault("firestore", "cut", "RunQuery", nth=1, times=2, after=after)) as (client, _):
        ledger = FirestoreLedger(client, HandClock(), timedelta(seconds=60))
        ledger.create("b1", {})
        ledger.claim(JOB, "a")
        ledger.set_parts("b1", "a", [{"n": number} for number in range(4)], {})
        assert [part.data["n"] for part in ledger.parts("b1")] == [0, 1, 2, 3]
