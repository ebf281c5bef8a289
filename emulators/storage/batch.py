"""Batch requests: many small JSON calls in one `multipart/mixed`, each answered on its own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus

from emulators.storage.inlet import Body, Inlet, parse_headers
from emulators.storage.messages import Request, Response, refused_json, split_target
from emulators.storage.refusal import Refused, invalid

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_BODY_MOST = 10 << 20
_CALLS_MOST = 1000


def batch(request: Request, handle: Callable[[Request], Response]) -> Response:
    """Answers each call by `handle`, in order. Uploads and downloads are refused, as in the service."""
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None:
        raise invalid("A batch request names its boundary in the Content-Type.")
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
    sections = (b"\n" + request.body.read(_BODY_MOST).replace(b"\r\n", b"\n")).split(b"\n" + delimiter)[1:]
    calls = [section for section in sections if not section.startswith(b"--")]
    if len(calls) > _CALLS_MOST:
        raise invalid(f"The batch request has {len(calls)} calls, of at most {_CALLS_MOST}.")
    boundary = f"batch_{uuid.uuid4().hex}"
    parts = [_answered(call, request, handle, boundary) for call in calls]
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return Response(200, [("Content-Type", f"multipart/mixed; boundary={boundary}")], body)


def _answered(
    section: bytes, request: Request, handle: Callable[[Request], Response], boundary: str
) -> bytes:
    identity = ""
    try:
        head, _, call = section.lstrip(b"\n").partition(b"\n\n")
        identity = parse_headers(_lines(head)).get("content-id", "")
        answer = handle(_parse(call, request))
    except Refused as refusal:
        answer = refused_json(refusal)
    return _part(answer, identity, boundary)


def _lines(head: bytes) -> list[str]:
    return [line for line in head.decode("latin-1").split("\n") if line.strip()]


def _parse(call: bytes, request: Request) -> Request:
    head, _, body = call.lstrip(b"\n").partition(b"\n\n")
    lines = _lines(head)
    words = lines[0].split(" ") if lines else []
    if len(words) < 2:
        raise invalid("A part of the batch request is not an HTTP request.")
    path, pairs = split_target(words[1])
    if path.startswith(("/upload/", "/download/", "/batch")) or ("alt", "media") in pairs:
        raise invalid("Uploads, downloads and batches cannot be part of a batch request.")
    headers = {"host": request.headers.get("host", "localhost"), **parse_headers(lines[1:])}
    return Request(words[0], path, pairs, headers, Body(Inlet(None, body), len(body)))


def _part(answer: Response, identity: str, boundary: str) -> bytes:
    assert isinstance(answer.body, bytes)
    inner = identity.strip("<>")
    reason = HTTPStatus(answer.status).phrase
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <response-{inner}>\r\n\r\n"
        f"HTTP/1.1 {answer.status} {reason}\r\n{headers}Content-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + answer.body + b"\r\n"
