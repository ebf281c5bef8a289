"""A reader that shares no code with what it checks: Google's own messages, one query, field by field as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.cloud.firestore_v1.types import document as document_types
from google.cloud.firestore_v1.types import firestore as firestore_types
from google.cloud.firestore_v1.types import query as query_types

from cli.demo.comparison import Comparison, compared
from emulators.datasets.load import Database

Document: Any = document_types.Document.pb()
_RUN_QUERY = "/google.firestore.v1.Firestore/RunQuery"
_TIMEOUT_S = 300
_OURS = (
    "backups/",
    "recoveries/",
    "backupRequests/",
    "backupConfig/",
    "backupSets/",
    "backupTemplates/",
    "backupJobs/",
)
"""What the backup system writes itself; the data of the app is everything else."""


def compare(expected: Mapping[str, bytes], database: Database) -> Comparison:
    """Read the whole database and compare each document's fields with `expected`, byte by byte."""
    return compared(expected, read(database), _same)


def _same(wanted: bytes, fields: bytes) -> bool:
    # Most are spelled alike already.
    return wanted == fields or _spelled(Document.FromString(wanted)) == fields


def read(database: Database) -> Iterator[tuple[str, bytes]]:
    """Path and fields of every document of the app: a `Document` without name and times, as `_spelled`."""
    for path, document in every(database):
        if not path.startswith(_OURS):
            for name in ("name", "create_time", "update_time"):
                document.ClearField(name)
            yield path, _spelled(document)


def every(database: Database) -> Iterator[tuple[str, Any]]:
    """Path and message of every document there is, in the order of names."""
    answer_type: Any = firestore_types.RunQueryResponse.pb()
    prefix = len(database.root) + 1
    with database.channel() as channel:
        call = channel.unary_stream(
            _RUN_QUERY, request_serializer=None, response_deserializer=answer_type.FromString
        )
        for answer in call(_everything(database), timeout=_TIMEOUT_S, metadata=database.metadata):
            path = answer.document.name[prefix:]
            if path:
                yield path, answer.document


def _spelled(document: Any) -> bytes:
    """The message as bytes, its maps in one order whatever order they came in."""
    data: bytes = document.SerializeToString(deterministic=True)
    return data


def _everything(database: Database) -> bytes:
    """The query for every document there is, in the order of names."""
    request = firestore_types.RunQueryRequest(
        parent=database.root,
        structured_query=query_types.StructuredQuery(
            from_=[query_types.StructuredQuery.CollectionSelector(all_descendants=True)],
            order_by=[
                query_types.StructuredQuery.Order(
                    field=query_types.StructuredQuery.FieldReference(field_path="__name__"),
                    direction=query_types.StructuredQuery.Direction.ASCENDING,
                )
            ],
        ),
    )
    data: bytes = firestore_types.RunQueryRequest.serialize(request)
    return data
