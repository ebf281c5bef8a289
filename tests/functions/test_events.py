"""Events as they may arrive: read where they can be, refused with a reason where they cannot."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from functions.event import MAX_MESSAGE_BYTES, document_of, message_of, named
from shared.errors import BadInput


class Event:
    """As functions-framework hands it over."""

    def __init__(self, data: Any, **attributes: str) -> None:
        self.data = data
        self._attributes = attributes

    def get_attributes(self) -> dict[str, str]:
        return self._attributes


def push(text: bytes | None, **message: Any) -> Event:
    body = {"messageId": "42", "publishTime": "2026-11-23T03:00:00.123456789Z", **message}
    if text is not None:
        body["data"] = base64.b64encode(text).decode()
    return Event({"message": body, "subscription": "projects/p/subscriptions/s"}, id="42")


def test_a_message_without_data_is_an_empty_request() -> None:
    assert message_of(push(None)).text == b"{}"
    assert message_of(push(b"")).text == b"{}"


def test_nanoseconds_and_unknown_fields_do_not_disturb() -> None:
    message = message_of(push(b'{"a":1}', somethingNew={"deep": [1]}))
    assert message.text == b'{"a":1}'
    assert message.stable_id.startswith("20261123T030000Z-")


def test_every_delivery_of_a_message_has_the_same_id_and_two_messages_do_not() -> None:
    first, again, other = push(None), push(None, deliveryAttempt=5), push(None, messageId="43")
    assert message_of(first).stable_id == message_of(again).stable_id != message_of(other).stable_id


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-45", None, 5])
def test_a_bad_publish_time_never_becomes_now(time: Any) -> None:
    assert message_of(push(None, publishTime=time)).stable_id.startswith("00000000T000000Z-")


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"bytes",
        [],
        {},
        {"message": None},
        {"message": "text"},
        {"message": {"data": 5}},
        {"message": {"data": "not base64!"}},
        {"message": {"data": "A" * (2 * MAX_MESSAGE_BYTES)}},
    ],
)
def test_what_is_no_message_is_refused(data: Any) -> None:
    with pytest.raises(BadInput):
        message_of(Event(data, id="1"))


def test_an_unnamed_request_gets_the_stable_id_and_a_named_one_keeps_its_own() -> None:
    message = message_of(push(b"{}"))
    assert json.loads(named(message, "backupId", {"type": "automatic"})) == {
        "type": "automatic",
        "backupId": message.stable_id,
    }
    given = b'{"backupId":"mine","type":"manual"}'
    assert json.loads(named(message_of(push(given)), "backupId", {"type": "automatic"})) == json.loads(given)


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"nonsense"])
def test_a_message_that_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadInput):
        named(message_of(push(text)), "backupId")


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("documents/backupRequests/a", "backupRequests/a"),
        ("documents/backupRequests/a%2Fb", "backupRequests/a/b"),
        ("documents/c/Ä%C3%A4", "c/Ää"),
    ],
)
def test_a_firestore_event_names_its_document(subject: str, path: str) -> None:
    assert document_of(Event(b"never read", subject=subject)) == path


@pytest.mark.parametrize("subject", ["", "documents/", "backupRequests/a", "documents"])
def test_an_event_that_names_no_document_is_refused(subject: str) -> None:
    with pytest.raises(BadInput):
        document_of(Event(b"", subject=subject))
