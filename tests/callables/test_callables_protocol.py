"""The wire protocol: what is no call is told so, and every answer has the form that the clients expect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.callable.protocol import (
    MAX_BODY_BYTES,
    STATUSES,
    Call,
    CallError,
    app_token_of,
    data_of,
    failed,
    preflight,
    succeeded,
    token_of,
)

JSON = {"content-type": "application/json"}


def post(body: bytes, **headers: str) -> Call:
    return Call("POST", "/x", {**JSON, **headers}, body)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"data": {"a": 1}}', {"a": 1}),
        (b'{"data": null}', {}),
        (b'{"data": []}', []),
        (b'{"data": "text"}', "text"),
        ('{"data": {"é": "e\u0301"}}'.encode(), {"é": "e\u0301"}),
        (b' {"data" : {"n": 9007199254740993}} ', {"n": 9007199254740993}),
        (b'{"data": {"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "-5"}}', -5),
        (b'{"data": [{"@type": "type.googleapis.com/google.protobuf.UInt64Value", "value": "7"}]}', [7]),
        (b'{"data": {"@type": "something", "value": "7"}}', {"@type": "something", "value": "7"}),
    ],
)
def test_the_data_of_a_call_are_read(body: bytes, data: Any) -> None:
    assert json.loads(data_of(post(body))) == data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"data"',
        b'{"data": 1, "more": 2}',
        b'{"Data": 1}',
        b'{"data": 1, "data": 2}',
        b'{"data": {"a": 1, "a": 2}}',
        b'{"data": NaN}',
        b'{"data": 1e999}',
        b'{"data": -Infinity}',
        b'{"data": ' + b"9" * 5000 + b"}",
        b'{"data": "\xff"}',
        b'\xef\xbb\xbf{"data": 1}',
        '{"data": 1}'.encode("utf-16"),
        b'{"data": 1',
        b'{"data": 1} {}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b" " * (MAX_BODY_BYTES + 1),
    ],
    ids=range(21),
)
def test_a_body_that_is_no_call_is_an_invalid_argument(body: bytes) -> None:
    with pytest.raises(CallError) as refused:
        data_of(post(body))
    assert refused.value.status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "post"])
def test_only_post_calls(method: str) -> None:
    with pytest.raises(CallError, match="POST"):
        data_of(Call(method, "/x", JSON, b'{"data": 1}'))


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        " application/json ",
    ],
)
def test_json_in_utf_8_is_taken(kind: str) -> None:
    assert data_of(post(b'{"data": 1}', **{"content-type": kind})) == b"1"


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
    ],
)
def test_another_content_type_is_refused(kind: str) -> None:
    with pytest.raises(CallError, match="content type"):
        data_of(post(b'{"data": 1}', **{"content-type": kind}))


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer é", "abc"])
def test_a_call_without_a_token_is_unauthenticated(value: str) -> None:
    with pytest.raises(CallError) as refused:
        token_of(post(b"", authorization=value))
    assert refused.value.status == "UNAUTHENTICATED"


def test_tokens_are_taken_from_their_headers() -> None:
    call = post(b"", **{"authorization": "bearer a.b-c_d.e=", "x-firebase-appcheck": " x.y.z "})
    assert (token_of(call), app_token_of(call), app_token_of(post(b""))) == ("a.b-c_d.e=", "x.y.z", "")


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_has_its_canonical_status_twice(status: str) -> None:
    answer = failed(CallError(status, "why", {"a": 1}))
    assert answer.status == STATUSES[status]
    assert json.loads(answer.body) == {"error": {"status": status, "message": "why", "details": {"a": 1}}}
    assert json.loads(failed(CallError(status, "why")).body) == {
        "error": {"status": status, "message": "why"}
    }


def test_a_result_is_told_as_one() -> None:
    answer = succeeded({"é": [1, None]})
    assert (answer.status, json.loads(answer.body)) == (200, {"result": {"é": [1, None]}})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_browsers_of_every_origin_may_send_what_the_sdk_sends_and_no_cookies() -> None:
    answer = preflight()
    assert answer.status == 204
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-firebase-appcheck", "firebase-instance-id-token"} == set(
        allowed
    )
    for answer in (preflight(), succeeded(1), failed(CallError("INTERNAL", ""))):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
