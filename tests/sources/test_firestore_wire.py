"""Requests and answers written by hand are the ones Google's own messages describe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.types import firestore as fs
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import Corrupt, Unsupported
from shared.format import wire
from shared.sources.firestore import answers, requests

ROOT = b"projects/p/databases/(default)/documents"
DATABASE = b"projects/p/databases/(default)"
AT = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STAMP = Timestamp(seconds=1735787045, nanos=678901000)
PREFIX = len(ROOT) + 1


def parsed(message: Any, data: bytes) -> Any:
    """Parsed by Google's class, which must know every field."""
    out = message.pb().FromString(data)
    size = out.ByteSize()
    out.DiscardUnknownFields()
    assert out.ByteSize() == size
    return out


@pytest.mark.parametrize("missing", [False, True])
def test_a_page_is_asked_for_as_google_describes_it(missing: bool) -> None:
    raw = requests.list_documents(ROOT + b"/a/b", b"c", 300, b"token", AT, missing=missing)
    want = fs.ListDocumentsRequest.pb()(
        parent=(ROOT + b"/a/b").decode(), collection_id="c", page_size=300, page_token="token", read_time=STAMP,
        show_missing=missing,
    )  # fmt: skip
    assert parsed(fs.ListDocumentsRequest, raw) == want


def test_collections_are_asked_for_as_google_describes_it() -> None:
    want = fs.ListCollectionIdsRequest.pb()(
        parent=ROOT.decode(), page_size=1000, page_token="t", read_time=STAMP
    )
    assert parsed(fs.ListCollectionIdsRequest, requests.list_collection_ids(ROOT, b"t", AT)) == want


def test_a_range_is_asked_for_as_google_describes_it() -> None:
    query = requests.names_query((ROOT + b"/a/b", True), (ROOT + b"/c/d", False), limit=300, names_only=True)
    want = fs.RunQueryRequest.pb()(parent=ROOT.decode(), read_time=STAMP)
    structured = want.structured_query
    structured.select.fields.add(field_path="__name__")
    structured.from_.add(all_descendants=True)
    structured.order_by.add(direction=1).field.field_path = "__name__"
    structured.start_at.before = True
    structured.start_at.values.add(reference_value=f"{ROOT.decode()}/a/b")
    structured.end_at.values.add(reference_value=f"{ROOT.decode()}/c/d")
    structured.limit.value = 300
    assert parsed(fs.RunQueryRequest, requests.run_query(ROOT, query, AT)) == want


def test_a_count_is_asked_for_as_google_describes_it() -> None:
    query = requests.names_query(collection=b"c", descendants=False)
    want = fs.RunAggregationQueryRequest.pb()(parent=ROOT.decode(), read_time=STAMP)
    want.structured_aggregation_query.structured_query.from_.add(collection_id="c")
    want.structured_aggregation_query.structured_query.order_by.add(direction=1).field.field_path = "__name__"
    want.structured_aggregation_query.aggregations.add(alias="n").count.SetInParent()
    assert parsed(fs.RunAggregationQueryRequest, requests.count(ROOT, query, AT)) == want


def test_partitions_are_asked_for_as_google_describes_it() -> None:
    want = fs.PartitionQueryRequest.pb()(
        parent=ROOT.decode(), partition_count=7, page_token="t", read_time=STAMP
    )
    want.structured_query.from_.add(collection_id="c", all_descendants=True)
    want.structured_query.order_by.add(direction=1).field.field_path = "__name__"
    assert parsed(fs.PartitionQueryRequest, requests.partition(ROOT, b"c", 7, b"t", AT)) == want


def test_documents_are_looked_up_as_google_describes_it() -> None:
    names = [f"{ROOT.decode()}/a/{x}" for x in ("b", "ä")]
    want = fs.BatchGetDocumentsRequest.pb()(database=DATABASE.decode(), documents=names, read_time=STAMP)
    raw = requests.batch_get(DATABASE, [name.encode() for name in names], AT)
    assert parsed(fs.BatchGetDocumentsRequest, raw) == want


def test_writes_are_sent_as_google_describes_them() -> None:
    name = ROOT + b"/a/b"
    fields = wire.message(2, wire.message(1, b"f") + wire.message(2, b"\x10\x05"))
    writes = [
        requests.put(name, fields, None), requests.put(name, fields, AT), requests.drop(name, AT),
        requests.drop(name, None),
    ]  # fmt: skip
    want = fs.BatchWriteRequest.pb()(database=DATABASE.decode())
    for seen in (None, STAMP):
        write = want.writes.add()
        write.update.name = name.decode()
        write.update.fields["f"].integer_value = 5
        if seen is None:
            write.current_document.exists = False
        else:
            write.current_document.update_time.CopyFrom(seen)
    want.writes.add(delete=name.decode()).current_document.update_time.CopyFrom(STAMP)
    want.writes.add(delete=name.decode()).current_document.exists = False
    assert parsed(fs.BatchWriteRequest, requests.batch_write(DATABASE, writes)) == want


@pytest.mark.parametrize(
    "at",
    [datetime(1970, 1, 1, tzinfo=UTC), AT, datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
)
def test_instants_keep_their_microseconds(at: datetime) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    assert requests.timestamp(at) == stamp.SerializeToString()


def page(documents: int, size: int = 3, token: str = "") -> bytes:
    answer = fs.ListDocumentsResponse.pb()(next_page_token=token)
    for number in range(documents):
        made = answer.documents.add(name=f"{ROOT.decode()}/c/d{number}")
        made.fields["f"].string_value = "x" * size
        made.update_time.CopyFrom(STAMP)
    out: bytes = answer.SerializeToString()
    return out


@pytest.mark.parametrize("size", [0, 90, 127, 128, 16_300, 20_000, 3_000_000])
def test_a_page_is_taken_apart_whatever_the_lengths(size: int) -> None:
    raw = page(3, size, "next")
    names, values, token = answers.split_page(raw, PREFIX)
    assert names == [b"c/d0", b"c/d1", b"c/d2"]
    assert token == b"next"
    for value in values:
        found = parsed(fs.ListDocumentsResponse, wire.message(1, value)).documents[0]
        assert (found.name, found.fields["f"].string_value) == ("", "x" * size)


def test_an_empty_page_and_the_last_one_have_no_token() -> None:
    assert answers.split_page(b"", PREFIX) == ([], [], b"")
    assert answers.split_page(page(2), 0)[2] == b""


def test_a_page_cut_short_anywhere_is_never_taken_for_a_shorter_one() -> None:
    raw = page(2, 200, "next")
    whole = answers.split_page(raw, PREFIX)
    for end in range(1, len(raw)):
        try:
            found = answers.split_page(raw[:end], PREFIX)
        except (Corrupt, Unsupported):
            continue
        assert found[2] != whole[2]
        assert found[0] == whole[0][: len(found[0])]


def test_what_a_page_holds_besides_documents_is_not_passed_over() -> None:
    with pytest.raises(Unsupported):
        answers.split_page(page(1) + wire.message(9, b"x"), PREFIX)
    with pytest.raises(Unsupported):
        answers.split_page(wire.message(1, wire.message(2, b"")), PREFIX)


def test_answers_to_queries_are_taken_apart() -> None:
    answer = fs.RunQueryResponse.pb()(read_time=STAMP)
    assert answers.document_in(answer.SerializeToString(), PREFIX) is None
    assert answers.read_time_in(answer.SerializeToString()) == AT
    answer.document.name = f"{ROOT.decode()}/a/b"
    answer.document.fields["f"].integer_value = 1
    found = answers.document_in(answer.SerializeToString(), PREFIX)
    assert found is not None
    assert found[0] == b"a/b"
    hidden = wire.message(3, b"") + wire.message(1, b"x")
    with pytest.raises(Unsupported):
        answers.document_in(hidden, PREFIX)


def test_counts_collections_cuts_and_codes_are_read() -> None:
    counted = fs.RunAggregationQueryResponse.pb()(read_time=STAMP)
    assert answers.count_in(counted.SerializeToString()) is None
    counted.result.aggregate_fields["n"].integer_value = 0
    assert answers.count_in(counted.SerializeToString()) == 0
    listed = fs.ListCollectionIdsResponse.pb()(collection_ids=["a", "é"], next_page_token="t")
    assert answers.texts_in(listed.SerializeToString()) == ([b"a", "é".encode()], b"t")
    cuts = fs.PartitionQueryResponse.pb()(next_page_token="t")
    cuts.partitions.add(before=True).values.add(reference_value=f"{ROOT.decode()}/a/b")
    assert answers.cuts_in(cuts.SerializeToString(), PREFIX) == ([b"a/b"], b"t")
    wrote = fs.BatchWriteResponse.pb()()
    for code in (0, 5, 0):
        wrote.write_results.add()
        wrote.status.add(code=code, message="x")
    assert answers.codes_in(wrote.SerializeToString()) == [0, 5, 0]
    missing = fs.BatchGetDocumentsResponse.pb()(missing=f"{ROOT.decode()}/a/b", read_time=STAMP)
    assert answers.missing_in(missing.SerializeToString(), PREFIX) == b"a/b"
