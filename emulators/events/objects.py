"""What a Cloud Storage event is about, and the event as its listener asked for it.

It comes in with `google.events.cloud.storage.v1.StorageObjectData` as JSON, which is what the service sends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf import json_format

if TYPE_CHECKING:
    from emulators.host.messages import Request
    from functions.table import ObjectTrigger

_TYPES = frozenset(
    f"google.cloud.storage.object.v1.{kind}"
    for kind in ("finalized", "deleted", "archived", "metadataUpdated")
)


@dataclass(frozen=True)
class ObjectChange:
    type: str
    bucket: str


def read_object(request: Request) -> ObjectChange:
    """Raises ValueError for what is no such event."""
    kind = request.header("ce-type")
    if kind not in _TYPES:
        raise ValueError("its type is none of an object's")
    data = json.loads(request.body)
    if not isinstance(data, dict) or not isinstance(data.get("bucket"), str) or not data.get("name"):
        raise ValueError("it does not say which object it is about")
    if request.header("ce-bucket") != data["bucket"]:
        raise ValueError("its attributes name another bucket than its data")
    return ObjectChange(kind, data["bucket"])


def object_event(request: Request, trigger: ObjectTrigger) -> Request:
    """The event that a function with this trigger gets."""
    attributes = tuple((key, value) for key, value in request.headers if key.startswith("ce-"))
    protobuf = trigger.content_type == "application/protobuf"
    return replace(
        request,
        method="POST",
        path="/",
        query="",
        headers=(*attributes, ("content-type", trigger.content_type)),
        body=_protobuf(request.body) if protobuf else request.body,
    )


def _protobuf(body: bytes) -> bytes:
    # Here, because only a function that asks for it needs it.
    from google.events.cloud.storage_v1 import StorageObjectData

    try:
        message = json_format.Parse(body, StorageObjectData.pb()())
    except json_format.ParseError as problem:
        raise ValueError("its data is not an object's") from problem
    return bytes(message.SerializeToString(deterministic=True))
