from __future__ import annotations

from datetime import timedelta

import pytest
from firestore_helpers import DOCUMENTS, ROOT, commit, everything, name, put, query, refused
from google.cloud import firestore
from google.cloud.firestore_v1.types import Document, Write
from grpc import StatusCode


def verify(path: str, update_time: object) -> Write:
    """A write that only checks. The Python client has no field for it, so it goes in as it is on the wire."""
    raw = name(path).encode()
    checked = Write.pb(Write(current_document={"update_time": update_time}))
    checked.MergeFromString(b"\x2a" + bytes((len(raw),)) + raw)
    return Write.wrap(checked)


INT = {"a": {"integer_value": 1}}


def test_a_document_is_created_read_updated_and_deleted(client: firestore.Client) -> None:
    document = client.document("C/a")
    created = document.create({"x": 1, "m": {"p": 1, "q": 2}}).update_time
    document.update({"m.p": 5, "new.deep": [1], "x": firestore.DELETE_FIELD})
    read = document.get()
    assert read.to_dict() == {"m": {"p": 5, "q": 2}, "new": {"deep": [1]}}
    assert read.create_time == created < read.update_time
    document.set({"only": True})
    assert document.get().to_dict() == {"only": True}
    document.set({"more": {"k": 1}}, merge=True)
    assert document.get(["more.k"]).to_dict() == {"more": {"k": 1}}
    document.delete()
    assert not document.get().exists
    document.delete()


def test_the_gapic_calls_create_update_and_get(client: firestore.Client) -> None:
    api = client._firestore_api
    made = api.create_document({"parent": DOCUMENTS, "collection_id": "C", "document": {"fields": INT}})
    assert len(made.name.rpartition("/")[2]) == 20
    request = {
        "document": Document(name=made.name, fields={"b": {"null_value": 0}}),
        "update_mask": {"field_paths": ["b"]},
    }
    assert set(api.update_document(request).fields) == {"a", "b"}
    assert set(api.get_document({"name": made.name, "mask": {"field_paths": ["b", "zz"]}}).fields) == {"b"}
    with refused(StatusCode.ALREADY_EXISTS, "already exists"):
        identity = made.name.rpartition("/")[2]
        api.create_document(
            {"parent": DOCUMENTS, "collection_id": "C", "document_id": identity, "document": {}}
        )
    with refused(StatusCode.NOT_FOUND, "not found"):
        api.get_document({"name": name("C/none")})


def test_times_sent_by_clients_are_ignored(client: firestore.Client) -> None:
    write = put("C/a", INT)
    write.update.create_time = write.update.update_time = "2001-01-01T00:00:00Z"
    commit(client, [write])
    assert client.document("C/a").get().create_time.year > 2001


def test_a_write_that_changes_nothing_keeps_the_update_time(client: firestore.Client) -> None:
    first = client.document("C/a").set({"b": 1, "a": {"y": 1, "x": 2}}).update_time
    assert client.document("C/a").set({"a": {"x": 2, "y": 1}, "b": 1}).update_time == first
    assert client.document("C/a").set({"a": {"x": 2, "y": 1}, "b": 1.0}).update_time > first


def test_preconditions_hold_or_refuse_with_the_real_codes(client: firestore.Client) -> None:
    stored = commit(client, [put("C/a", INT)]).write_results[0].update_time
    with refused(StatusCode.NOT_FOUND, "No document to update"):
        commit(client, [put("C/b", INT, current_document={"exists": True})])
    with refused(StatusCode.ALREADY_EXISTS, "already exists"):
        commit(client, [put("C/a", INT, current_document={"exists": False})])
    with refused(StatusCode.FAILED_PRECONDITION, "does not match the required base version"):
        commit(client, [Write(delete=name("C/a"), current_document={"update_time": "2020-01-01T00:00:00Z"})])
    with refused(StatusCode.FAILED_PRECONDITION):
        commit(client, [put("C/b", INT, current_document={"update_time": stored})])
    later = {"update_time": stored + timedelta(hours=1)}
    with refused(StatusCode.INVALID_ARGUMENT, "in the future"):
        commit(client, [put("C/a", INT, current_document=later)])
    commit(client, [verify("C/a", stored)])
    with refused(StatusCode.FAILED_PRECONDITION):
        commit(client, [verify("C/b", stored)])
    commit(client, [Write(delete=name("C/a"), current_document={"update_time": stored})])
    assert not client.document("C/a").get().exists


def test_a_commit_is_all_or_nothing(client: firestore.Client) -> None:
    with refused(StatusCode.NOT_FOUND):
        commit(client, [put("C/a", INT), put("C/b", INT, current_document={"exists": True})])
    assert query(client, everything()) == []


def test_writes_of_one_commit_see_those_before_them(client: firestore.Client) -> None:
    commit(
        client,
        [
            put("C/a", INT, current_document={"exists": False}),
            put(
                "C/a", {"b": INT["a"]}, update_mask={"field_paths": ["b"]}, current_document={"exists": True}
            ),
            put("C/gone", INT),
            Write(delete=name("C/gone"), current_document={"exists": True}),
        ],
    )
    assert client.document("C/a").get().to_dict() == {"a": 1, "b": 1}
    assert query(client, everything()) == ["C/a"]


def test_batch_write_gives_each_write_a_status_of_its_own(client: firestore.Client) -> None:
    commit(client, [put("C/old", INT)])
    writes = [
        put("C/a", INT),
        put("C/old", INT, current_document={"exists": False}),
        put("C/b"),
        put("C/__bad__"),
    ]
    answer = client._firestore_api.batch_write({"database": ROOT, "writes": writes})
    codes = [status.code for status in answer.status]
    assert codes == [0, StatusCode.ALREADY_EXISTS.value[0], 0, StatusCode.INVALID_ARGUMENT.value[0]]
    assert [bool(result.update_time) for result in answer.write_results] == [True, False, True, False]
    assert query(client, everything()) == ["C/a", "C/b", "C/old"]
    with refused(StatusCode.INVALID_ARGUMENT, "same document more than once"):
        client._firestore_api.batch_write(
            {"database": ROOT, "writes": [put("C/a"), Write(delete=name("C/a"))]}
        )


def test_the_bulk_writer_writes(client: firestore.Client) -> None:
    writer = client.bulk_writer()
    for number in range(45):
        writer.set(client.document(f"C/{number:02}"), {"n": number})
    writer.close()
    assert [found.get("n") for found in client.collection("C").stream()] == list(range(45))


def test_batch_get_answers_found_and_missing_each_once(client: firestore.Client) -> None:
    client.document("C/a").set({"x": 1, "y": 2})
    asked = [client.document(path) for path in ("C/a", "C/b", "C/a")]
    found = {one.reference.path: one.to_dict() for one in client.get_all(asked, field_paths=["y"])}
    assert found == {"C/a": {"y": 2}, "C/b": None}


def test_databases_and_projects_are_kept_apart(client: firestore.Client) -> None:
    names = [
        f"projects/{p}/databases/{d}" for p in ("demo-firekeep", "other") for d in ("(default)", "second")
    ]
    for number, database in enumerate(names):
        document = Document(name=f"{database}/documents/C/a", fields={"n": {"integer_value": number}})
        client._firestore_api.commit({"database": database, "writes": [Write(update=document)]})
    for number, database in enumerate(names):
        read = client._firestore_api.get_document({"name": f"{database}/documents/C/a"})
        assert read.fields["n"].integer_value == number
    with refused(StatusCode.INVALID_ARGUMENT, "not in the database"):
        client._firestore_api.commit({"database": names[1], "writes": [put("C/a")]})


def listed(client: firestore.Client, **request: object) -> list[str]:
    request = {"parent": DOCUMENTS, "collection_id": "C", **request}
    return [
        document.name.rpartition("/documents/")[2]
        for document in client._firestore_api.list_documents(request)
    ]


@pytest.mark.parametrize("order", ["", "__name__", "__name__ desc", "n desc, __name__", "k,n desc"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_of_a_list_put_together_are_the_collection(
    client: firestore.Client, order: str, size: int
) -> None:
    odd = ["__id5__", "__id-3__", "a/S/x", "a", "a\x01", "z\u0301", "\U0001f600", "b/S/y"]
    commit(
        client,
        [
            put(f"C/{i}", {"n": {"integer_value": n}, "k": {"integer_value": n % 3}})
            for n, i in enumerate(odd)
        ],
    )
    commit(client, [put(f"D/{i}", INT) for i in odd])
    mine = [(n, i) for n, i in enumerate(odd) if "/" not in i]
    by_name = sorted(
        mine, key=lambda entry: ["__id-3__", "__id5__", "a", "a\x01", "z\u0301", "\U0001f600"].index(entry[1])
    )
    expected = {
        "": by_name,
        "__name__": by_name,
        "__name__ desc": by_name[::-1],
        "n desc, __name__": mine[::-1],
        "k,n desc": sorted(mine, key=lambda entry: (entry[0] % 3, -entry[0])),
    }
    assert listed(client, order_by=order, page_size=size) == [f"C/{i}" for _, i in expected[order]]


def test_a_large_page_ends_early_and_goes_on(client: firestore.Client) -> None:
    for number in range(12):
        commit(client, [put(f"C/{number:02}", {"x": {"bytes_value": b"x" * 1_000_000}})])
    request = {"parent": DOCUMENTS, "collection_id": "C", "page_size": 300}
    pages = list(client._firestore_api.list_documents(request).pages)
    assert [len(page.documents) for page in pages] == [8, 4]


def test_missing_parents_are_listed_when_asked_for(client: firestore.Client) -> None:
    commit(
        client, [put("C/a"), put("C/b/S/x"), put("C/c/S/x/T/y"), put("CC/b/S/x"), put("C/a/S/x"), put("C/d")]
    )
    assert listed(client) == ["C/a", "C/d"]
    for size in (1, 3, 50):
        assert listed(client, show_missing=True, page_size=size) == ["C/a", "C/b", "C/c", "C/d"]
    shown = list(
        client._firestore_api.list_documents(
            {"parent": DOCUMENTS, "collection_id": "C", "show_missing": True}
        )
    )
    assert [bool(document.create_time) for document in shown] == [True, False, False, True]
    assert [found.id for found in client.collection("C").list_documents()] == ["a", "b", "c", "d"]
    with refused(StatusCode.INVALID_ARGUMENT):
        listed(client, show_missing=True, order_by="n")


def test_a_list_without_a_collection_covers_all_right_below_the_parent(client: firestore.Client) -> None:
    commit(client, [put("B/1"), put("A/2"), put("A/1/S/x"), put("A/1/R/x")])
    for size in (1, 10):
        assert listed(client, collection_id="", page_size=size) == ["A/2", "B/1"]
        assert listed(client, parent=name("A/1"), collection_id="", page_size=size) == ["A/1/R/x", "A/1/S/x"]


@pytest.mark.parametrize("size", [0, 1, 2])
def test_collection_ids_are_listed_in_pages(client: firestore.Client, size: int) -> None:
    commit(client, [put("A/1"), put("A-/1"), put("B/1/S/x/T/y"), put("B/1/R/x"), put("Aé/1")])
    api = client._firestore_api
    assert list(api.list_collection_ids({"parent": DOCUMENTS, "page_size": size})) == ["A", "A-", "Aé", "B"]
    assert list(api.list_collection_ids({"parent": name("B/1"), "page_size": size})) == ["R", "S"]
    assert list(api.list_collection_ids({"parent": name("A/1"), "page_size": size})) == []


def test_five_thousand_collections_under_missing_parents_are_found(client: firestore.Client) -> None:
    paths = [f"C/p{number:05}/S/x" for number in range(5000)]
    for start in range(0, 5000, 500):
        commit(client, [put(path) for path in paths[start : start + 500]])
    assert query(client, everything()) == paths
    assert listed(client, show_missing=True) == [path.rpartition("/S")[0] for path in paths]
    assert listed(client) == []


@pytest.mark.parametrize(
    "path",
    [
        "C/__x__",
        "__C__/a",
        "C/.",
        "C/..",
        "C/a/S",
        "C//a/b",
        "C/" + "x" * 1501,
        "C/" + "é" * 751,
        "C/a" * 2000,
        "C/__id07__",
    ],
)
def test_names_that_cannot_be_are_refused(client: firestore.Client, path: str) -> None:
    with refused(StatusCode.INVALID_ARGUMENT):
        commit(client, [put(path)])


def test_unsupported_calls_say_so(client: firestore.Client) -> None:
    with refused(StatusCode.UNIMPLEMENTED):
        list(client._firestore_api.execute_pipeline({"database": ROOT}))
    asked = {"parent": f"{ROOT}/documents", "structured_query": {"from_": [{"collection_id": "C"}]}}
    with refused(StatusCode.UNIMPLEMENTED, "explain"):
        list(client._firestore_api.run_query({**asked, "explain_options": {"analyze": True}}))
