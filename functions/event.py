"""CloudEvents as they arrive: the message of a Pub/Sub push, the document or stored object an event is about.

Parsed here and not by a framework, because a push without data, with a field nobody knows or with nanoseconds in
a time must not be redelivered for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from shared.errors import BadInput

MAX_MESSAGE_BYTES = 1_000_000
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z")
_DOCUMENT = re.compile(r"documents/(.+)")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_GENERATION = re.compile(r"[1-9][0-9]{0,18}")
MAX_OBJECT_NAME_BYTES = 1024


class CloudEvent(Protocol):
    """What functions-framework hands over."""

    data: Any

    def get_attributes(self) -> Any: ...


@dataclass(frozen=True)
class Message:
    """A Pub/Sub message: its JSON text, and an id that is the same for every delivery of it."""

    text: bytes
    stable_id: str
    """`YYYYMMDDTHHMMSSZ-` and eight hex digits, from the publish time and the message's id."""


@dataclass(frozen=True)
class ObjectPointer:
    """One generation of a stored object: which one to look at, never what it holds."""

    bucket: str
    name: str
    generation: int


def message_of(event: CloudEvent) -> Message:
    """The message of a push. BadInput when there is none, or it is longer than we read."""
    body = event.data
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict):
        raise BadInput("the event holds no Pub/Sub message", hint="check what publishes to this topic")
    return Message(_text(message.get("data", "")), _stable_id(message, event))


def named(message: Message, field: str, defaults: Mapping[str, str] = {}) -> bytes:  # not changed
    """The message's JSON; one without `field` gets the stable id there, and `defaults` for what else it lacks."""
    try:
        request = json.loads(message.text)
    except ValueError:
        raise BadInput("the message is not JSON", hint="publish a request such as {}") from None
    if isinstance(request, dict) and field not in request:
        request = {**defaults, **request, field: message.stable_id}
    return json.dumps(request).encode()


def document_of(event: CloudEvent) -> str:
    """The path of the document a Firestore event is about; its content is never read from the event."""
    attributes = event.get_attributes()
    found = _DOCUMENT.fullmatch(str(attributes.get("subject", "")))
    if found is None:
        raise BadInput("the event does not name a document", hint="its subject must be documents/PATH")
    return unquote(found[1])


def object_of(event: CloudEvent) -> ObjectPointer:
    """The object a Cloud Storage event with JSON data is about. BadInput for one that is none of a bucket's."""
    data = event.data
    if not isinstance(data, dict):
        raise BadInput("the event's data is no JSON object", hint="have the trigger send application/json")
    bucket, name, generation = data.get("bucket"), data.get("name"), data.get("generation")
    if not isinstance(bucket, str) or _BUCKET.fullmatch(bucket) is None:
        raise BadInput(
            "the event's `bucket` is not the name of a bucket", hint="check what sends to this function"
        )
    if not isinstance(name, str) or not _is_object_name(name):
        raise BadInput(
            "the event's `name` is not the name of an object", hint="check what sends to this function"
        )
    return ObjectPointer(bucket, name, _generation(generation))


def _generation(value: object) -> int:
    """JSON has it as text, since it has 64 bits; some libraries make a number of it."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _GENERATION.fullmatch(text) is None or int(text) >= 1 << 63:
        raise BadInput("the event's `generation` is not a positive number of 64 bits")
    return int(text)


def _is_object_name(name: str) -> bool:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 1 <= size <= MAX_OBJECT_NAME_BYTES and name not in {".", ".."} and not {"\r", "\n"} & {*name}


def _text(data: object) -> bytes:
    if not isinstance(data, str) or len(data) > MAX_MESSAGE_BYTES * 4 // 3:
        raise BadInput("the message's data is no text or too long", hint=f"at most {MAX_MESSAGE_BYTES} bytes")
    try:
        return base64.b64decode(data, validate=True) or b"{}"
    except binascii.Error:
        raise BadInput("the message's data is not base64") from None


def _stable_id(message: dict[str, Any], event: CloudEvent) -> str:
    name = str(message.get("messageId") or message.get("message_id") or event.get_attributes().get("id", ""))
    published = str(message.get("publishTime") or message.get("publish_time") or "")
    found = _TIME.fullmatch(published)
    stamp = "{}{}{}T{}{}{}Z".format(*found.groups()[:6]) if found else "00000000T000000Z"
    return f"{stamp}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
