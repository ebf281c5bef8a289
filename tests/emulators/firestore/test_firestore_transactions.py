from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from firestore_helpers import DOCUMENTS, ROOT, commit, connected, count, everything, name, put, query, refused
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import Write
from google.cloud.firestore_v1.types.write import DocumentTransform
from grpc import StatusCode

from emulators.firestore import FirestoreEmulator

FieldTransform = DocumentTransform.FieldTransform

ONE = {"n": {"integer_value": 1}}


def begin(client: firestore.Client, **options: object) -> bytes:
    answer = client._firestore_api.begin_transaction({"database": ROOT, "options": options})
    return bytes(answer.transaction)


def rollback(client: firestore.Client, transaction: bytes) -> None:
    client._firestore_api.rollback({"database": ROOT, "transaction": transaction})


@pytest.fixture
def hasty() -> Iterator[firestore.Client]:
    """On an emulator that lets idle transactions hold up others for a moment only."""
    emulator = FirestoreEmulator(patience=0.05)
    with connected(emulator.start()) as client:
        yield client
    emulator.stop()


def get(client: firestore.Client, path: str, transaction: bytes) -> None:
    list(
        client._firestore_api.batch_get_documents(
            {"database": ROOT, "documents": [name(path)], "transaction": transaction}
        )
    )


def after(seconds: float, call: Callable[[], object]) -> threading.Thread:
    thread = threading.Timer(seconds, call)
    thread.start()
    return thread


def taken(call: Callable[[], object]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


CROSSED = "Aborted due to cross-transaction contention."
CONTENTION = "Too much contention on these documents. Please try again."


def test_of_two_that_read_the_same_document_the_first_wins(client: firestore.Client) -> None:
    commit(client, [put("C/a", ONE)])
    first, second = begin(client), begin(client)
    get(client, "C/a", second)
    get(client, "C/a", first)
    commit(client, [put("C/a", {})], first)
    with refused(StatusCode.ABORTED, CROSSED):
        commit(client, [put("C/b")], second)
    assert query(client, everything()) == ["C/a"]


def test_one_that_came_later_waits_for_the_one_before_it(client: firestore.Client) -> None:
    commit(client, [put("C/a", ONE)])
    first, second = begin(client), begin(client)
    get(client, "C/a", first)
    ending = after(0.3, lambda: commit(client, [], first))
    assert taken(lambda: commit(client, [put("C/a", {})], second)) >= 0.25
    ending.join()


def test_one_that_waits_is_told_when_it_has_lost(client: firestore.Client) -> None:
    commit(client, [put("C/a", ONE)])
    first, second = begin(client), begin(client)
    get(client, "C/a", first)
    get(client, "C/a", second)
    ending = after(0.2, lambda: commit(client, [put("C/a")], first))
    with refused(StatusCode.ABORTED, CROSSED):
        commit(client, [put("C/a", {})], second)
    ending.join()


@pytest.mark.parametrize("path", ["C/a", "C/missing"])
def test_what_was_read_is_not_changed_until_the_transaction_ends(client: firestore.Client, path: str) -> None:
    commit(client, [put("C/a", ONE)])
    mine = begin(client)
    get(client, path, mine)
    commit(client, [put("C/other")])
    ending = after(0.3, lambda: rollback(client, mine))
    increment = FieldTransform(field_path="n", increment={"integer_value": 1})
    waited = taken(lambda: commit(client, [put(path, ONE, update_transforms=[increment])]))
    assert waited >= 0.25
    ending.join()
    assert client.document(path).get().to_dict() == {"n": 2}


@pytest.mark.parametrize("call", [query, count])
def test_a_query_keeps_its_results_as_they_are(hasty: firestore.Client, call: Callable[..., object]) -> None:
    commit(hasty, [put("C/a", ONE), put("C/b"), put("D/a", ONE)])
    asked = hasty.collection("C").where(filter=FieldFilter("n", "==", 1))._to_protobuf()
    for write, free in (
        (put("C/new", ONE), False),
        (put("C/b", ONE), False),
        (put("C/a"), False),
        (Write(delete=name("C/a")), False),
        (put("C/b", {"n": {"integer_value": 2}}), True),
        (put("D/new", ONE), True),
    ):
        commit(hasty, [put("C/a", ONE), put("C/b")])
        mine = begin(hasty)
        call(hasty, asked, transaction=mine)
        commit(hasty, [write])
        if free:
            commit(hasty, [put("E/mine")], mine)
        else:
            with refused(StatusCode.ABORTED, CONTENTION):
                commit(hasty, [put("E/mine")], mine)


@pytest.mark.parametrize("order", ["n", "__name__"])
@pytest.mark.parametrize("descending", [False, True])
def test_a_query_with_a_limit_leaves_free_what_lies_behind_its_end(
    hasty: firestore.Client, order: str, *, descending: bool
) -> None:
    commit(hasty, [put(f"C/{n}", {"n": {"integer_value": n}}) for n in range(5)])
    asked = hasty.collection("C").order_by(order, direction="DESCENDING" if descending else "ASCENDING")
    inside, last, behind = (4, 3, 2) if descending else (0, 1, 2)
    for n, free in ((behind, True), (last, False), (inside, False)):
        mine = begin(hasty)
        query(hasty, asked.limit(2)._to_protobuf(), transaction=mine)
        commit(hasty, [put(f"C/{n}", {"n": {"integer_value": n}, "m": {"integer_value": 1 + free}})])
        commit(hasty, [put(f"C/{n}", {"n": {"integer_value": n}})])
        if free:
            commit(hasty, [put("E/mine")], mine)
        else:
            with refused(StatusCode.ABORTED):
                commit(hasty, [put("E/mine")], mine)


@pytest.mark.parametrize("missing", [False, True])
def test_a_list_keeps_its_documents_as_they_are(hasty: firestore.Client, *, missing: bool) -> None:
    commit(hasty, [put("C/a"), put("C/gone/S/x")])
    for path, free in (("C/new", False), ("C/new/S/y", not missing), ("B/new", True)):
        mine = begin(hasty)
        asked = {"parent": DOCUMENTS, "collection_id": "C", "transaction": mine, "show_missing": missing}
        list(hasty._firestore_api.list_documents(asked))
        commit(hasty, [put(path)])
        if free:
            commit(hasty, [put("E/mine")], mine)
        else:
            with refused(StatusCode.ABORTED):
                commit(hasty, [put("E/mine")], mine)


def test_one_that_has_lost_goes_on_reading_one_past(client: firestore.Client) -> None:
    commit(client, [put("C/a"), put("C/b")])
    first, second = begin(client), begin(client)
    get(client, "C/a", second)
    commit(client, [put("C/a", ONE), Write(delete=name("C/b"))], first)
    assert query(client, everything(), transaction=second) == ["C/a", "C/b"]
    commit(client, [put("C/c")])
    with refused(StatusCode.ABORTED, CROSSED):
        commit(client, [], second)
    rollback(client, second)


def test_reads_of_one_transaction_agree_whenever_they_are_made(client: firestore.Client) -> None:
    mine = begin(client)
    commit(client, [put("C/a")])
    assert query(client, everything(), transaction=mine) == ["C/a"]


def test_an_idle_transaction_gives_way(hasty: firestore.Client) -> None:
    commit(hasty, [put("C/a")])
    idle = begin(hasty)
    get(hasty, "C/a", idle)
    assert taken(lambda: commit(hasty, [put("C/a", ONE)])) < 2
    with refused(StatusCode.ABORTED, CONTENTION):
        commit(hasty, [put("C/a", {})], idle)
    assert hasty.document("C/a").get().to_dict() == {"n": 1}


def test_one_that_is_tried_again_keeps_its_place(client: firestore.Client) -> None:
    commit(client, [put("C/a")])
    first, lost, late = begin(client), begin(client), begin(client)
    get(client, "C/a", lost)
    commit(client, [put("C/a", ONE)], first)
    with refused(StatusCode.ABORTED):
        commit(client, [put("C/a")], lost)
    get(client, "C/a", late)
    again = begin(client, read_write={"retry_transaction": lost})
    get(client, "C/a", again)
    commit(client, [put("C/a", {})], again)
    with refused(StatusCode.ABORTED):
        commit(client, [put("C/a")], late)


def test_reads_are_as_of_the_begin(client: firestore.Client) -> None:
    mine = begin(client, read_only={})
    commit(client, [put("C/a")])
    assert query(client, everything(), transaction=mine) == []
    assert query(client, everything()) == ["C/a"]


def test_a_counter_is_exact_and_nobody_is_in_vain_five_times_with_eight_threads(
    client: firestore.Client,
) -> None:
    document = client.document("C/counter")
    document.set({"n": 0})

    def increment(transaction: firestore.Transaction) -> None:
        value = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": value + 1})

    def run() -> None:
        # Threads that share a decorated function share its memory of which transaction is tried again.
        step = firestore.transactional(increment)
        for _ in range(15):
            step(client.transaction())

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert document.get().get("n") == 120


def test_transfers_neither_lose_nor_hang_and_nobody_sees_them_halfway(client: firestore.Client) -> None:
    accounts = [client.document(f"A/{number}") for number in range(4)]
    for account in accounts:
        account.set({"n": 100})
    sums: list[int] = []

    def run(seed: int) -> None:
        chance = random.Random(seed)

        @firestore.transactional
        def transfer(transaction: firestore.Transaction) -> None:
            # In any order: two that go opposite ways must not wait for each other for ever.
            source, target = chance.sample(accounts, 2)
            have = [one.get(transaction=transaction).get("n") for one in (source, target)]
            transaction.update(source, {"n": have[0] - 1})
            transaction.update(target, {"n": have[1] + 1})

        for _ in range(12):
            transfer(client.transaction(max_attempts=50))
            sums.append(sum(one.get("n") for one in client.collection("A").stream()))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [400] * 72


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
    other = begin(client)
    get(client, "C/a", other)
    commit(client, [put("C/a", ONE)], first.transaction)
    with refused(StatusCode.ABORTED):
        commit(client, [put("C/b")], other)


def test_a_transaction_ends_once(client: firestore.Client) -> None:
    done, back = begin(client), begin(client)
    commit(client, [put("C/a")], done)
    rollback(client, back)
    for transaction in (done, back, b"never begun"):
        with refused(StatusCode.INVALID_ARGUMENT, "no longer valid"):
            commit(client, [put("C/b")], transaction)
        with refused(StatusCode.INVALID_ARGUMENT, "no longer valid"):
            query(client, everything(), transaction=transaction)


def test_a_transaction_whose_commit_failed_can_be_rolled_back_and_one_that_stands_cannot(
    client: firestore.Client,
) -> None:
    failed, done = begin(client), begin(client)
    with refused(StatusCode.NOT_FOUND):
        commit(client, [put("C/a", current_document={"exists": True})], failed)
    rollback(client, failed)
    commit(client, [put("C/a")], done)
    with refused(StatusCode.INVALID_ARGUMENT, "no longer valid"):
        rollback(client, done)


def test_a_transaction_expires() -> None:
    now = [1_700_000_000_000_000]
    emulator = FirestoreEmulator(clock=lambda: now[0])
    with connected(emulator.start()) as client:
        old = begin(client)
        get(client, "C/a", old)
        now[0] += 269_000_000
        young = begin(client)
        get(client, "C/a", old)
        now[0] += 2_000_000
        for call in (lambda: get(client, "C/a", old), lambda: commit(client, [put("C/a")], old)):
            with refused(StatusCode.INVALID_ARGUMENT, "expired"):
                call()
        get(client, "C/a", young)
        commit(client, [put("C/a")], young)
    emulator.stop()


def test_a_read_only_transaction_cannot_write(client: firestore.Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "read-only"):
        commit(client, [put("C/a")], begin(client, read_only={}))
    commit(client, [], begin(client, read_only={}))
