"""What the tests of the Firestore emulator share: clients, and calls below Google's high-level client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import google.auth.credentials
import grpc
import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.types import (
    Document,
    RunAggregationQueryRequest,
    RunQueryRequest,
    StructuredAggregationQuery,
    StructuredQuery,
    Write,
)

PROJECT = "demo-firekeep"
ROOT = f"projects/{PROJECT}/databases/(default)"
DOCUMENTS = f"{ROOT}/documents"
SERVICE = "/google.firestore.v1.Firestore/"


@contextmanager
def connected(
    address: str, project: str = PROJECT, database: str = "(default)"
) -> Iterator[firestore.Client]:
    """Google's client on an emulator."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", address)
        anonymous = google.auth.credentials.AnonymousCredentials()
        client = firestore.Client(project=project, credentials=anonymous, database=database)
    yield client
    client.close()


@contextmanager
def refused(code: grpc.StatusCode, wording: str = "") -> Iterator[None]:
    """Expect a call to be refused with a status and words in its message."""
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, grpc.RpcError) else error.__cause__
        assert isinstance(cause, grpc.Call), repr(error)
        assert cause.code() == code, cause
        assert wording.lower() in str(cause.details()).lower()
    else:
        raise AssertionError(f"not refused, expected {code}")


def name(path: str) -> str:
    """A document's resource name in the default database."""
    return f"{DOCUMENTS}/{path}"


def commit(client: firestore.Client, writes: Iterable[Write], transaction: bytes = b"") -> Any:
    """Commit writes as they are."""
    request = {"database": ROOT, "writes": list(writes), "transaction": transaction}
    return client._firestore_api.commit(request=request)


def put(path: str, fields: dict[str, Any] | None = None, **more: Any) -> Write:
    """A write that replaces a document."""
    return Write(update=Document(name=name(path), fields=fields or {}), **more)


def query(
    client: firestore.Client, structured: StructuredQuery, parent: str = DOCUMENTS, **more: Any
) -> list[str]:
    """The paths that a query finds, in order."""
    request = RunQueryRequest(parent=parent, structured_query=structured, **more)
    answers = client._firestore_api.run_query(request=request)
    return [a.document.name.partition("/documents/")[2] for a in answers if a.document.name]


def count(client: firestore.Client, structured: StructuredQuery, parent: str = DOCUMENTS, **more: Any) -> int:
    """How many documents a query finds, by COUNT."""
    counting = StructuredAggregationQuery(structured_query=structured)
    counting.aggregations.append({"alias": "n", "count": more.pop("count", {})})
    request = RunAggregationQueryRequest(parent=parent, structured_aggregation_query=counting, **more)
    (answer,) = client._firestore_api.run_aggregation_query(request=request)
    return int(answer.result.aggregate_fields["n"].integer_value)


def everything(
    low: str | None = None, high: str | None = None, *, descending: bool = False, limit: int | None = None
) -> StructuredQuery:
    """The query over the whole database, between two names."""
    structured = StructuredQuery()
    structured.from_.append({"all_descendants": True})
    structured.order_by.append({"field": {"field_path": "__name__"}, "direction": 2 if descending else 1})
    filters = []
    if low is not None:
        filters.append(_by_name(4, low))
    if high is not None:
        filters.append(_by_name(1, high))
    if filters:
        structured.where = {"composite_filter": {"op": 1, "filters": filters}}
    if limit is not None:
        structured.limit = limit
    return structured


def _by_name(operator: int, path: str) -> dict[str, Any]:
    compared = {"field": {"field_path": "__name__"}, "op": operator, "value": {"reference_value": name(path)}}
    return {"field_filter": compared}


def read_time(client: firestore.Client) -> datetime:
    """A time to read at: the server's, now."""
    (answer,) = list(
        client._firestore_api.batch_get_documents({"database": ROOT, "documents": [name("no/no")]})
    )
    return answer.read_time
