"""An event tells which document it is about, whatever the transport did to the name; nothing else is believed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from cloudevents.http import CloudEvent
from firestore_data import IDS
from firestore_rig import source

from shared.errors import BadInput
from shared.format.key import key_of_path

SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
HERE = {"project": "demo-p", "database": "(default)"}


def decode(attributes: dict[str, Any]) -> bytes:
    return source("127.0.0.1:1", "demo-p").decode(attributes)


def about(path: str) -> dict[str, Any]:
    return {**HERE, "subject": f"documents/{path}", "document": path}


@pytest.mark.parametrize("name", IDS)
def test_a_name_encoded_as_cloudevents_asks_is_decoded(name: str) -> None:
    assert decode(about(quote(f"a/{name}", safe=SAFE))) == key_of_path(f"a/{name}")


@pytest.mark.parametrize("name", [name for name in IDS if "%20" not in name])
def test_a_name_sent_as_raw_bytes_and_read_as_latin1_is_put_right(name: str) -> None:
    assert decode(about(f"a/{name}".encode().decode("latin-1"))) == key_of_path(f"a/{name}")


@pytest.mark.parametrize("name", ["é", "日本", "😀", "ÿ", "a/b/é"])
def test_a_name_that_arrives_right_is_left_alone(name: str) -> None:
    path = name if "/" in name else f"a/{name}"
    if "/b/" in path:
        path += "/x"
    assert decode(about(path)) == key_of_path(path)


def test_an_event_of_the_sdk_is_read_by_its_attributes_and_never_its_body() -> None:
    attributes = {
        "type": "google.cloud.firestore.document.v1.written",
        "source": "//firestore.googleapis.com/projects/demo-p/databases/(default)",
        "subject": "documents/a/b",
    }
    assert source("127.0.0.1:1", "demo-p").decode(CloudEvent(attributes, b"\xff not parsed")) == key_of_path(
        "a/b"
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {}, HERE, {"subject": "documents/a/b"}, about("a"), about("a/b/c"), about("a//b"), about("a/.."),
        about("a/__reserved__"), about("a/%FF"), {**about("a/b"), "project": "other"},
        {**about("a/b"), "project": ""}, {**about("a/b"), "database": "other"}, {**about("a/b"), "document": "a/c"},
        {**about("a/b"), "subject": "a/b"}, {**about("a/b"), "subject": 5},
        {**about("a/b"), "source": "//firestore.googleapis.com/projects/demo-p/databases/other"},
    ],
)  # fmt: skip
def test_an_event_about_something_else_or_that_contradicts_itself_is_refused(
    attributes: dict[str, Any],
) -> None:
    with pytest.raises(BadInput):
        decode(attributes)


@pytest.mark.parametrize("event", [None, b"x", 5, object()])
def test_what_is_no_event_is_refused(event: object) -> None:
    with pytest.raises(BadInput):
        source("127.0.0.1:1", "demo-p").decode(event)
