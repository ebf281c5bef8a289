from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from firestore_helpers import DOCUMENTS, PROJECT, ROOT, commit, everything, name, put, refused
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import (
    ListenRequest,
    ListenResponse,
    StructuredQuery,
    Target,
    TargetChange,
    Write,
)
from grpc import StatusCode

from emulators.firestore import FirestoreEmulator

Kind = TargetChange.TargetChangeType
ONE = {"n": {"integer_value": 1}}


class Listener:
    """A raw listen stream: what it says, in short."""

    def __init__(self, client: firestore.Client) -> None:
        self._requests: queue.SimpleQueue[ListenRequest | None] = queue.SimpleQueue()
        # Google's wrapper waits for the first answer before it hands out the stream.
        channel = client._firestore_api.transport.grpc_channel
        call = channel.stream_stream(
            "/google.firestore.v1.Firestore/Listen", ListenRequest.serialize, ListenResponse.deserialize
        )
        self._answers = call(iter(self._requests.get, None))
        self.token = b""
        self.numbers: dict[str, int] = {}

    def add(self, target: Target) -> None:
        self._requests.put(ListenRequest(database=ROOT, add_target=target))

    def remove(self, identity: int) -> None:
        self._requests.put(ListenRequest(database=ROOT, remove_target=identity))

    def close(self) -> None:
        self._requests.put(None)
        self._answers.cancel()

    def next(self) -> tuple[Any, ...]:
        answer = next(self._answers)
        pb = type(answer).pb(answer)
        which = pb.WhichOneof("response_type")
        if which == "target_change":
            change = answer.target_change
            self.token = change.resume_token or self.token
            return (
                Kind(change.target_change_type).name,
                *change.target_ids,
                *([change.cause.code] if change.cause.code else []),
            )
        part = getattr(pb, which)
        if which == "filter":
            return ("filter", part.count, part.target_id)
        path = part.document.name if which == "document_change" else part.document
        if which == "document_change":
            self.numbers[path.partition("/documents/")[2]] = part.document.fields["n"].integer_value
        ids = part.target_ids if which == "document_change" else part.removed_target_ids
        return (which.removeprefix("document_"), path.partition("/documents/")[2], *ids)

    def until(self, *last: object) -> list[tuple[Any, ...]]:
        found = []
        while not found or found[-1] != last:
            found.append(self.next())
        return found[:-1]


SNAPSHOT = ("NO_CHANGE",)


@pytest.fixture
def listener(client: firestore.Client) -> Iterator[Listener]:
    made = Listener(client)
    yield made
    made.close()


def on_query(identity: int, asked: StructuredQuery, **more: Any) -> Target:
    return Target(target_id=identity, query={"parent": DOCUMENTS, "structured_query": asked}, **more)


def on_documents(identity: int, *paths: str, **more: Any) -> Target:
    return Target(target_id=identity, documents={"documents": [name(path) for path in paths]}, **more)


def of_collection(**more: Any) -> StructuredQuery:
    return StructuredQuery(from_=[{"collection_id": "C"}], **more)


def test_the_client_sees_adds_changes_and_removes(client: firestore.Client) -> None:
    client.document("C/a").set({"n": 1})
    snapshots: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def called(documents: list[Any], changes: list[Any], time: Any) -> None:
        snapshots.put(([d.id for d in documents], [(c.type.name, c.document.id) for c in changes]))

    asked = client.collection("C").where(filter=FieldFilter("n", ">", 0)).order_by("n")
    watch = asked.on_snapshot(called)
    try:
        assert snapshots.get(timeout=10) == (["a"], [("ADDED", "a")])
        client.document("C/b").set({"n": 3})
        assert snapshots.get(timeout=10) == (["a", "b"], [("ADDED", "b")])
        client.document("C/other").set({"n": -1})
        client.document("C/a").update({"n": 5})
        assert snapshots.get(timeout=10) == (["b", "a"], [("MODIFIED", "a")])
        client.document("C/b").update({"n": 0})
        assert snapshots.get(timeout=10) == (["a"], [("REMOVED", "b")])
        client.document("C/a").delete()
        assert snapshots.get(timeout=10) == ([], [("REMOVED", "a")])
    finally:
        watch.unsubscribe()


def test_the_client_sees_a_document_come_and_go(client: firestore.Client) -> None:
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    watch = client.document("C/a").on_snapshot(
        lambda documents, _changes, _time: seen.put([d.exists for d in documents])
    )
    try:
        assert seen.get(timeout=10) in ([], [False])
        client.document("C/a").set({})
        assert seen.get(timeout=10) == [True]
        client.document("C/a").delete()
        assert seen.get(timeout=10) in ([], [False])
    finally:
        watch.unsubscribe()


def test_a_query_target_begins_with_what_there_is_and_goes_on_with_each_commit(
    client: firestore.Client, listener: Listener
) -> None:
    commit(client, [put("C/a", ONE), put("C/b"), put("D/a", ONE)])
    where = {"field_filter": {"field": {"field_path": "n"}, "op": 5, "value": {"integer_value": 1}}}
    listener.add(on_query(7, of_collection(where=where)))
    assert listener.until(*SNAPSHOT) == [("ADD", 7), ("change", "C/a", 7), ("CURRENT", 7)]
    commit(client, [put("C/b", ONE), put("D/b", ONE)])
    assert listener.until(*SNAPSHOT) == [("change", "C/b", 7)]
    commit(client, [put("C/a", {"n": {"integer_value": 2}}), Write(delete=name("C/b"))])
    assert listener.until(*SNAPSHOT) == [("remove", "C/a", 7), ("delete", "C/b", 7)]


def test_a_limit_lets_documents_in_and_out(client: firestore.Client, listener: Listener) -> None:
    commit(client, [put(f"C/{identity}") for identity in "bcd"])
    listener.add(on_query(1, of_collection(limit=2)))
    assert listener.until(*SNAPSHOT)[1:3] == [("change", "C/b", 1), ("change", "C/c", 1)]
    commit(client, [put("C/a")])
    assert listener.until(*SNAPSHOT) == [("remove", "C/c", 1), ("change", "C/a", 1)]
    commit(client, [Write(delete=name("C/a")), put("C/z")])
    assert listener.until(*SNAPSHOT) == [("delete", "C/a", 1), ("change", "C/c", 1)]


def test_several_targets_share_a_stream_and_leave_it(client: firestore.Client, listener: Listener) -> None:
    commit(client, [put("C/a")])
    listener.add(on_documents(1, "C/a", "C/none"))
    assert listener.until(*SNAPSHOT) == [
        ("ADD", 1),
        ("change", "C/a", 1),
        ("delete", "C/none", 1),
        ("CURRENT", 1),
    ]
    listener.add(on_query(3, everything()))
    assert listener.until(*SNAPSHOT) == [("ADD", 3), ("change", "C/a", 3), ("CURRENT", 3)]
    commit(client, [put("C/a", ONE)])
    assert sorted(listener.until(*SNAPSHOT)) == [("change", "C/a", 1), ("change", "C/a", 3)]
    listener.remove(3)
    assert listener.until("REMOVE", 3) == []
    commit(client, [put("C/a")])
    assert listener.until(*SNAPSHOT) == [("change", "C/a", 1)]


def test_once_is_once(client: firestore.Client, listener: Listener) -> None:
    listener.add(on_documents(1, "C/a", once=True))
    assert listener.until("REMOVE", 1)[-1] == SNAPSHOT


@pytest.mark.parametrize("kind", ["query", "documents"])
def test_a_resumed_target_gets_what_has_changed(
    client: firestore.Client, listener: Listener, kind: str
) -> None:
    paths = ["C/kept", "C/changed", "C/deleted", "C/new"]
    commit(client, [put(path) for path in paths[:3]])

    def target(**more: Any) -> Target:
        return on_query(1, of_collection(), **more) if kind == "query" else on_documents(1, *paths, **more)

    listener.add(target())
    listener.until(*SNAPSHOT)
    listener.remove(1)
    listener.until("REMOVE", 1)
    commit(client, [put("C/changed", ONE), Write(delete=name("C/deleted")), put("C/new")])
    listener.add(target(resume_token=listener.token))
    said = listener.until(*SNAPSHOT)
    assert sorted(said[1:-2]) == [
        ("change", "C/changed", 1),
        ("change", "C/new", 1),
        ("delete", "C/deleted", 1),
    ]
    # A client that counts otherwise asks again for all.
    assert said[-2:] == [("filter", 3, 1), ("CURRENT", 1)]


def test_a_resume_from_too_long_ago_starts_over(client: firestore.Client, listener: Listener) -> None:
    commit(client, [put("C/a")])
    listener.add(on_query(1, of_collection(), resume_token=(1).to_bytes(8, "big")))
    assert listener.until(*SNAPSHOT) == [("ADD", 1), ("RESET", 1), ("change", "C/a", 1), ("CURRENT", 1)]


def test_a_target_that_makes_no_sense_is_taken_off_with_its_cause(
    client: firestore.Client, listener: Listener
) -> None:
    listener.add(on_query(1, StructuredQuery()))
    assert listener.next() == ("REMOVE", 1, StatusCode.INVALID_ARGUMENT.value[0])
    listener.add(on_documents(1, "C/a"))
    listener.until(*SNAPSHOT)
    listener.add(on_documents(1, "C/b"))
    with refused(StatusCode.INVALID_ARGUMENT, "in use"):
        listener.next()


def test_changes_while_a_target_begins_are_neither_lost_nor_early(
    client: firestore.Client, listener: Listener
) -> None:
    for start in range(0, 5000, 500):
        commit(client, [put(f"C/{n:04}", ONE) for n in range(start, start + 500)])

    def write() -> None:
        for n in range(0, 5000, 50):
            commit(client, [put(f"C/{n:04}", {"n": {"integer_value": 2}})])
        commit(client, [put("C/last")])

    writer = threading.Thread(target=write)
    writer.start()
    where = {"unary_filter": {"field": {"field_path": "n"}, "op": 5}}
    listener.add(on_query(1, of_collection(where=where)))
    listener.add(on_documents(3, "C/last"))
    said = []
    while ("change", "C/last", 3) not in said:
        said.append(listener.next())
    writer.join()
    current = said.index(("CURRENT", 1))
    assert len({one for one in said[:current] if one[0] == "change"}) == 5000
    assert len({one for one in said if one[0] == "change" and one[2] == 1}) == 5000
    assert [path for path, n in sorted(listener.numbers.items()) if n == 2] == [
        f"C/{n:04}" for n in range(0, 5000, 50)
    ]


def test_many_streams_do_not_hold_up_other_calls(client: firestore.Client) -> None:
    commit(client, [put("C/a")])
    listeners = [Listener(client) for _ in range(60)]
    for one in listeners:
        one.add(on_documents(1, "C/a"))
        one.until(*SNAPSHOT)
    commit(client, [put("C/a", ONE)])
    for one in listeners:
        assert one.until(*SNAPSHOT) == [("change", "C/a", 1)]
        one.close()


def test_a_stopped_emulator_ends_its_streams() -> None:
    emulator = FirestoreEmulator()
    address = emulator.start()
    with grpc.insecure_channel(address) as channel:
        listen = channel.stream_stream("/google.firestore.v1.Firestore/Listen")
        request = ListenRequest(
            database=f"projects/{PROJECT}/databases/(default)", add_target=on_documents(1, "C/a")
        )
        sent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        sent.put(ListenRequest.serialize(request))
        answers = listen(iter(sent.get, None))
        next(answers)
        emulator.stop()
        with pytest.raises(grpc.RpcError):
            list(answers)
        sent.put(None)
