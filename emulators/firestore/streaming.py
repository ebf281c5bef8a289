"""The Write stream of web and mobile clients: a handshake, then commits one after the other.

Each answer carries a token, and each request one that it has seen. A request that is refused ends the stream; what
was committed before it stands. A stream is not resumed: clients begin a new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import grpc

from emulators.firestore.core import Core
from emulators.firestore.errors import invalid, unsupported
from emulators.firestore.schema import message
from emulators.firestore.store import Store
from emulators.firestore.wire import field, text, timestamp
from emulators.firestore.writing import commit_streamed

_TOKEN = 8


def write(core: Core, requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
    """Serve one stream until the client is done."""
    first = next(requests, None)
    if first is None:
        return
    store = _open(core, message("WriteRequest").FromString(first))
    sent = 0
    yield text(1, secrets.token_hex(8)) + field(2, _token(sent))
    for data in requests:
        _check(message("WriteRequest").FromString(data), sent)
        with core.lock:
            answers, time = commit_streamed(core, store, data)
        sent += 1
        yield field(2, _token(sent)) + b"".join(field(3, one) for one in answers) + timestamp(4, time)


def _open(core: Core, request: Any) -> Store:
    if request.stream_id or request.stream_token:
        raise unsupported("Resuming a write stream")
    if request.writes:
        raise invalid("The first request of a write stream must not have writes.")
    with core.lock:
        return core.databases.locate(request.database)[0]


def _token(number: int) -> bytes:
    return number.to_bytes(_TOKEN, "big")


def _check(request: Any, sent: int) -> None:
    token = request.stream_token
    if len(token) != _TOKEN or int.from_bytes(token, "big") > sent:
        raise invalid("The stream token is not one of this stream.")
