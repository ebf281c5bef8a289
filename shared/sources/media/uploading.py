"""Uploading one object: in one request when it is small, else piece by piece, going on where the service has got to.

Bytes are checked against the record's checksum before the last of them is sent, so wrong ones never become an object;
the service checks them again. A piece is all that is held in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import google_crc32c
from blake3 import blake3

from shared.errors import Corrupt, Unavailable
from shared.format.media import Media
from shared.sources.media.service import Answer, Service

PIECE: Final = 8 << 20
"""A multiple of 256 KiB, as the service asks."""
_GONE: Final = (404, 410)
_RANGE = re.compile(r"bytes=0-(\d+)")

Body = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Upload:
    """What to make. `url` is for `uploadType`; `draft` holds the fields, checksums among them."""

    url: Callable[[str], str]
    media: Media
    draft: Mapping[str, Any]
    body: Body
    doing: str


def upload(service: Service, what: Upload) -> tuple[Answer, bool]:
    """The answer to the last request, which may be a refusal, and whether an earlier answer was lost.

    Corrupt when the bytes are not those of the record; Unavailable when the service keeps failing.
    """
    if what.media.size <= PIECE:
        return _at_once(service, what)
    return _Session(service, what).run()


def _at_once(service: Service, what: Upload) -> tuple[Answer, bool]:
    data = b"".join(_checked(what))
    # The hash of the data does not occur in the data.
    boundary = blake3(data).hexdigest()
    kind = str(what.draft.get("contentType", "application/octet-stream"))
    parts = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n",
        json.dumps(what.draft),
        f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n",
    )
    body = b"".join(("".join(parts).encode(), data, f"\r\n--{boundary}--\r\n".encode()))
    headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
    lost = False

    def attempt() -> Answer:
        nonlocal lost
        try:
            return service.send("POST", what.url("multipart"), what.doing, body, headers)
        except Unavailable:
            lost = True
            raise

    return service.again(attempt), lost


class _Session:
    """One resumable upload, begun again when the service has forgotten it."""

    def __init__(self, service: Service, what: Upload) -> None:
        self._service = service
        self._what = what
        self._size = what.media.size
        self._failures = 0
        self._lost = False

    def run(self) -> tuple[Answer, bool]:
        while True:
            begun = self._begin()
            if begun.status != 200:
                return begun, self._lost
            answer = self._send_all(begun.headers.get("location", ""))
            if answer.status not in _GONE:
                return answer, self._lost
            self._lost = True
            self._failed(Unavailable(f"{self._what.doing}: Cloud Storage has forgotten the upload"))

    def _begin(self) -> Answer:
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Length": str(self._size),
        }
        body = json.dumps(self._what.draft).encode()
        url = self._what.url("resumable")
        return self._service.again(lambda: self._service.send("POST", url, self._what.doing, body, headers))

    def _send_all(self, url: str) -> Answer:
        offset = 0
        for piece in _pieces(_checked(self._what)):
            answer = self._send(url, piece, offset)
            if answer.status != 308:
                return answer
            offset += len(piece)
        raise Corrupt(f"{self._what.doing}: Cloud Storage asks for more bytes than there are")

    def _send(self, url: str, piece: bytes, start: int) -> Answer:
        """Send a piece until the service has all of it, or has made the object, or refuses."""
        reached, end = start, start + len(piece)
        while True:
            part = piece[reached - start :]
            try:
                answer = self._put(url, part, f"bytes {reached}-{end - 1}/{self._size}")
            except Unavailable as error:
                self._lost = True
                self._failed(error)
                answer = self._service.again(lambda: self._put(url, b"", f"bytes */{self._size}"))
            if answer.status != 308:
                return answer
            now = _reached(answer)
            if now >= end:
                self._failures = 0
                return answer
            if now < start:
                return Answer(410, {}, b"")
            if now == reached:
                self._failed(Unavailable(f"{self._what.doing}: Cloud Storage takes nothing more"))
            reached = now

    def _put(self, url: str, data: bytes, span: str) -> Answer:
        return self._service.send("PUT", url, self._what.doing, data, {"Content-Range": span})

    def _failed(self, error: Unavailable) -> None:
        self._failures += 1
        self._service.pause(self._failures, error)


def _reached(answer: Answer) -> int:
    """How many bytes the service has."""
    found = _RANGE.fullmatch(answer.headers.get("range", ""))
    return int(found[1]) + 1 if found else 0


def _checked(what: Upload) -> Iterator[bytes]:
    """The body, of which the last bytes are held back until all are known to be right. Corrupt when they are not."""
    size, crc, held = 0, 0, b""
    for data in what.body():
        size, crc = size + len(data), google_crc32c.extend(crc, data)
        if held:
            yield held
        held = data
    if (size, crc) != (what.media.size, what.media.crc32c):
        raise Corrupt(
            f"{what.doing}: its bytes are not those that were backed up", hint="run verify on the backup"
        )
    if held:
        yield held


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of 8 MiB; the last may be shorter, and is known to be the last."""
    held = bytearray()
    for block in blocks:
        held += block
        while len(held) > PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
