"""Events in the form their function asks for: types, auth context, JSON or protobuf, size."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.events.cloud import firestore_v1, storage_v1
from host_helpers import here, routing

from emulators.host.messages import Request
from functions.table import DocumentTrigger, FunctionSpec, ObjectTrigger, Trigger

NAME = "projects/p/databases/(default)/documents/users/caf\u00e9"
VALUES: dict[str, Any] = {
    "int": {"integer_value": 2**63 - 1},
    "nan": {"double_value": float("nan")},
    "minus zero": {"double_value": -0.0},
    "null": {"null_value": 0},
    "time": {"timestamp_value": {"seconds": 1, "nanos": 5000}},
    "bytes": {"bytes_value": b"\x00\xff"},
    "ref": {"reference_value": NAME},
    "geo": {"geo_point_value": {"latitude": 1.5, "longitude": -2}},
    "map": {"map_value": {"fields": {"a.b`": {"boolean_value": False}}}},
    "list": {"array_value": {"values": [{"string_value": ""}, {"null_value": 0}]}},
}
AS_JSON = {
    "int": {"integerValue": "9223372036854775807"},
    "nan": {"doubleValue": "NaN"},
    "minus zero": {"doubleValue": -0.0},
    "null": {"nullValue": None},
    "time": {"timestampValue": "1970-01-01T00:00:01.000005Z"},
    "bytes": {"bytesValue": "AP8="},
    "ref": {"referenceValue": NAME},
    "geo": {"geoPointValue": {"latitude": 1.5, "longitude": -2.0}},
    "map": {"mapValue": {"fields": {"a.b`": {"booleanValue": False}}}},
    "list": {"arrayValue": {"values": [{"stringValue": ""}, {"nullValue": None}]}},
}


def functions(*triggers: Trigger) -> tuple[FunctionSpec, ...]:
    return tuple(FunctionSpec(f"f{n}", trigger, "x", max_attempts=1) for n, trigger in enumerate(triggers))


async def handed(request: Request, *triggers: Trigger) -> tuple[list[Request | None], list[str], int]:
    """What each of the triggers' functions gets, what is logged, and the answer's status."""
    async with routing(functions(*triggers)) as (router, called, log):
        status = (await router.answer(request, here)).status
        await asyncio.sleep(0.02)
        events = dict(called.calls)
    return [events.get(f"f{n}") for n in range(len(triggers))], [line for _, line in log], status


def document_request(data: bytes) -> Request:
    headers = (
        ("ce-id", "1"),
        ("ce-type", "google.cloud.firestore.document.v1.written"),
        ("ce-authtype", "unknown"),
        ("ce-authid", "user-1"),
        ("content-type", "application/protobuf"),
    )
    return Request("POST", "/events/firestore", "", headers, data)


def document_data(fields: dict[str, Any]) -> bytes:
    times = {"create_time": {"seconds": 10}, "update_time": {"seconds": 20, "nanos": 1000}}
    document = {"name": NAME, "fields": fields, **times}
    made = firestore_v1.DocumentEventData(
        value=document, old_value=document, update_mask={"field_paths": ["a", "b.c"]}
    )
    return bytes(firestore_v1.DocumentEventData.serialize(made))


@pytest.mark.parametrize("event", ["updated", "written"])
def test_only_who_asks_for_the_auth_context_gets_it(event: Any) -> None:
    triggers = DocumentTrigger(event, "users/{id}"), DocumentTrigger(event, "users/{id}", auth_context=True)
    (without, having), _, _ = asyncio.run(handed(document_request(document_data({})), *triggers))
    assert without is not None
    assert having is not None
    assert without.header("ce-type") == f"google.cloud.firestore.document.v1.{event}"
    assert (without.header("ce-authtype"), without.header("ce-authid")) == ("", "")
    assert having.header("ce-type") == f"google.cloud.firestore.document.v1.{event}.withAuthContext"
    assert (having.header("ce-authtype"), having.header("ce-authid")) == ("unknown", "user-1")
    assert having.header("ce-id") == without.header("ce-id") == "1"


def test_a_document_s_event_comes_as_protobuf_or_as_the_same_in_json() -> None:
    data = document_data(VALUES)
    triggers = (
        DocumentTrigger("written", "users/{id}"),
        DocumentTrigger("written", "users/{id}", content_type="application/json"),
    )
    (protobuf, json_), _, _ = asyncio.run(handed(document_request(data), *triggers))
    assert protobuf is not None
    assert json_ is not None
    assert (protobuf.header("content-type"), protobuf.body) == ("application/protobuf", data)
    assert json_.header("content-type") == "application/json"
    document = {
        "name": NAME,
        "fields": AS_JSON,
        "createTime": "1970-01-01T00:00:10Z",
        "updateTime": "1970-01-01T00:00:20.000001Z",
    }
    read = json.loads(json_.body)
    assert read == {"value": document, "oldValue": document, "updateMask": {"fieldPaths": ["a", "b.c"]}}
    assert str(read["value"]["fields"]["minus zero"]["doubleValue"]) == "-0.0"


def test_the_size_limit_holds_for_the_form_that_is_sent() -> None:
    # Twice these bytes fit as protobuf, and not as base64.
    data = document_data({"b": {"bytes_value": b"x" * 220_000}})
    triggers = (
        DocumentTrigger("written", "users/{id}"),
        DocumentTrigger("written", "users/{id}", content_type="application/json"),
    )
    (protobuf, json_), log, status = asyncio.run(handed(document_request(data), *triggers))
    assert protobuf is not None
    assert json_ is None
    assert status == 202
    assert len(log) == 1
    assert "exceed 512 KB" in log[0]


OBJECT = {
    "kind": "storage#object",
    "id": "my-bucket/a b/1795445579575766",
    "name": "a b",
    "bucket": "my-bucket",
    "generation": "1795445579575766",
    "metageneration": "2",
    "size": "9223372036854775807",
    "componentCount": 3,
    "crc32c": "qTxfkw==",
    "timeCreated": "2026-11-23T14:52:59.575Z",
    "metadata": {"caf\u00e9": "e\u0301"},
    "temporaryHold": True,
}


def object_request(kind: str = "finalized", body: bytes | None = None, **changed: str) -> Request:
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-type": f"google.cloud.storage.object.v1.{kind}",
        "ce-source": "//storage.googleapis.com/projects/_/buckets/my-bucket",
        "ce-subject": "objects/a%20b",
        "ce-bucket": "my-bucket",
        **{key.replace("_", "-"): value for key, value in changed.items()},
        "content-type": "application/json",
        "x-other": "left out",
    }
    data = json.dumps(OBJECT).encode() if body is None else body
    return Request("POST", "/events/storage", "", tuple(attributes.items()), data)


@pytest.mark.parametrize("kind", ["finalized", "deleted", "archived", "metadataUpdated"])
def test_an_object_s_change_goes_to_those_who_listen_for_it_in_that_bucket(kind: str) -> None:
    triggers = (
        ObjectTrigger("finalized", "my-bucket"),
        ObjectTrigger("deleted", "my-bucket"),
        ObjectTrigger("archived", "my-bucket"),
        ObjectTrigger("metadataUpdated", "my-bucket"),
        ObjectTrigger("finalized", "my-bucket-2"),
        ObjectTrigger("deleted", "my-bucke"),
        DocumentTrigger("written", "{all=**}"),
    )
    request = object_request(kind)
    events, _, status = asyncio.run(handed(request, *triggers))
    assert status == 202
    (event,) = [event for event in events if event is not None]
    assert [t.event for t, e in zip(triggers, events, strict=True) if e is not None] == [kind]
    assert event.headers == tuple(pair for pair in request.headers if pair[0] != "x-other")
    assert event.body == request.body


def test_an_object_s_event_comes_as_json_or_as_the_same_in_protobuf() -> None:
    trigger = ObjectTrigger("finalized", "my-bucket", content_type="application/protobuf")
    (event,), _, _ = asyncio.run(handed(object_request(), trigger))
    assert event is not None
    assert event.header("content-type") == "application/protobuf"
    data = storage_v1.StorageObjectData.deserialize(event.body)
    assert (data.name, data.bucket, data.generation) == ("a b", "my-bucket", 1795445579575766)
    assert (data.size, data.component_count, data.temporary_hold) == (2**63 - 1, 3, True)
    assert data.metadata == {"caf\u00e9": "e\u0301"}
    assert data.time_created.rfc3339() == "2026-11-23T14:52:59.575Z"


def test_an_object_s_event_over_the_size_limit_is_dropped_with_a_warning() -> None:
    body = json.dumps({**OBJECT, "metadata": {"k": "v" * 600_000}}).encode()
    (event,), log, status = asyncio.run(
        handed(object_request(body=body), ObjectTrigger("finalized", "my-bucket"))
    )
    assert (event, status) == (None, 204)
    assert "exceed 512 KB" in log[0]


@pytest.mark.parametrize(
    "request_",
    [
        *(object_request(body=body) for body in (b"", b"[]", b"{}", b"\xff", b'{"bucket": 5}', b'{"name": "a"}')),
        object_request("created"),
        object_request(ce_bucket="another"),
        object_request(ce_type="google.cloud.firestore.document.v1.written"),
    ],
)  # fmt: skip
def test_what_is_no_object_event_is_refused(request_: Request) -> None:
    (event,), _, status = asyncio.run(handed(request_, ObjectTrigger("finalized", "my-bucket")))
    assert (event, status) == (None, 400)


def test_data_that_the_message_cannot_hold_is_refused_when_protobuf_is_asked_for() -> None:
    body = json.dumps({**OBJECT, "generation": "many"}).encode()
    trigger = ObjectTrigger("finalized", "my-bucket", content_type="application/protobuf")
    (event,), _, status = asyncio.run(handed(object_request(body=body), trigger))
    assert (event, status) == (None, 400)
