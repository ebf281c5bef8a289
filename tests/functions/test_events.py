"""Events as they may arrive: read where they can be, refused with a reason where they cannot."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from functions.event import (
    MAX_MESSAGE_BYTES,
    ObjectPointer,
    document_of,
    message_of,
    named,
    object_of,
)
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


def stored(**changed: Any) -> Event:
    data = {"bucket": "my-bucket", "name": "a/b.txt", "generation": "1795445579575766", **changed}
    return Event({key: value for key, value in data.items() if value is not ...}, id="1")


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b",
        "/",
        "//",
        "./a",
        "...",
        "a b",
        "caf\u00e9",
        "cafe\u0301",
        "\U0001f600",
        "\x00",
        "x" * 1024,
        "%2F",
    ],
)
def test_an_object_event_names_one_generation_exactly(name: str) -> None:
    assert object_of(stored(name=name)) == ObjectPointer("my-bucket", name, 1795445579575766)


@pytest.mark.parametrize(("generation", "number"), [("1", 1), (7, 7), (str(2**63 - 1), 2**63 - 1)])
def test_a_generation_has_64_bits(generation: Any, number: int) -> None:
    assert object_of(stored(generation=generation)).generation == number


def test_what_else_an_object_event_holds_is_not_looked_at() -> None:
    event = stored(size="no number", metadata=5, somethingNew={"deep": [1]})
    assert object_of(event).name == "a/b.txt"


@pytest.mark.parametrize("data", [None, b"\x0a\x00", "text", [], 5, {}])
def test_what_is_no_object_event_is_refused(data: Any) -> None:
    with pytest.raises(BadInput):
        object_of(Event(data, id="1"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("bucket", value)
            for value in (..., None, 5, "", "ab", "A-Bucket", "../up", "a/b", "-ab", "b" * 223, "abc\n")
        ),
        *(
            ("name", value)
            for value in (..., None, 5, "", ".", "..", "a\nb", "a\rb", "\ud800", "x" * 1025, "\u00e9" * 513)
        ),
        *(
            ("generation", value)
            for value in (..., None, "", "0", 0, "-1", -1, "1.0", 1.5, True, "1e3", " 1", "٣")
        ),
        *(("generation", value) for value in (str(2**63), 2**63, "9" * 40, [], {})),
    ],
)
def test_an_object_event_with_a_bad_field_is_refused_by_the_field_s_name(field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=f"`{field}`"):
        object_of(stored(**{field: value}))
