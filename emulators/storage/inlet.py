"""The reading side of an HTTP/1.1 connection: heads and bodies from a blocking socket.

Strict where ambiguity would let two readers disagree (one length, no folded headers), and quick: a body is read in
whole blocks straight from the kernel. Nothing here buffers more than a head or a block.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulators.storage.refusal import Refused

BLOCK = 1 << 20
_HEAD_MOST = 64 * 1024
_READ = 64 * 1024
_LINE_MOST = 4096
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Cut(Exception):
    """The connection ended before what was announced. `partial` is what came of the block being read."""

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__("the connection was cut")
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Head:
    method: str
    target: str
    version: str
    headers: dict[str, str]  # lower-case names; repeated ones joined with ", "


class Inlet:
    """Bytes from a socket, or from memory when there is no socket."""

    def __init__(self, sock: socket.socket | None, begun: bytes = b"") -> None:
        self._sock = sock
        self._rest = begun

    def head(self) -> Head | None:
        """The next request's head; None when the peer has closed between requests. Raises Cut, Refused."""
        data = self._rest.lstrip(b"\r\n")
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > _HEAD_MOST:
                raise Refused(431, "invalid", "The request's headers are too large.")
            more = self._receive(_READ)
            if not more:
                if data:
                    raise Cut
                return None
            data = (data + more).lstrip(b"\r\n") if not data else data + more
        self._rest = data[end + 4 :]
        return parse_head(data[:end].decode("latin-1"))

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises Cut with what there was."""
        data = self._rest[:size]
        self._rest = self._rest[size:]
        while len(data) < size:
            more = self._receive(size - len(data), socket.MSG_WAITALL)
            if not more:
                raise Cut(data)
            data = data + more if data else more
        return data

    def line(self) -> bytes:
        """Up to the next CRLF, without it."""
        while (end := self._rest.find(b"\r\n")) < 0:
            more = self._receive(_READ) if len(self._rest) <= _LINE_MOST else b""
            if not more:
                raise Cut
            self._rest += more
        line, self._rest = self._rest[:end], self._rest[end + 2 :]
        return line

    def _receive(self, size: int, flags: int = 0) -> bytes:
        try:
            return self._sock.recv(size, flags) if self._sock is not None else b""
        except OSError:
            return b""


class Body:
    """One request's body, read once. `size` is None when it comes in chunks."""

    def __init__(self, inlet: Inlet, size: int | None, before: Callable[[], None] | None = None) -> None:
        self.size = size
        self.finished = size == 0
        self._inlet = inlet
        self._before = before
        self._stream = self._read()

    def blocks(self) -> Iterator[bytes]:
        """All of it, or what is left of it, in pieces of at most `BLOCK` bytes. Raises Cut."""
        return self._stream

    def _read(self) -> Iterator[bytes]:
        if self.finished:
            return
        if self._before is not None:
            before, self._before = self._before, None
            before()
        yield from self._sized(self.size) if self.size is not None else self._chunks()
        self.finished = True

    def read(self, most: int) -> bytes:
        """All of it at once. Refused when it is larger than `most` bytes."""
        parts, size = [], 0
        for block in self.blocks():
            size += len(block)
            if size > most:
                raise Refused(413, "uploadTooLarge", f"The request's body is larger than {most} bytes.")
            parts.append(block)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def wanted(self) -> bool:
        """Whether the client still waits to be asked for the body."""
        return self._before is not None and not self.finished

    def _sized(self, left: int) -> Iterator[bytes]:
        while left:
            block = self._inlet.take(min(left, BLOCK))
            left -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._sized(size)
            if self._inlet.line():
                raise Refused(400, "badRequest", "A chunk of the body is longer than it says.")
        while self._inlet.line():
            continue

    def _chunk_size(self) -> int:
        digits = self._inlet.line().split(b";", 1)[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
            raise Refused(400, "badRequest", "A chunk of the body has no valid size.")
        return int(digits, 16)


def parse_head(text: str) -> Head:
    """Raises Refused for what is not an HTTP/1 head."""
    lines = text.split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] not in {"HTTP/1.1", "HTTP/1.0"} or not TOKEN.fullmatch(parts[0]):
        raise Refused(400, "badRequest", "The request line is not HTTP/1.1.")
    return Head(parts[0], parts[1], parts[2], parse_headers(lines[1:]))


def parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not TOKEN.fullmatch(name):
            raise Refused(400, "badRequest", "A header is not valid.")
        name, value = name.lower(), value.strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name != "content-length":
            headers[name] += f", {value}"
        elif headers[name] != value:
            raise Refused(400, "badRequest", "The request has two lengths.")
    return headers


def body_size(headers: dict[str, str]) -> int | None:
    """The announced length, 0 without one, None for chunks."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Refused(400, "badRequest", "The request's length is ambiguous.")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdecimal() and len(length) <= 18):
        raise Refused(400, "badRequest", "The Content-Length is not a number.")
    return int(length)
