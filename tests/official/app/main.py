"""Functions as an app has them, to be run by the official Functions emulator: each leaves a note of its call."""

from __future__ import annotations

import base64
import json
import os
import uuid
from pathlib import Path
from typing import Any

import firebase_admin
import flask
import functions_framework
from cloudevents.http.event import CloudEvent
from firebase_admin import auth
from google.cloud import firestore
from google.events.cloud.firestore_v1 import DocumentEventData


def note(function: str, **what: Any) -> None:
    folder = Path(os.environ["SEEN_DIR"])
    draft = folder / f".{uuid.uuid4().hex}"
    draft.write_text(json.dumps(what, default=str))
    draft.rename(folder / f"{function}-{uuid.uuid4().hex}.json")


@functions_framework.http
def greet(request: flask.Request) -> flask.typing.ResponseReturnValue:
    """A callable: answers the signed-in user, and writes a document that sets off another function."""
    if not firebase_admin._apps:
        firebase_admin.initialize_app()
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        return {"error": {"status": "UNAUTHENTICATED", "message": "sign in first"}}, 401
    user = auth.verify_id_token(token)
    name = request.get_json()["data"]["name"]
    firestore.Client().collection("greetings").document(user["uid"]).set({"name": name})
    return {"result": {"uid": user["uid"], "role": user.get("role"), "greeting": f"Hello, {name}"}}


@functions_framework.cloud_event
def on_greeting(event: CloudEvent) -> None:
    document_event("on_greeting", event)


@functions_framework.cloud_event
def on_change(event: CloudEvent) -> None:
    document_event("on_change", event)


def document_event(function: str, event: CloudEvent) -> None:
    data = DocumentEventData.deserialize(event.get_data())
    note(
        function,
        attributes=dict(event.get_attributes()),
        value={name: value.string_value for name, value in data.value.fields.items()},
        old={name: value.string_value for name, value in data.old_value.fields.items()},
        changed=list(data.update_mask.field_paths),
    )


@functions_framework.cloud_event
def on_message(event: CloudEvent) -> None:
    message = event.get_data()["message"]
    text = base64.b64decode(message["data"]).decode()
    note("on_message", text=text, attributes=message["attributes"], type=event["type"])


@functions_framework.cloud_event
def on_file(event: CloudEvent) -> None:
    note("on_file", type=event["type"], data=event.get_data())
