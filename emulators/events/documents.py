"""A Firestore event as its listener asked for it.

It comes in as `…document.v1.written` with `google.events.cloud.firestore.v1.DocumentEventData` as protobuf and the
attributes of the auth context.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf import json_format

if TYPE_CHECKING:
    from emulators.host.messages import Request
    from functions.table import DocumentTrigger

_AUTH_CONTEXT = frozenset({"ce-authtype", "ce-authid"})


def document_event(request: Request, trigger: DocumentTrigger) -> Request:
    """The event that a function with this trigger gets: of its type, as JSON or protobuf, saying who or not."""
    dropped = {"ce-type"} if trigger.auth_context else {"ce-type", *_AUTH_CONTEXT}
    attributes = tuple(
        (key, value) for key, value in request.headers if key.startswith("ce-") and key not in dropped
    )
    json = trigger.content_type == "application/json"
    return replace(
        request,
        method="POST",
        path="/",
        query="",
        headers=(("ce-type", trigger.type), *attributes, ("content-type", trigger.content_type)),
        body=_json(request.body) if json else request.body,
    )


def _json(body: bytes) -> bytes:
    # Here, because only a function that asks for it needs it.
    from google.events.cloud.firestore_v1 import DocumentEventData

    return json_format.MessageToJson(DocumentEventData.pb().FromString(body), indent=None).encode()
