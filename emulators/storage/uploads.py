"""Uploads of the JSON API: simple, multipart and resumable (https://cloud.google.com/storage/docs/uploads-downloads)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulators.storage import checksums
from emulators.storage.answers import object_answer
from emulators.storage.attributes import writable
from emulators.storage.content import Content
from emulators.storage.messages import Request, Response
from emulators.storage.model import Version
from emulators.storage.multipart import Related
from emulators.storage.names import check_object
from emulators.storage.preconditions import conditions
from emulators.storage.refusal import invalid, required, unsupported
from emulators.storage.service import Service
from emulators.storage.sessions import QUANTUM, Plan, Session
from emulators.storage.store import Draft

_DEFAULT_TYPE = "application/octet-stream"
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")


def receive(service: Service, blocks: Iterator[bytes]) -> Content:
    """A body as content. Nothing stays behind when the client vanishes."""
    spool = service.scratch.spool()
    try:
        for block in blocks:
            if block:
                spool.write(block)
    except BaseException:
        spool.discard()
        raise
    return spool.finish()


def upload(service: Service, request: Request, bucket: str) -> Response:
    """POST (or PUT) …/upload/storage/v1/b/BUCKET/o."""
    refuse_keys(request)
    kind = request.query.get("uploadType", "")
    if "upload_id" in request.query:
        return resume(service, request)
    if kind == "media":
        return _simple(service, request, bucket)
    if kind == "multipart":
        return _multipart(service, request, bucket)
    if kind == "resumable":
        return _begin(service, request, bucket)
    raise required("uploadType") if not kind else invalid(f"Invalid value for uploadType: {kind[:50]}")


def refuse_keys(request: Request) -> None:
    """Customer-supplied encryption keys would have to be checked on every read."""
    if "x-goog-encryption-key" in request.headers or request.query.get("kmsKeyName"):
        raise unsupported("Encryption with a customer's key")


def _with_encoding(request: Request, resource: dict[str, Any]) -> dict[str, Any]:
    encoding = request.query.get("contentEncoding")
    return {**resource, "contentEncoding": encoding} if encoding else resource


def _simple(service: Service, request: Request, bucket: str) -> Response:
    name = check_object(request.query.get("name"))
    resource = {"contentType": request.headers.get("content-type") or _DEFAULT_TYPE}
    sums = checksums.from_headers(request.headers)
    plan = Plan(bucket, name, _with_encoding(request, resource), conditions(request), sums)
    return object_answer(service, request, store(service, plan, request.body.blocks()))


def _multipart(service: Service, request: Request, bucket: str) -> Response:
    related = Related(request.headers.get("content-type", ""), request.body)
    resource = related.resource
    name = check_object(request.query.get("name") or resource.get("name"))
    resource["contentType"] = resource.get("contentType") or related.content_type or _DEFAULT_TYPE
    # A resource and a header may both tell a sum, and both must be right.
    sums = checksums.from_resource(resource)
    plan = Plan(bucket, name, _with_encoding(request, resource), conditions(request), sums)
    service.store.check(plan.bucket, plan.name, plan.conditions)
    content = receive(service, related.blocks())
    checksums.check(content, checksums.from_headers(request.headers))
    return object_answer(service, request, make(service, plan, content))


def store(service: Service, plan: Plan, blocks: Iterator[bytes]) -> Version:
    """Makes the object of a body. Refused before the body is taken when it cannot be made."""
    service.store.check(plan.bucket, plan.name, plan.conditions)
    return make(service, plan, receive(service, blocks))


def make(service: Service, plan: Plan, content: Content) -> Version:
    """Makes the object when its checksums are right."""
    checksums.check(content, plan.sums)
    draft = Draft(plan.name, content, writable(plan.resource), plan.resource.get("storageClass"))
    return service.store.insert(plan.bucket, draft, plan.conditions)


def _begin(service: Service, request: Request, bucket: str) -> Response:
    resource = request.json()
    name = check_object(request.query.get("name") or resource.get("name"))
    kind = resource.get("contentType") or request.headers.get("x-upload-content-type") or _DEFAULT_TYPE
    resource = _with_encoding(request, {**resource, "contentType": kind})
    plan = Plan(bucket, name, resource, conditions(request), checksums.from_resource(resource))
    length = request.headers.get("x-upload-content-length", "")
    session = open_session(service, plan, int(length) if length.isdecimal() else None)
    location = f"{request.base}{request.path}?uploadType=resumable&upload_id={session.identity}"
    return Response(200, [("Location", location), ("X-GUploader-UploadID", session.identity)])


def open_session(service: Service, plan: Plan, total: int | None) -> Session:
    """A new upload, whose resource and conditions are good so far."""
    writable(plan.resource)
    service.store.check(plan.bucket, plan.name, plan.conditions)
    now = service.store.clock()
    session = Session(uuid.uuid4().hex, plan, service.scratch.spool(), total, now)
    service.sessions.add(session)
    return session


def resume(service: Service, request: Request) -> Response:
    """A chunk, a question how far it came, or the end of a resumable upload."""
    session = service.sessions.find(request.query["upload_id"])
    with session.awake():
        if request.method == "DELETE":
            cancel(service, session)
            return Response(499)
        if session.done is not None:
            return object_answer(service, request, session.done)
        complete = _take(request, session)
        if not complete:
            service.sessions.keep(session)
            return progress(session)
        return object_answer(service, request, finish(service, request, session))


def cancel(service: Service, session: Session) -> None:
    if session.done is None:
        session.cancelled = True
        session.spool.discard()
        service.sessions.end(session)


def progress(session: Session) -> Response:
    headers = [("X-GUploader-UploadID", session.identity)]
    if session.size:
        headers.append(("Range", f"bytes=0-{session.size - 1}"))
    return Response(308, headers)


def _take(request: Request, session: Session) -> bool:
    """Stores the chunk. Whether the upload is complete with it."""
    header = request.headers.get("content-range")
    if header is None:
        _append(request, session, 0, None, final=True)
        session.total = session.size
        return True
    first, last, total = _parse_range(header)
    if total is not None:
        if session.total is not None and session.total != total:
            raise invalid(f"The upload's size was announced as {session.total} bytes, and now as {total}.")
        session.total = total
    if first is not None and last is not None:
        size = last - first + 1
        final = total is not None and last + 1 == total
        if not final and size % QUANTUM:
            raise invalid(
                f"Invalid request. The number of bytes uploaded is required to be equal or greater than {QUANTUM}, "
                f"except for the final request (it's recommended to be the exact multiple of {QUANTUM}). The "
                f"received request contained {size} bytes, which does not meet this requirement."
            )
        _append(request, session, first, size, final=final)
    return session.total == session.size and (total is not None)


def _parse_range(header: str) -> tuple[int | None, int | None, int | None]:
    found = _RANGE.fullmatch(header)
    if found is None:
        raise invalid("Failed to parse Content-Range header.")
    first, last = (int(found[1]), int(found[2])) if found[1] else (None, None)
    total = None if found[3] == "*" else int(found[3])
    if first is not None and last is not None and (last < first or (total is not None and last >= total)):
        raise invalid("The Content-Range is not valid.")
    return first, last, total


def _append(request: Request, session: Session, first: int, size: int | None, *, final: bool) -> None:
    if first > session.size:
        raise invalid(f"The chunk begins at {first}, but only {session.size} bytes were received.")
    announced = request.body.size
    if size is not None and announced is not None and announced != size:
        raise invalid(f"There were {announced} byte(s) in the request body, of {size} in its Content-Range.")
    session.append(request.body.blocks(), session.size - first, final=final)


def finish(service: Service, request: Request, session: Session) -> Version:
    """Makes the object of a complete upload. The session ends when its checksums or conditions fail, too."""
    try:
        content = session.spool.finish()
        checksums.check(content, checksums.from_headers(request.headers))
        with service.store.operation():
            made = make(service, session.plan, content)
            # A client may still ask; what it is told must not keep the content of an object that is deleted.
            session.done = replace(made, content=replace(made.content, pieces=()))
            service.sessions.end(session)
    except BaseException:
        session.done, session.cancelled = None, True
        service.sessions.end(session)
        raise
    return made
