"""The calls that query: run, aggregate, partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulators.firestore.aggregate import aggregate, ordered_by
from emulators.firestore.core import Core
from emulators.firestore.errors import invalid, unsupported
from emulators.firestore.locks import Locks
from emulators.firestore.paths import KEY_END, key_of, parent_path, path_of
from emulators.firestore.plan import Plan, make_plan
from emulators.firestore.reading import decode_token, encode_token
from emulators.firestore.run import results
from emulators.firestore.schema import message
from emulators.firestore.store import Row, Store
from emulators.firestore.wire import field, timestamp

# The service cuts where its own storage does, about this many documents apart.
PARTITION = 128


def _plan(store: Store, parent: str, path: str, request: Any) -> Plan:
    if request.HasField("explain_options"):
        raise unsupported("Explaining a query")
    return make_plan(store, parent_path(parent, path), request.structured_query)


def run_query(core: Core, data: bytes) -> Iterator[list[bytes]]:
    """RunQuery: one answer a document, by batches; an empty batch is a place to let other calls in."""
    request = message("RunQueryRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    plan = _plan(store, request.parent, path, request)
    snapshot = core.transactions.snapshot(store, request, Locks(plans=[plan]))
    if snapshot.begun:
        yield [field(2, snapshot.begun)]
    time = timestamp(3, snapshot.time)
    found = 0
    last: list[Row] = []
    for batch in results(plan, snapshot.time):
        found += len(batch)
        last = batch[-1:] or last
        yield _answers(plan, batch, time)
    snapshot.narrow(plan, found, last)
    if not found:
        yield [time]


def _answers(plan: Plan, batch: list[Row], time: bytes) -> list[bytes]:
    render = plan.render
    return [render(version) + time for _, version in batch]


def run_aggregation_query(core: Core, data: bytes) -> Iterator[list[bytes]]:
    """RunAggregationQuery: count, sum, average."""
    request = message("RunAggregationQueryRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    if request.HasField("explain_options"):
        raise unsupported("Explaining a query")
    asked = request.structured_aggregation_query
    query = asked.structured_query
    plan = make_plan(store, parent_path(request.parent, path), query, ordered_by(query, asked.aggregations))
    snapshot = core.transactions.snapshot(store, request, Locks(plans=[plan]))
    answer = message("RunAggregationQueryResponse")(transaction=snapshot.begun)
    for step in aggregate(plan, asked.aggregations, snapshot.time):
        if step is None:
            yield []
        else:
            answer.result.CopyFrom(step)
    yield [answer.SerializeToString() + timestamp(3, snapshot.time)]


def partition_query(core: Core, data: bytes) -> bytes:
    """PartitionQuery: names that cut a collection group into pieces of about equal size."""
    request = message("PartitionQueryRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    plan = make_plan(store, path, request.structured_query)
    _check_partitioned(plan, path, request)
    snapshot = core.transactions.snapshot(store, request, Locks())
    cuts = _cuts(plan, int(request.partition_count), snapshot.time)
    if request.page_token:
        last = key_of(decode_token(request.page_token, "DocumentMask").field_paths[0])
        cuts = [cut for cut in cuts if cut > last]
    answer = message("PartitionQueryResponse")()
    size = request.page_size or len(cuts)
    for cut in cuts[:size]:
        cursor = answer.partitions.add(before=True)
        cursor.values.add(reference_value=f"{store.root}/{path_of(cut)}")
    if len(cuts) > size:
        answer.next_page_token = encode_token(message("DocumentMask")(field_paths=[path_of(cuts[size - 1])]))
    return bytes(answer.SerializeToString())


def _check_partitioned(plan: Plan, path: str, request: Any) -> None:
    query = request.structured_query
    plain = plan.countable and not plan.orders[0].descending and not plan.offset and plan.limit is None
    whole = plan.low <= b"\x00" and plan.high == KEY_END and not query.HasField("select")
    if path or not plan.source.descendants or not plan.source.collection or not plain or not whole:
        raise invalid(
            "PartitionQuery needs a collection group under the root, ordered by __name__, and nothing else."
        )
    if request.partition_count < 1 or request.page_size < 0:
        raise invalid("partition_count must be positive, and page_size not negative.")


def _cuts(plan: Plan, most: int, time: int) -> list[bytes]:
    scope = replace(plan.scopes(time)[0])
    total = len(scope.index.live)
    step = max(PARTITION, -(-total // (most + 1)))
    return scope.index.live.every(step, scope.low, scope.high)
