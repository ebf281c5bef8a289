"""The endpoint of the Firebase client SDKs, `/v0/b/BUCKET/o/…`: upload, download by token, metadata, list, delete.

Security rules are not evaluated: a download that brings a token must bring the right one, everything else is let in.
"""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import quote

from emulators.storage import checksums, uploads
from emulators.storage.answers import json_answer
from emulators.storage.attributes import writable
from emulators.storage.downloads import media
from emulators.storage.listing import encode_token, list_page, list_query
from emulators.storage.messages import Request, Response
from emulators.storage.model import Version
from emulators.storage.multipart import Related
from emulators.storage.names import check_object
from emulators.storage.preconditions import Conditions
from emulators.storage.refusal import Refused, forbidden, invalid
from emulators.storage.resources import object_resource
from emulators.storage.service import Service
from emulators.storage.sessions import QUANTUM, Plan, Session

TOKENS = "firebaseStorageDownloadTokens"
_DEFAULT_TYPE = "application/octet-stream"
_FIELDS = (
    "name", "bucket", "generation", "metageneration", "contentType", "timeCreated", "updated", "storageClass",
    "size", "md5Hash", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "crc32c", "etag",
)  # fmt: skip


def _answer(service: Service, request: Request, version: Version, *headers: tuple[str, str]) -> Response:
    """The resource as the client SDKs know it: the tokens stand beside the custom metadata."""
    full = object_resource(version, service.store.bucket(version.bucket), request.base)
    resource = {name: full[name] for name in _FIELDS if name in full}
    metadata = dict(full.get("metadata", {}))
    resource["downloadTokens"] = metadata.pop(TOKENS, "")
    resource.setdefault("contentEncoding", "identity")
    resource.setdefault("contentDisposition", f"inline; filename*=utf-8''{version.name.rsplit('/', 1)[-1]}")
    if metadata:
        resource["metadata"] = metadata
    return json_answer(request, resource, headers)


def get(service: Service, request: Request, bucket: str, name: str) -> Response:
    version = service.store.find(bucket, name)
    token = request.query.get("token")
    if token and token not in version.attributes.get("metadata", {}).get(TOKENS, "").split(","):
        raise forbidden("Permission denied.")
    if request.query.get("alt") == "media":
        return media(request, version)
    return _answer(service, request, version)


def patch(service: Service, request: Request, bucket: str, name: str) -> Response:
    changes = writable(_without_tokens(request.json()), keep_none=True)
    return _answer(service, request, service.store.patch(bucket, name, None, Conditions(), changes))


def _without_tokens(resource: dict[str, Any]) -> dict[str, Any]:
    """Clients cannot choose the tokens."""
    if isinstance(resource.get("metadata"), dict):
        resource["metadata"] = {key: text for key, text in resource["metadata"].items() if key != TOKENS}
    return resource


def delete(service: Service, _request: Request, bucket: str, name: str) -> Response:
    service.store.delete(bucket, name)
    return Response(204)


def list_objects(service: Service, request: Request, bucket: str) -> Response:
    with service.store.lock:
        page = list_page(service.store.bucket(bucket), list_query(request))
    document: dict[str, Any] = {
        "prefixes": page.prefixes,
        "items": [{"name": each.name, "bucket": bucket} for each in page.items],
    }
    if page.next is not None:
        document["nextPageToken"] = encode_token(page.next)
    return json_answer(request, document)


def post(service: Service, request: Request, bucket: str, name: str | None = None) -> Response:
    """An upload: multipart, simple, or resumable by X-Goog-Upload-Command."""
    if "upload_id" in request.query:
        return _resume(service, request)
    protocol = request.headers.get("x-goog-upload-protocol")
    name = check_object(name or request.query.get("name"))
    if protocol == "resumable":
        return _begin(service, request, bucket, name)
    if protocol == "multipart":
        related = Related(request.headers.get("content-type", ""), request.body)
        resource, kind, blocks = related.resource, related.content_type, related.blocks()
    elif protocol in {None, "raw"}:
        resource, kind, blocks = {}, request.headers.get("content-type"), request.body.blocks()
    else:
        raise invalid(f"Invalid value for X-Goog-Upload-Protocol: {protocol[:50]}")
    sums = checksums.from_headers(request.headers)
    plan = Plan(bucket, name, _with_token(resource, kind), Conditions(), sums)
    return _answer(service, request, uploads.store(service, plan, blocks))


def _with_token(resource: dict[str, Any], kind: str | None) -> dict[str, Any]:
    resource = _without_tokens(resource)
    metadata = {**(resource.get("metadata") or {}), TOKENS: str(uuid.uuid4())}
    return {
        **resource,
        "contentType": resource.get("contentType") or kind or _DEFAULT_TYPE,
        "metadata": metadata,
    }


def _begin(service: Service, request: Request, bucket: str, name: str) -> Response:
    if request.headers.get("x-goog-upload-command") != "start":
        raise invalid("A resumable upload begins with the X-Goog-Upload-Command start.")
    kind = request.headers.get("x-goog-upload-header-content-type")
    resource = _with_token(request.json(), kind)
    session = uploads.open_session(service, Plan(bucket, name, resource, Conditions(), {}), None)
    url = f"{request.base}{request.path}?name={quote(name, safe='')}&upload_id={session.identity}"
    headers = [
        ("X-Goog-Upload-URL", url),
        ("X-Goog-Upload-Control-URL", url),
        ("X-Goog-Upload-Chunk-Granularity", str(QUANTUM)),
        ("X-Goog-Upload-Status", "active"),
    ]
    return Response(200, headers)


def _resume(service: Service, request: Request) -> Response:
    session = service.sessions.find(request.query["upload_id"])
    commands = set(re.split(r"[,\s]+", request.headers.get("x-goog-upload-command", "").strip()))
    with session.awake():
        if "cancel" in commands:
            uploads.cancel(service, session)
            return Response(200, [("X-Goog-Upload-Status", "cancelled")])
        if "upload" in commands and session.done is None:
            _append(request, session, final="finalize" in commands)
        if "finalize" in commands or session.done is not None:
            done = session.done or uploads.finish(service, request, session)
            return _answer(service, request, done, ("X-Goog-Upload-Status", "final"))
        service.sessions.keep(session)
        size = str(session.size)
        return Response(200, [("X-Goog-Upload-Status", "active"), ("X-Goog-Upload-Size-Received", size)])


def _append(request: Request, session: Session, *, final: bool) -> None:
    offset = request.headers.get("x-goog-upload-offset", "0")
    if not offset.isdecimal() or int(offset) > session.size:
        raise Refused(400, "invalid", f"The upload goes on at byte {session.size}.")
    session.append(request.body.blocks(), session.size - int(offset), final=final)
