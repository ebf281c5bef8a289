"""Writes and reads of the Firestore emulator, and the same messages to a gRPC server that does nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import grpc
from google.cloud import firestore
from google.cloud.firestore_v1.bulk_writer import BulkWriterOptions
from google.cloud.firestore_v1.types import ListDocumentsRequest, ListDocumentsResponse, RunQueryRequest

from bench.data import flat
from bench.loads.calls import against, asked, send, stream, unary
from bench.loads.timing import seconds
from bench.place import PROJECT, emulator, environment, served
from bench.report import Row, per_second
from bench.scale import Scale
from emulators.datasets.load import Database
from emulators.datasets.wire import commit, write

_SERVICE = "/google.firestore.v1.Firestore/"
_WRITES, _PAGE = 500, 300
_LIFTED = 1_000_000


def rows(scale: Scale) -> list[Row]:
    with (
        emulator() as database,
        served("bench.loads.bare", "grpc") as bare,
        database.channel() as channel,
        Database(bare, PROJECT).channel() as other,
    ):
        return [
            *_written(channel, other, database, scale),
            *_read(channel, other, database),
            *_by_clients(database, scale),
        ]


def _written(channel: grpc.Channel, other: grpc.Channel, database: Database, scale: Scale) -> Iterator[Row]:
    for method in ("Commit", "BatchWrite"):
        requests = list(_requests(database, method, scale.small))
        call = unary(channel, f"{_SERVICE}{method}")
        call(requests[0], metadata=database.metadata)
        taken = seconds(partial(send, call, requests, database.metadata))
        # An answer has a time and a status for each write: some 20 bytes.
        bare = seconds(partial(send, unary(other, "/bare/Echo"), requests, asked(20 * _WRITES)))
        yield against(f"Firestore, {method} of {_WRITES} raw writes", scale.small, taken, bare)


def _requests(database: Database, method: str, number: int) -> Iterator[bytes]:
    """Each writes documents that are not there yet."""
    name = f"projects/{database.project}/databases/{database.database}"
    writes = [
        write(f"{database.root}/{path}", fields) for path, fields in flat(number, 1, f"{method.lower()}-")
    ]
    for at in range(0, len(writes), _WRITES):
        yield commit(name, writes[at : at + _WRITES])


def _read(channel: grpc.Channel, other: grpc.Channel, database: Database) -> Iterator[Row]:
    sizes = _streamed(channel, database)
    taken = seconds(partial(_streamed, channel, database), 3)
    each = asked(sum(sizes) // len(sizes), len(sizes))
    bare = seconds(lambda: deque(stream(other, "/bare/Stream")(b"", metadata=each), 0), 3)
    yield against("Firestore, a raw stream of a query", len(sizes), taken, bare)

    pages = _paged(channel, database)
    taken = seconds(partial(_paged, channel, database), 3)
    page = asked(sum(pages) // len(pages))
    bare = seconds(lambda: [unary(other, "/bare/Echo")(b"", metadata=page) for _ in pages], 3)
    yield against(f"Firestore, raw pages of {_PAGE}, one after the other", len(sizes), taken, bare)


def _streamed(channel: grpc.Channel, database: Database) -> list[int]:
    """The sizes of all messages of a query of a collection."""
    query = {"from_": [{"collection_id": "commit-0"}]}
    request = RunQueryRequest.serialize(RunQueryRequest(parent=database.root, structured_query=query))
    call = stream(channel, f"{_SERVICE}RunQuery")
    return [len(one) for one in call(request, metadata=database.metadata)]


def _paged(channel: grpc.Channel, database: Database) -> list[int]:
    """The sizes of all pages of a collection."""
    call, token, sizes = unary(channel, f"{_SERVICE}ListDocuments"), "", []
    answer = ListDocumentsResponse.pb(ListDocumentsResponse())
    while True:
        request = ListDocumentsRequest(
            parent=database.root, collection_id="commit-0", page_size=_PAGE, page_token=token
        )
        page = call(ListDocumentsRequest.serialize(request), metadata=database.metadata)
        sizes.append(len(page))
        token = type(answer).FromString(page).next_page_token
        if not token:
            return sizes


def _by_clients(database: Database, scale: Scale) -> Iterator[Row]:
    number = scale.small // 5
    with environment({"FIRESTORE_EMULATOR_HOST": database.host}):
        client = firestore.Client(project=PROJECT)
    try:
        values = [(client.document(f"bulk/{at}"), {"number": at, "text": "x" * 400}) for at in range(number)]
        yield Row(
            "Firestore, BulkWriter with its limit lifted",
            per_second(number / seconds(lambda: _bulk(client, values))),
        )
        taken = seconds(lambda: deque(client.collection("bulk").stream(), 0), 3)
        yield Row("Firestore, `collection.stream()`", per_second(number / taken))
    finally:
        client.close()


def _bulk(client: Any, values: Sequence[tuple[Any, dict[str, Any]]]) -> None:
    options = BulkWriterOptions(initial_ops_per_second=_LIFTED, max_ops_per_second=_LIFTED)
    writer = client.bulk_writer(options=options)
    for reference, value in values:
        writer.create(reference, value)
    writer.close()
