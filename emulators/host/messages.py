"""A request and a response, as the front, the router and the workers hand them around; and as bytes in between.

Frame: 4 bytes length of the head, 8 bytes length of the body, big endian; head (JSON, UTF-8); body.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from typing import BinaryIO

_LENGTHS = struct.Struct(">IQ")
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """Header names are lower case, values as they came over the wire read as Latin-1."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first header of that name, or "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True)
class Response:
    status: int
    headers: Headers = ()
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Hangup(ConnectionError):
    """What a handler raises to have the connection closed without an answer."""


def never_gone() -> bool:
    """For requests whose caller waits as long as it takes."""
    return False


def text(status: int, message: str) -> Response:
    """A short plain answer of the host's own."""
    return Response(status, (("content-type", "text/plain; charset=utf-8"),), message.encode() + b"\n")


def pack_request(request: Request) -> bytes:
    head = [request.method, request.path, request.query, request.headers]
    return _frame(head, request.body)


def pack_response(response: Response) -> bytes:
    return _frame([response.status, response.headers], response.body)


def unpack_request(head: bytes, body: bytes) -> Request:
    method, path, query, headers = json.loads(head)
    return Request(method, path, query, tuple((key, value) for key, value in headers), body)


def unpack_response(head: bytes, body: bytes) -> Response:
    status, headers = json.loads(head)
    return Response(status, tuple((key, value) for key, value in headers), body)


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame's head and body, or None at the stream's end, also in the middle of a frame."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_size, body_size = _LENGTHS.unpack(lengths)
    head, body = stream.read(head_size), stream.read(body_size)
    return (head, body) if len(head) + len(body) == head_size + body_size else None


async def receive_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next frame's head and body. Raises IncompleteReadError when the other side is gone."""
    head_size, body_size = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    return await reader.readexactly(head_size), await reader.readexactly(body_size)


def _frame(head: Sequence[object], body: bytes) -> bytes:
    encoded = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(encoded), len(body)) + encoded + body
