"""The XML API's multipart uploads: parts in any order and at once, joined when the client says so."""

from __future__ import annotations

import re
import threading
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from emulators.storage import checksums, uploads, xml_api
from emulators.storage.attributes import writable
from emulators.storage.content import Content, join
from emulators.storage.downloads import hash_header
from emulators.storage.messages import Request, Response, as_xml
from emulators.storage.preconditions import Conditions
from emulators.storage.refusal import Refused, invalid, unsupported
from emulators.storage.service import Service
from emulators.storage.store import Draft

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_PARTS_MOST = 10_000
_SMALLEST = 5 << 20
_BODY_MOST = 4 << 20


@dataclass
class PartedUpload:
    """An upload under way; a part that comes again replaces the former one."""

    bucket: str
    name: str
    resource: dict[str, Any]
    conditions: Conditions
    parts: dict[int, Content] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def parted(service: Service, request: Request, bucket: str, name: str) -> Response:
    """Begin (POST ?uploads), part (PUT), complete (POST), abort (DELETE)."""
    if request.method == "POST" and "uploads" in request.query:
        return _begin(service, request, bucket, name)
    identity = request.query.get("uploadId", "")
    with service.lock:
        upload = service.parted.get(identity)
    if upload is None or (upload.bucket, upload.name) != (bucket, name):
        raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
    if request.method == "PUT":
        return _part(service, request, upload)
    if request.method == "POST":
        return _complete(service, request, upload, identity)
    if request.method == "DELETE":
        _end(service, identity)
        return Response(204)
    raise unsupported("Listing the parts of an upload")


def _end(service: Service, identity: str) -> None:
    with service.lock:
        service.parted.pop(identity, None)


def _begin(service: Service, request: Request, bucket: str, name: str) -> Response:
    resource = xml_api.header_resource(request)
    writable(resource)
    conditions = xml_api.header_conditions(request)
    service.store.check(bucket, name, conditions)
    identity = uuid.uuid4().hex
    with service.lock:
        service.parted[identity] = PartedUpload(bucket, name, resource, conditions)
    return as_xml(
        f"<InitiateMultipartUploadResult xmlns='{_NAMESPACE}'><Bucket>{bucket}</Bucket><Key>{escape(name)}</Key>"
        f"<UploadId>{identity}</UploadId></InitiateMultipartUploadResult>"
    )


def _part(service: Service, request: Request, upload: PartedUpload) -> Response:
    number = request.number("partNumber") or 0
    if not 1 <= number <= _PARTS_MOST:
        raise invalid(f"The partNumber is from 1 to {_PARTS_MOST}.")
    sums = checksums.from_headers(request.headers)
    content = uploads.receive(service, request.body.blocks())
    checksums.check(content, sums)
    with upload.lock:
        upload.parts[number] = content
    return Response(200, [("ETag", _etag(content)), ("x-goog-hash", hash_header(content))])


def _etag(content: Content) -> str:
    return f'"{(content.md5 or b"").hex()}"'


def _complete(service: Service, request: Request, upload: PartedUpload, identity: str) -> Response:
    listed = _listed(request.body.read(_BODY_MOST))
    with upload.lock:
        content = join([_chosen(upload, number, etag) for number, etag in listed])
    if any(upload.parts[number].size < _SMALLEST for number, _ in listed[:-1]):
        raise Refused(400, "EntityTooSmall", "A part other than the last is smaller than 5 MiB.")
    conditions = upload.conditions
    own = xml_api.header_conditions(request)
    draft = Draft(upload.name, content, writable(upload.resource), upload.resource.get("storageClass"))
    version = service.store.insert(upload.bucket, draft, own if own != Conditions() else conditions)
    _end(service, identity)
    answer = as_xml(
        f"<CompleteMultipartUploadResult xmlns='{_NAMESPACE}'>"
        f"<Bucket>{upload.bucket}</Bucket><Key>{escape(upload.name)}</Key>"
        f"<ETag>{escape(xml_api.etag(version))}</ETag></CompleteMultipartUploadResult>"
    )
    answer.headers += xml_api.made(version).headers
    return answer


def _listed(body: bytes) -> list[tuple[int, str]]:
    """The parts that the client names: ascending numbers, each with its ETag."""
    try:
        root = ET.fromstring(re.sub(rb'\sxmlns="[^"]*"', b"", body))
        parts = [
            (int(each.findtext("PartNumber", "")), each.findtext("ETag", "")) for each in root.iter("Part")
        ]
    except (ET.ParseError, ValueError):
        raise Refused(400, "MalformedXML", "The list of parts is not valid XML.") from None
    numbers = [number for number, _ in parts]
    if not parts or numbers != sorted(set(numbers)):
        raise Refused(400, "InvalidPartOrder", "The parts must be named once each, in ascending order.")
    return parts


def _chosen(upload: PartedUpload, number: int, etag: str) -> Content:
    content = upload.parts.get(number)
    if content is None or etag.strip('"') != _etag(content).strip('"'):
        raise Refused(400, "InvalidPart", f"Part {number} was not found, or its ETag is another.")
    return content
