"""Answers that several handlers give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.storage.downloads import hash_header
from emulators.storage.fields import parse_fields, select
from emulators.storage.messages import Request, Response, as_json
from emulators.storage.resources import object_resource

if TYPE_CHECKING:
    from emulators.storage.model import Version
    from emulators.storage.service import Service


def json_answer(request: Request, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A JSON document, or the part of it that `fields` asks for."""
    text = request.query.get("fields")
    return as_json(select(value, parse_fields(text)) if text else value, headers=headers)


def object_answer(service: Service, request: Request, version: Version) -> Response:
    """An object's resource."""
    bucket = service.store.bucket(version.bucket)
    headers = (("ETag", version.etag), ("x-goog-hash", hash_header(version.content)))
    return json_answer(request, object_resource(version, bucket, request.base), headers)
