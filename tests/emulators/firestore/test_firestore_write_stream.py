from __future__ import annotations

import queue
from collections.abc import Iterator

import grpc
import pytest
from firestore_helpers import ROOT, everything, name, put, query, refused
from google.cloud import firestore
from google.cloud.firestore_v1.types import Write, WriteRequest, WriteResponse
from grpc import StatusCode

ONE = {"n": {"integer_value": 1}}


class Writer:
    """A raw Write stream."""

    def __init__(self, client: firestore.Client) -> None:
        self._requests: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        channel = client._firestore_api.transport.grpc_channel
        call = channel.stream_stream(
            "/google.firestore.v1.Firestore/Write", WriteRequest.serialize, WriteResponse.deserialize
        )
        self.answers: grpc.Call = call(iter(self._requests.get, None))

    def send(self, request: WriteRequest) -> WriteResponse:
        self._requests.put(request)
        answer: WriteResponse = next(self.answers)
        return answer

    def end(self) -> None:
        self._requests.put(None)


@pytest.fixture
def writer(client: firestore.Client) -> Iterator[Writer]:
    made = Writer(client)
    yield made
    made.end()
    made.answers.cancel()


HELLO = WriteRequest(database=ROOT)


def test_a_stream_begins_with_a_handshake_and_commits_request_by_request(
    client: firestore.Client, writer: Writer
) -> None:
    hello = writer.send(HELLO)
    assert hello.stream_id and hello.stream_token and not hello.write_results
    first = writer.send(WriteRequest(stream_token=hello.stream_token, writes=[put("C/a", ONE), put("C/b")]))
    assert len(first.write_results) == 2 and first.stream_token != hello.stream_token
    assert first.commit_time == first.write_results[0].update_time
    assert client.document("C/a").get().update_time == first.commit_time
    second = writer.send(WriteRequest(stream_token=first.stream_token, writes=[Write(delete=name("C/b"))]))
    assert second.commit_time > first.commit_time
    assert query(client, everything()) == ["C/a"]
    writer.end()
    assert list(writer.answers) == []


def test_several_requests_may_be_under_way_with_the_last_token_seen(
    client: firestore.Client, writer: Writer
) -> None:
    token = writer.send(HELLO).stream_token
    answers = [writer.send(WriteRequest(stream_token=token, writes=[put(f"C/{n}")])) for n in range(5)]
    assert len({answer.stream_token for answer in answers}) == 5
    assert len(query(client, everything())) == 5


def test_a_request_that_is_refused_ends_the_stream_and_leaves_what_was_before(
    client: firestore.Client, writer: Writer
) -> None:
    token = writer.send(HELLO).stream_token
    token = writer.send(WriteRequest(stream_token=token, writes=[put("C/a")])).stream_token
    wrong = put("C/b", current_document={"exists": True})
    with refused(StatusCode.NOT_FOUND, "No document to update"):
        writer.send(WriteRequest(stream_token=token, writes=[put("C/c"), wrong]))
    assert query(client, everything()) == ["C/a"]


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (WriteRequest(database=ROOT, writes=[put("C/a")]), StatusCode.INVALID_ARGUMENT),
        (WriteRequest(database="nonsense"), StatusCode.INVALID_ARGUMENT),
        (WriteRequest(database=ROOT, stream_id="x", stream_token=b"y"), StatusCode.UNIMPLEMENTED),
    ],
)
def test_a_handshake_that_is_none_is_refused(writer: Writer, first: WriteRequest, code: StatusCode) -> None:
    with refused(code):
        writer.send(first)


@pytest.mark.parametrize("token", [b"", b"x", (9).to_bytes(8, "big")])
def test_a_token_of_elsewhere_is_refused(client: firestore.Client, writer: Writer, token: bytes) -> None:
    writer.send(HELLO)
    with refused(StatusCode.INVALID_ARGUMENT, "token"):
        writer.send(WriteRequest(stream_token=token, writes=[put("C/a")]))
    assert query(client, everything()) == []


def test_requests_above_ten_mebibytes_are_refused(client: firestore.Client, writer: Writer) -> None:
    token = writer.send(HELLO).stream_token
    large = [put(f"C/{n}", {"x": {"bytes_value": bytes(1 << 19)}}) for n in range(21)]
    with refused(StatusCode.INVALID_ARGUMENT, "payload size"):
        writer.send(WriteRequest(stream_token=token, writes=large))
    assert query(client, everything()) == []
