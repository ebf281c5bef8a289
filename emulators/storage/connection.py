"""One connection: requests read, handled and answered one after the other, on a thread of its own.

A blocking thread reads a body straight into whole blocks and sends a file with one system call, which an event
loop in Python cannot; there are about as many threads as a client's pool has connections.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import NoReturn

from emulators.storage.inlet import Body, Cut, Head, Inlet, body_size
from emulators.storage.messages import Request, Response, Span, Torn, refused_json, split_target
from emulators.storage.refusal import Refused
from shared.errors import FirekeepError, StorageFull

Handle = Callable[[Request], Response]
_log = logging.getLogger("emulators.storage")
_TOGETHER = 256 * 1024  # a body up to this size is sent in one piece with its head
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}
_BODILESS = frozenset({204, 304})


def serve(sock: socket.socket, handle: Handle) -> None:
    """Until the client or the server closes the connection."""
    inlet = Inlet(sock)
    try:
        while _exchange(sock, inlet, handle):
            continue
    except (Cut, OSError):
        _log.debug("a client closed its connection early")
    finally:
        sock.close()


def _exchange(sock: socket.socket, inlet: Inlet, handle: Handle) -> bool:
    """One request and its answer. Whether another may follow."""
    try:
        head = inlet.head()
        if head is None:
            return False
        request = _request(sock, inlet, head)
    except Refused as refusal:
        _send(sock, "GET", refused_json(refusal), last=True)
        return False
    answer = _handle(request, handle)
    asked = request.body.wanted
    last = asked or head.version == "HTTP/1.0" or "close" in head.headers.get("connection", "").lower()
    if not asked:
        # What the handler left is read, so that the answer is not lost to a reset.
        for _ in request.body.blocks():
            continue
    last = last or not request.body.finished
    _send(sock, head.method, answer, last=last)
    return not last


def _request(sock: socket.socket, inlet: Inlet, head: Head) -> Request:
    path, pairs = split_target(head.target)
    waits = head.headers.get("expect", "").lower() == "100-continue"
    before = (lambda: sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")) if waits else None
    return Request(head.method, path, pairs, head.headers, Body(inlet, body_size(head.headers), before))


def _handle(request: Request, handle: Handle) -> Response:
    try:
        return handle(request)
    except (Cut, ConnectionError):
        raise
    except Refused as refusal:
        return refused_json(refusal)
    except FirekeepError as problem:
        _log.error("answering %s: %s", request.method, problem)
        status = 507 if isinstance(problem, StorageFull) else 503 if problem.retryable else 500
        return refused_json(Refused(status, problem.code, str(problem)))
    except Exception:  # noqa: BLE001  # the last resort: a request is always answered
        _log.exception("answering %s", request.method)
        return refused_json(Refused(500, "backendError", "The emulator failed to answer; its log tells why."))


def _send(sock: socket.socket, method: str, answer: Response, *, last: bool) -> None:
    body = answer.body
    if isinstance(body, Torn):
        _send_torn(sock, answer, body)
    size = len(body) if isinstance(body, bytes) else body.end - body.start if isinstance(body, Span) else None
    head = _head(answer, size, last=last)
    if method == "HEAD" or answer.status in _BODILESS:
        sock.sendall(head)
    elif isinstance(body, bytes):
        sock.sendall(head + body)
    elif isinstance(body, Span):
        _send_span(sock, head, body)
    else:
        _send_chunks(sock, head, body)


def _send_torn(sock: socket.socket, answer: Response, torn: Torn) -> NoReturn:
    body = torn.body
    size = len(body) if isinstance(body, bytes) else body.end - body.start
    head = _head(answer, size, last=True)
    if isinstance(body, Span):
        _send_span(sock, head, replace(body, end=body.start + torn.first))
    else:
        sock.sendall(head + body[: torn.first])
    torn.sent()
    raise Cut


def _head(answer: Response, size: int | None, *, last: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if size is None:
        lines.append("Transfer-Encoding: chunked")
    elif answer.status not in _BODILESS:
        lines.append(f"Content-Length: {size}")
    if last:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _send_span(sock: socket.socket, head: bytes, span: Span) -> None:
    if span.end - span.start <= _TOGETHER:
        sock.sendall(b"".join((head, *span.content.blocks(span.start, span.end))))
        return
    sock.sendall(head)
    for piece, first, last in span.content.spans(span.start, span.end):
        if isinstance(piece, bytes):
            sock.sendall(memoryview(piece)[first:last])
            continue
        with piece.path.open("rb") as file:
            sock.sendfile(file, first, last - first)


def _send_chunks(sock: socket.socket, head: bytes, blocks: Iterator[bytes]) -> None:
    sock.sendall(head)
    for block in blocks:
        if block:
            sock.sendall(b"%x\r\n%b\r\n" % (len(block), block))
    sock.sendall(b"0\r\n\r\n")
