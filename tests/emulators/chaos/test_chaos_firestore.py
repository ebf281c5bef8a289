"""Each kind of fault on Firestore, as Google's Python client meets it."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc
import pytest
from chaos_helpers import hostile_firestore, status_of
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore

from emulators.chaos import Fault, Plan

# The library's own choice is of no use here: it fails itself when a stream breaks off (google-cloud-firestore 2.34).
AGAIN = Retry(predicate=if_exception_type(exceptions.ServiceUnavailable))
NEVER = Retry(predicate=lambda _: False)


def test_a_slow_answer_comes_later() -> None:
    with hostile_firestore(Fault("firestore", "slow", "Commit", nth=1, seconds=0.5)) as (client, _):
        start = time.monotonic()
        client.document("a/b").set({"n": 1})
        assert time.monotonic() - start >= 0.5


def test_a_slow_call_whose_client_gives_up_does_not_hold_the_emulator() -> None:
    start = time.monotonic()
    fault = Fault("firestore", "slow", "Commit", nth=1, seconds=60)
    with hostile_firestore(fault) as (client, _), pytest.raises(exceptions.DeadlineExceeded):
        client.document("a/b").set({"n": 1}, timeout=0.3, retry=None)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED"]
)
def test_a_failing_call_has_done_nothing(status: Any) -> None:
    with hostile_firestore(Fault("firestore", "fail", "Commit", nth=1, status=status)) as (client, _):
        with pytest.raises(exceptions.GoogleAPICallError) as error:
            client.document("a/b").set({"n": 1}, retry=None)
        assert status_of(error.value) == getattr(grpc.StatusCode, status)
        assert not client.document("a/b").get().exists


def test_the_client_library_tries_again_and_again() -> None:
    faults = [
        Fault("firestore", "fail", method, nth=1, times=2)
        for method in ("Commit", "BatchGetDocuments", "RunQuery", "ListCollectionIds")
    ]
    with hostile_firestore(*faults) as (client, _):
        client.document("a/b").set({"n": 1})
        assert client.document("a/b").get().to_dict() == {"n": 1}
        assert [found.id for found in client.collection("a").stream()] == ["b"]
        assert [found.id for found in client.collections()] == ["a"]


def test_a_write_whose_answer_is_lost_has_landed() -> None:
    with hostile_firestore(Fault("firestore", "lost", "Commit", nth=1)) as (client, _):
        with pytest.raises(exceptions.ServiceUnavailable):
            client.document("a/b").set({"n": 1}, retry=None)
        assert client.document("a/b").get().to_dict() == {"n": 1}


def test_a_create_whose_answer_is_lost_meets_itself_when_tried_again() -> None:
    """What everybody who retries has to know: it is there, and it is mine."""
    fault = Fault("firestore", "lost", "Commit", nth=1)
    with hostile_firestore(fault) as (client, _), pytest.raises(exceptions.AlreadyExists):
        client.document("a/b").create({"n": 1})


def test_a_refusal_is_lost_like_any_answer() -> None:
    with hostile_firestore(Fault("firestore", "lost", "Commit", nth=2)) as (client, _):
        client.document("a/b").create({"n": 1})
        with pytest.raises(exceptions.ServiceUnavailable):
            client.document("a/b").create({"n": 2}, retry=None)


def test_an_aborted_transaction_runs_again() -> None:
    with hostile_firestore(Fault("firestore", "fail", "Commit", nth=2, status="ABORTED")) as (client, _):
        document = client.document("a/b")
        document.set({"n": 0})
        runs = []

        @firestore.transactional
        def add(transaction: firestore.Transaction) -> None:
            runs.append(1)
            found = document.get(transaction=transaction).to_dict()
            transaction.update(document, {"n": found["n"] + 1})

        add(client.transaction())
        assert (len(runs), document.get().to_dict()) == (2, {"n": 1})


@pytest.mark.parametrize(
    ("kind", "after", "seen"), [("cut", 3, 3), ("lost", 3, 3), ("lost", 0, 0), ("cut", 0, 0)]
)
def test_a_stream_breaks_off_after_so_many_messages(kind: Any, after: int, seen: int) -> None:
    with hostile_firestore(Fault("firestore", kind, "RunQuery", nth=1, after=after)) as (client, _):
        for number in range(10):
            client.document(f"a/{number}").set({})
        found: list[Any] = []
        with pytest.raises(exceptions.ServiceUnavailable):
            found.extend(client.collection("a").stream(retry=NEVER))
        assert len(found) == seen


def test_a_query_that_breaks_off_is_taken_up_where_it_was() -> None:
    with hostile_firestore(Fault("firestore", "cut", "RunQuery", nth=1, times=2, after=4)) as (client, _):
        for number in range(10):
            client.document(f"a/{number}").set({})
        found = [snapshot.id for snapshot in client.collection("a").order_by("__name__").stream(retry=AGAIN)]
        assert found == sorted(map(str, range(10)))


def test_a_stream_too_short_to_be_cut_is_whole() -> None:
    plan = Plan((Fault("firestore", "cut", "RunQuery", chance=1.0, after=3),))
    with hostile_firestore(plan) as (client, controller):
        client.document("a/b").set({})
        assert len(list(client.collection("a").stream(retry=NEVER))) == 1
        assert controller.fired == []


def test_a_listener_whose_stream_breaks_goes_on() -> None:
    with hostile_firestore(Fault("firestore", "cut", "Listen", nth=1, times=2, after=4)) as (client, _):
        seen: set[str] = set()
        done = threading.Event()

        def on_change(found: list[Any], *_: Any) -> None:
            seen.update(each.id for each in found)
            if len(seen) == 5:
                done.set()

        watch = client.collection("a").on_snapshot(on_change)
        for number in range(5):
            client.document(f"a/{number}").set({})
        assert done.wait(20)
        watch.unsubscribe()


def test_calls_that_do_not_exist_are_not_struck() -> None:
    plan = Plan((Fault("firestore", "fail", chance=1.0),))
    with hostile_firestore(plan) as (client, controller):
        channel = client._firestore_api.transport.grpc_channel
        call = channel.unary_unary("/google.firestore.v1.Firestore/Nonsense")
        with pytest.raises(grpc.RpcError) as error:
            call(b"", timeout=5)
        assert status_of(error.value) == grpc.StatusCode.UNIMPLEMENTED
        assert controller.fired == []


def test_the_same_calls_under_the_same_seed_meet_the_same_faults() -> None:
    def run(seed: int) -> list[Any]:
        with hostile_firestore(Plan.from_seed(seed)) as (client, controller):
            for number in range(60):
                client.document(f"a/{number}").set({"n": number})
                client.document(f"a/{number}").get()
            assert len(list(client.collection("a").stream())) == 60
            return controller.fired

    assert run(11) == run(11) != run(12)
