from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from firestore_helpers import (
    DOCUMENTS,
    PROJECT,
    commit,
    connected,
    count,
    everything,
    name,
    put,
    query,
    read_time,
    refused,
)
from google.cloud import firestore
from google.cloud.firestore_v1.types import Write
from grpc import StatusCode

from emulators.firestore import FirestoreEmulator
from emulators.firestore.store import Scope, Store


def number(value: int) -> dict[str, dict[str, int]]:
    return {"n": {"integer_value": value}}


def test_every_call_answers_as_of_its_read_time(client: firestore.Client) -> None:
    commit(client, [put("C/a", number(1)), put("C/b", number(1)), put("D/x/S/y")])
    then = read_time(client)
    commit(
        client, [put("C/a", number(2)), Write(delete=name("C/b")), put("C/c"), Write(delete=name("D/x/S/y"))]
    )
    commit(client, [put("C/a", number(3)), put("E/new")])
    api = client._firestore_api
    at = {"read_time": then}
    assert api.get_document({"name": name("C/a"), **at}).fields["n"].integer_value == 1
    listed = list(api.list_documents({"parent": DOCUMENTS, "collection_id": "C", "page_size": 1, **at}))
    assert [document.fields["n"].integer_value for document in listed] == [1, 1]
    assert [
        a.exists for a in client.get_all([client.document("C/b"), client.document("C/c")], read_time=then)
    ] == [
        True,
        False,
    ]
    assert query(client, everything(), **at) == ["C/a", "C/b", "D/x/S/y"]
    assert query(client, everything(descending=True), **at) == ["D/x/S/y", "C/b", "C/a"]
    assert count(client, everything(), **at) == 3
    assert list(api.list_collection_ids({"parent": DOCUMENTS, **at})) == ["C", "D"]
    assert list(api.list_collection_ids({"parent": name("D/x"), **at})) == ["S"]
    missing = {"parent": DOCUMENTS, "collection_id": "D", "show_missing": True}
    assert [d.name for d in api.list_documents({**missing, **at})] == [name("D/x")]
    assert list(api.list_documents(missing)) == []
    assert query(client, everything()) == ["C/a", "C/c", "E/new"]
    assert count(client, everything()) == 3


def test_a_document_that_died_and_came_back_is_seen_as_it_was(client: firestore.Client) -> None:
    times = [read_time(client)]
    for round_number in range(4):
        commit(client, [put("C/a", number(round_number))])
        times.append(read_time(client))
        commit(client, [Write(delete=name("C/a"))])
        times.append(read_time(client))
    for index, at in enumerate(times):
        expected = ["C/a"] if index % 2 else []
        assert query(client, everything(), read_time=at) == expected
        assert count(client, everything(), read_time=at) == len(expected)
    alive = [found.create_time for found in client.get_all([client.document("C/a")], read_time=times[-2])]
    assert alive[0] > times[-3]


def test_commit_times_rise_and_lie_after_every_read_before_them(client: firestore.Client) -> None:
    seen = []
    for value in range(200):
        seen.append(commit(client, [put("C/a", number(value))]).commit_time)
        seen.append(read_time(client))
    written = seen[::2]
    assert all(low < high for low, high in itertools.pairwise(written))
    assert all(read < later for read, later in zip(seen[1::2], written[1:], strict=False))


def test_reads_at_one_time_stay_true_while_writers_run(client: firestore.Client) -> None:
    """Writers move units between accounts; the sum is the same at every instant, in pages and in a stream."""
    accounts = [f"C/{index:03}" for index in range(120)]
    commit(client, [put(path, number(10)) for path in accounts])
    stop = threading.Event()

    def move(seed: int) -> None:
        for step in itertools.count(seed):
            if stop.is_set():
                return
            source, target = accounts[step * 7 % 120], accounts[(step * 13 + 1) % 120]
            commit(client, [put(source, number(10 - step % 9)), put(target, number(10 + step % 9))])
            commit(client, [Write(delete=name(source)), put(target, number(20))])
            commit(client, [put(source, number(10)), put(target, number(10))])

    writers = [threading.Thread(target=move, args=(seed,)) for seed in (1, 50)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            at = read_time(client)
            request = {"parent": DOCUMENTS, "collection_id": "C", "page_size": 11, "read_time": at}
            listed = list(client._firestore_api.list_documents(request))
            streamed = query(client, everything(), read_time=at)
            again = list(client._firestore_api.list_documents({**request, "page_size": 500}))
            assert listed == again
            assert streamed == [document.name.partition("/documents/")[2] for document in listed]
            assert count(client, everything(), read_time=at) == len(listed)
            assert all(document.update_time <= at for document in listed)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_times_to_come_are_refused(client: firestore.Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "future"):
        query(client, everything(), read_time=datetime.now(UTC) + timedelta(seconds=30))


def test_the_default_horizon_is_an_hour(client: firestore.Client) -> None:
    commit(client, [put("C/a")])
    assert query(client, everything(), read_time=datetime.now(UTC) - timedelta(minutes=59)) == []
    with refused(StatusCode.FAILED_PRECONDITION, "The requested snapshot version is too old."):
        query(client, everything(), read_time=datetime.now(UTC) - timedelta(minutes=61))


@pytest.fixture
def forgetful() -> Iterator[firestore.Client]:
    emulator = FirestoreEmulator(horizon=timedelta(seconds=0.5))
    with connected(emulator.start()) as client:
        yield client
    emulator.stop()


def test_times_beyond_the_horizon_are_too_old_for_every_call(forgetful: firestore.Client) -> None:
    commit(forgetful, [put("C/a")])
    then = read_time(forgetful)
    token = forgetful._firestore_api.begin_transaction(
        {"database": f"projects/{PROJECT}/databases/(default)", "options": {"read_only": {"read_time": then}}}
    ).transaction
    time.sleep(0.6)
    wording = "The requested snapshot version is too old."
    api = forgetful._firestore_api
    calls = (
        lambda: api.get_document({"name": name("C/a"), "read_time": then}),
        lambda: list(api.list_documents({"parent": DOCUMENTS, "collection_id": "C", "read_time": then})),
        lambda: list(api.list_collection_ids({"parent": DOCUMENTS, "read_time": then})),
        lambda: query(forgetful, everything(), read_time=then),
        lambda: count(forgetful, everything(), read_time=then),
        lambda: api.get_document({"name": name("C/a"), "transaction": token}),
    )
    for call in calls:
        with refused(StatusCode.FAILED_PRECONDITION, wording):
            call()
    assert query(forgetful, everything()) == ["C/a"]


class Clock:
    """A clock that the test moves, in microseconds."""

    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def test_commit_times_rise_also_while_the_clock_stands_still_or_goes_back() -> None:
    clock = Clock()
    store = Store("p", "d", clock, horizon=1000)
    times = []
    for step in (0, 0, -5, 0, 3):
        clock.now += step
        times += [store.commit_time(), store.now()]
    assert times == sorted(times)
    assert len(set(times[::2])) == 5
    assert all(read < later for read, later in zip(times[1::2], times[2::2], strict=False))


def test_what_no_time_within_the_horizon_can_see_is_let_go() -> None:
    clock = Clock()
    store = Store("p", "d", clock, horizon=1000)
    for round_number in range(50):
        clock.now += 100
        for path in ("C/a", "C/b/S/c"):
            body = b"%d" % round_number if round_number % 5 < 3 else None
            write(store, path, body)
        store.prune()
        assert chain_length(store, "C/a") <= 12
    clock.now += 2000
    write(store, "C/a", None)
    clock.now += 2000
    store.prune()
    assert not store.versions
    assert not store.everything.live
    assert store.everything.dead is None
    assert store.collection("C/b/S") is store.group("none")


def write(store: Store, path: str, body: bytes | None) -> None:
    written = store.plan(path, path_key(path), body, store.commit_time())
    if written is not None:
        store.write(written)


def path_key(path: str) -> bytes:
    return ("\x02" + path.replace("/", "\x00\x02") + "\x00").encode()


def chain_length(store: Store, path: str) -> int:
    version, length = store.versions.get(path_key(path)), 0
    while version is not None:
        version, length = version.older, length + 1
    return length


def test_counts_in_the_past_are_true_for_any_range() -> None:
    clock = Clock()
    store = Store("p", "d", clock, horizon=10_000_000)
    moments = []
    for step in range(600):
        clock.now += 1
        path = f"{'CD'[step % 2]}/{step * 37 % 41:02}"
        write(store, path, None if step % 3 == 2 else b"x")
        moments.append(store.now())
    low, high = path_key("C/10"), path_key("C/30")
    for index in (store.everything, store.collection("C"), store.group("D")):
        for at in moments[::29]:
            for scope in (Scope(index, b"\x00", b"\xff"), Scope(index, low, high)):
                walked = [key for batch in store.scan(scope, at, batch=7) for key, _ in batch]
                back = [key for batch in store.scan(scope, at, reverse=True, batch=7) for key, _ in batch]
                assert store.count(scope, at) == len(walked)
                assert walked == back[::-1] == sorted(walked)
