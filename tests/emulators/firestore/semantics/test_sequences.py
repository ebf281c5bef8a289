"""Semantics that client libraries of other languages test against the service: long sequences, each step read back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from firestore_helpers import PROJECT, connected
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import firestore
from google.cloud.firestore import DELETE_FIELD, SERVER_TIMESTAMP, ArrayRemove, ArrayUnion, DocumentReference
from google.cloud.firestore_v1.base_query import FieldFilter

from emulators.firestore import FirestoreEmulator

Step = tuple[Callable[[DocumentReference], Any], Any]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    emulator = FirestoreEmulator()
    yield emulator.start()
    emulator.stop()


@pytest.fixture
def client(address: str) -> Iterator[firestore.Client]:
    with connected(address, PROJECT) as made:
        yield made


@pytest.fixture
def document(client: firestore.Client, request: pytest.FixtureRequest) -> DocumentReference:
    return client.document(f"{request.node.name[:80]}/it")


def merged(value: dict[str, Any]) -> Callable[[DocumentReference], Any]:
    return lambda ref: ref.set(value, merge=True)


# Each change, and the whole document after it; None where there is none.
FIELDS: list[Step] = [
    (lambda ref: ref.create({}), {}),
    (lambda ref: ref.delete(), None),
    (lambda ref: ref.create({"m": {"x": 1}}), {"m": {"x": 1}}),
    (merged({}), {"m": {"x": 1}}),
    (lambda ref: ref.set({}), {}),
    (lambda ref: ref.set({"m": {"x": 1}}), {"m": {"x": 1}}),
    (merged({"m": {"y": 2}}), {"m": {"x": 1, "y": 2}}),
    (merged({"m": {"y": DELETE_FIELD}}), {"m": {"x": 1}}),
    (merged({"m": {"x": DELETE_FIELD}}), {"m": {}}),
    (merged({"m": {"z": 3}}), {"m": {"z": 3}}),
    (merged({"s": "text"}), {"m": {"z": 3}, "s": "text"}),
    (merged({"s": {"deep": "text"}}), {"m": {"z": 3}, "s": {"deep": "text"}}),
    (lambda ref: ref.update({"s.more": 4}), {"m": {"z": 3}, "s": {"deep": "text", "more": 4}}),
    (lambda ref: ref.update({"s.deep": DELETE_FIELD}), {"m": {"z": 3}, "s": {"more": 4}}),
    (lambda ref: ref.update({"s.more": DELETE_FIELD}), {"m": {"z": 3}, "s": {}}),
    (lambda ref: ref.update({"s": DELETE_FIELD}), {"m": {"z": 3}}),
    (lambda ref: ref.update({"a.b": {}}), {"m": {"z": 3}, "a": {"b": {}}}),
    (lambda ref: ref.update({"a.b": {"c": 5}}), {"m": {"z": 3}, "a": {"b": {"c": 5}}}),
    (lambda ref: ref.update({"a.b": {"d": {}}}), {"m": {"z": 3}, "a": {"b": {"d": {}}}}),
    (lambda ref: ref.update({"a.b.d.e": 6}), {"m": {"z": 3}, "a": {"b": {"d": {"e": 6}}}}),
    (lambda ref: ref.update({"m.z.below": 7}), {"m": {"z": {"below": 7}}, "a": {"b": {"d": {"e": 6}}}}),
    (lambda ref: ref.update({"a": DELETE_FIELD, "m": DELETE_FIELD}), {}),
    (lambda ref: ref.update({"never.there": DELETE_FIELD}), {}),
]


def test_fields_come_and_go_one_change_after_the_other(document: DocumentReference) -> None:
    for number, (change, expected) in enumerate(FIELDS):
        change(document)
        assert document.get().to_dict() == expected, f"after step {number}"


def test_each_commit_has_one_time_for_all_its_server_timestamps(document: DocumentReference) -> None:
    now = SERVER_TIMESTAMP
    changes: list[Callable[[DocumentReference], Any]] = [
        lambda ref: ref.create({"time": now, "m": {"x": now}}),
        lambda ref: ref.set({"time": now, "m": {"y": now}}),
        merged({"time": now, "m": {"z": now}}),
        merged({"time": now, "top": now}),
        merged({"time": now, "top": {"below": now}}),
        lambda ref: ref.update({"time": now, "n.o": now}),
        lambda ref: ref.update({"time": now, "n.p": {"q": now}}),
    ]
    times = []
    for change in changes:
        change(document)
        times.append(document.get().get("time"))
    assert times == sorted(set(times))
    assert document.get().to_dict() == {
        "time": times[6],
        "m": {"y": times[1], "z": times[2]},
        "top": {"below": times[4]},
        "n": {"o": times[5], "p": {"q": times[6]}},
    }


def test_field_names_may_have_any_characters(document: DocumentReference) -> None:
    odd = "!.\\`"
    document.set({odd: {odd: 1}, "dots.in.it": 2, "😀": 3})
    document.update({firestore.Client.field_path(odd, odd): 4})
    assert document.get().to_dict() == {odd: {odd: 4}, "dots.in.it": 2, "😀": 3}
    document.set({"dots.more": 5, odd: {"n.e": 6}}, merge=True)
    assert document.get().to_dict() == {
        odd: {odd: 4, "n.e": 6},
        "dots.in.it": 2,
        "😀": 3,
        "dots.more": 5,
    }


def test_array_transforms_follow_equality_of_values(document: DocumentReference) -> None:
    document.set({"empty": [], "some": [1, 1, "1", 2.0], "deep": {"in": [{"a": [1]}, None]}})
    document.update(
        {
            "empty": ArrayUnion(["x", "y", "x"]),
            "some": ArrayUnion([1.0, 2, 3]),
            "deep.in": ArrayUnion([{"a": [1]}, None, float("nan"), float("nan")]),
            "new.one": ArrayUnion([True]),
        }
    )
    found = document.get().to_dict()
    assert (found["empty"], found["some"], found["new"]) == (["x", "y"], [1, 1, "1", 2.0, 3], {"one": [True]})
    assert len(found["deep"]["in"]) == 3
    document.update(
        {
            "empty": ArrayRemove(["x"]),
            "some": ArrayRemove([1, 2]),
            "deep.in": ArrayRemove([float("nan"), {"a": [1]}]),
            "new.one.more": ArrayRemove([1]),
        }
    )
    expected = {"empty": ["y"], "some": ["1", 3], "deep": {"in": [None]}, "new": {"one": {"more": []}}}
    assert document.get().to_dict() == expected


def test_a_batch_sees_its_own_earlier_writes(client: firestore.Client, document: DocumentReference) -> None:
    batch = client.batch()
    batch.create(document, {"n": 1})
    batch.update(document, {"n": firestore.Increment(1), "at": SERVER_TIMESTAMP})
    batch.delete(document)
    batch.create(document, {"n": 10})
    batch.update(document, {"n": firestore.Increment(5)})
    results = batch.commit()
    assert len(results) == 5
    assert document.get().to_dict() == {"n": 15}
    assert client.batch().commit() == []


def test_a_batch_is_all_or_nothing(client: firestore.Client, document: DocumentReference) -> None:
    other = document.parent.document("other")
    batch = client.batch()
    batch.set(other, {"n": 1})
    batch.update(document, {"n": 1})
    with pytest.raises(NotFound, match="No document to update"):
        batch.commit()
    assert not other.get().exists
    document.create({})
    batch = client.batch()
    batch.set(other, {"n": 1})
    batch.create(document, {"n": 1})
    with pytest.raises(AlreadyExists):
        batch.commit()
    assert not other.get().exists


GROUP_PATHS = [
    "a/a/{}/d1",
    "a/b/a/b/{}/d2",
    "a/b/{}/d3",
    "a/b/c/d/{}/d4",
    "a/c/{}/d5",
    "{}/d6",
    "a/b/no/no",
    "x{}/d",
    "{}x/d",
    "{}/virtual/deep/d",
    "a/{}",
]


@pytest.fixture(scope="module")
def group(address: str) -> Iterator[tuple[firestore.Client, str]]:
    name = "b-group"
    with connected(address, "demo-groups") as made:
        batch = made.batch()
        for path in GROUP_PATHS:
            batch.set(made.document(path.format(name)), {"x": 1})
        batch.commit()
        yield made, name


def test_a_collection_group_has_the_collections_of_exactly_that_id(
    group: tuple[firestore.Client, str],
) -> None:
    client, name = group
    found = [each.id for each in client.collection_group(name).stream()]
    assert found == ["d1", "d2", "d3", "d4", "d5", "d6"]


@pytest.mark.parametrize(
    ("low", "low_included", "high", "high_included", "found"),
    [
        ("a/b", True, "a/b0", True, ["d2", "d3", "d4"]),
        ("a/b", False, "a/b/{}/d3", False, ["d2"]),
        ("a/b/{}/d3", True, "a/c/{}/d5", True, ["d3", "d4", "d5"]),
        ("a/a", True, "a/a", True, []),
        ("a/c/{}/d5", False, "zzz/z", True, ["d6"]),
    ],
)
def test_a_group_is_bounded_by_any_document_name(
    group: tuple[firestore.Client, str],
    low: str,
    low_included: bool,
    high: str,
    high_included: bool,
    found: list[str],
) -> None:
    """The same by cursors and by filters."""
    client, name = group
    first, last = (client.document(each.format(name)) for each in (low, high))
    query = client.collection_group(name).order_by("__name__")
    begun = (query.start_at if low_included else query.start_after)({"__name__": first})
    bounded = (begun.end_at if high_included else begun.end_before)({"__name__": last})
    assert [each.id for each in bounded.stream()] == found
    filters = (
        FieldFilter("__name__", ">=" if low_included else ">", first),
        FieldFilter("__name__", "<=" if high_included else "<", last),
    )
    filtered = client.collection_group(name).where(filter=filters[0]).where(filter=filters[1])
    assert [each.id for each in filtered.stream()] == found


def test_pages_of_a_query_cover_it_once(client: firestore.Client) -> None:
    collection = client.collection("pages")
    for number in range(10):
        collection.document(f"d{number}").set({"value": number // 2, "tags": ["t"]})
    for query in (
        collection.order_by("value").limit(3),
        collection.order_by("value", direction="DESCENDING").limit(3),
        collection.where(filter=FieldFilter("value", ">=", 1)).limit(3),
        collection.where(filter=FieldFilter("tags", "array_contains", "t")).limit(3),
        collection.where(filter=FieldFilter("value", "in", [0, 3, 4])).limit(3),
        collection.where(filter=FieldFilter("value", "!=", 2)).limit(3),
    ):
        seen: list[str] = []
        page = query.get()
        while page:
            seen += [each.id for each in page]
            page = query.start_after(page[-1]).get()
        whole = [each.id for each in query.limit(100).get()]
        assert seen == whole
        assert len(whole) >= 6


def test_membership_compares_whole_values(client: firestore.Client) -> None:
    collection = client.collection("members")
    values = {"a": [42], "b": ["a", 42, "c"], "c": [41.999, "42", {"a": [42]}], "d": [{"a": 42}], "e": 42}
    for name, value in {**values, "f": [43], "g": [None], "h": [float("nan")]}.items():
        collection.document(name).set({"v": value})

    def found(operator: str, value: Any) -> list[str]:
        return [each.id for each in collection.where(filter=FieldFilter("v", operator, value)).stream()]

    assert found("array_contains", 42) == ["a", "b"]
    assert found("array_contains", 42.0) == ["a", "b"]
    assert found("array_contains", {"a": 42}) == ["d"]
    assert found("array_contains_any", [42, 43]) == ["a", "b", "f"]
    assert found("in", [42, [43]]) == ["e", "f"]
    assert found("in", [[42]]) == ["a"]


def test_a_document_is_watched_into_and_out_of_being(document: DocumentReference) -> None:
    seen: list[dict[str, Any] | None] = []
    turn = threading.Condition()

    def told(snapshots: list[Any], _changes: Any, _read_time: Any) -> None:
        with turn:
            seen.append(snapshots[0].to_dict() if snapshots and snapshots[0].exists else None)
            turn.notify_all()

    def expect(number: int) -> None:
        with turn:
            assert turn.wait_for(lambda: len(seen) >= number, 20), seen

    watch = document.on_snapshot(told)
    try:
        expect(1)
        for number, change in enumerate((lambda: document.set({"n": 1}), lambda: document.set({"n": 2})), 2):
            change()
            expect(number)
        document.delete()
        expect(4)
    finally:
        watch.unsubscribe()
    assert seen == [None, {"n": 1}, {"n": 2}, None]


def test_a_hundred_and_fifty_listeners_are_all_told(client: firestore.Client) -> None:
    collection = client.collection("watched-by-many")
    number = 150
    sizes: dict[int, list[int]] = {at: [] for at in range(number)}
    turn = threading.Condition()

    def told(at: int, size: int) -> None:
        with turn:
            sizes[at].append(size)
            turn.notify_all()

    def everyone(expected: list[int]) -> bool:
        return all(found == expected for found in sizes.values())

    watches = [
        collection.where(filter=FieldFilter("i", ">", at)).on_snapshot(
            lambda found, _changes, _time, at=at: told(at, len(found))
        )
        for at in range(number)
    ]
    try:
        with turn:
            assert turn.wait_for(lambda: everyone([0]), 60)
        collection.document("it").set({"i": 1337})
        with turn:
            assert turn.wait_for(lambda: everyone([0, 1]), 60)
    finally:
        for watch in watches:
            watch.unsubscribe()
