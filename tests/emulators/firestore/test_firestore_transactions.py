from __future__ import annotations

import threading

import pytest
from firestore_helpers import ROOT, commit, count, everything, name, put, query, refused
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from grpc import StatusCode

ONE = {"n": {"integer_value": 1}}


def begin(client: firestore.Client, **options: object) -> bytes:
    answer = client._firestore_api.begin_transaction({"database": ROOT, "options": options})
    return bytes(answer.transaction)


def get(client: firestore.Client, path: str, transaction: bytes) -> None:
    list(
        client._firestore_api.batch_get_documents(
            {"database": ROOT, "documents": [name(path)], "transaction": transaction}
        )
    )


def test_of_two_that_read_the_same_document_one_wins(client: firestore.Client) -> None:
    commit(client, [put("C/a", ONE)])
    first, second = begin(client), begin(client)
    get(client, "C/a", first)
    get(client, "C/a", second)
    commit(client, [put("C/a", {})], first)
    with refused(StatusCode.ABORTED, "Too much contention on these documents. Please try again."):
        commit(client, [put("C/b")], second)
    assert query(client, everything()) == ["C/a"]


def test_a_document_that_was_missing_when_read_is_guarded_too(client: firestore.Client) -> None:
    mine = begin(client)
    get(client, "C/a", mine)
    commit(client, [put("C/a")])
    with refused(StatusCode.ABORTED):
        commit(client, [put("C/b")], mine)


@pytest.mark.parametrize("call", [query, count])
def test_a_query_guards_against_documents_that_appear(client: firestore.Client, call: object) -> None:
    for path, wins in (("C/new", False), ("D/new", True)):
        mine = begin(client)
        collection = client.collection("C")._query()._to_protobuf()
        (query if call is query else count)(client, collection, transaction=mine)
        commit(client, [put(path)])
        if wins:
            commit(client, [put("C/mine")], mine)
        else:
            with refused(StatusCode.ABORTED):
                commit(client, [put("C/mine")], mine)


def test_reads_are_as_of_the_begin(client: firestore.Client) -> None:
    mine = begin(client, read_only={})
    commit(client, [put("C/a")])
    assert query(client, everything(), transaction=mine) == []
    assert query(client, everything()) == ["C/a"]


def test_a_counter_is_exact_with_many_clients(client: firestore.Client) -> None:
    document = client.document("C/counter")
    document.set({"n": 0})

    @firestore.transactional
    def step(transaction: firestore.Transaction) -> None:
        value = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": value + 1})

    def run() -> None:
        for _ in range(15):
            step(client.transaction(max_attempts=500))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert document.get().get("n") == 60


def test_a_query_inside_a_transaction_of_the_client(client: firestore.Client) -> None:
    commit(client, [put(f"C/{number}", ONE) for number in range(3)])

    @firestore.transactional
    def double(transaction: firestore.Transaction) -> int:
        found = list(
            client.collection("C").where(filter=FieldFilter("n", "==", 1)).stream(transaction=transaction)
        )
        for one in found:
            transaction.update(one.reference, {"n": 2})
        return len(found)

    assert double(client.transaction()) == 3
    assert double(client.transaction()) == 0


def test_a_query_can_begin_a_transaction(client: firestore.Client) -> None:
    commit(client, [put("C/a")])
    request = {
        "parent": f"{ROOT}/documents",
        "structured_query": everything(),
        "new_transaction": {"read_write": {}},
    }
    first, second = list(client._firestore_api.run_query(request))
    assert first.transaction and not first.document.name
    assert second.document.name == name("C/a")
    commit(client, [put("C/a", ONE)])
    with refused(StatusCode.ABORTED):
        commit(client, [put("C/b")], first.transaction)


def test_a_transaction_ends_once(client: firestore.Client) -> None:
    done, back = begin(client), begin(client)
    commit(client, [put("C/a")], done)
    client._firestore_api.rollback({"database": ROOT, "transaction": back})
    for transaction in (done, back, b"never begun"):
        with refused(StatusCode.INVALID_ARGUMENT, "no longer valid"):
            commit(client, [put("C/b")], transaction)
        with refused(StatusCode.INVALID_ARGUMENT, "no longer valid"):
            query(client, everything(), transaction=transaction)


def test_a_read_only_transaction_cannot_write(client: firestore.Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "read-only"):
        commit(client, [put("C/a")], begin(client, read_only={}))
    commit(client, [], begin(client, read_only={}))
