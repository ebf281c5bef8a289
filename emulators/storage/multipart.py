"""`multipart/related` uploads: a JSON resource, then the content, which streams through in bounded memory.

The content ends at the closing delimiter, which must end the body: only the body's tail is searched for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulators.storage.inlet import Body, parse_headers
from emulators.storage.messages import parse_object
from emulators.storage.refusal import invalid

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_HEAD_MOST = 1 << 20
_AFTER_END = 256  # white space that may follow the closing delimiter


class Related:
    """The two parts of a body. `resource` and `content_type` are read at once, the content by `blocks`."""

    def __init__(self, content_type: str, body: Body) -> None:
        found = _BOUNDARY.search(content_type)
        if found is None:
            raise invalid("A multipart upload names its boundary in the Content-Type.")
        self._delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
        self._blocks = body.blocks()
        self._begun = b""
        self._read_opening()
        _, data = self._part_end()
        self.resource = parse_object(data)
        self.content_type = self._headers().get("content-type")

    def _read_opening(self) -> None:
        self._until(self._delimiter)
        self._headers()

    def _headers(self) -> dict[str, str]:
        """The headers of the part that begins, after the rest of its delimiter's line."""
        line = self._until(b"\n")
        if line.strip():
            raise invalid("Malformed multipart body: a delimiter's line is too long.")
        lines = []
        while text := self._until(b"\n").strip(b"\r\n"):
            lines.append(text.decode("latin-1"))
        return parse_headers(lines)

    def _part_end(self) -> tuple[bytes, bytes]:
        data = self._until(b"\n" + self._delimiter)
        return self._delimiter, data.removesuffix(b"\r")

    def _until(self, mark: bytes) -> bytes:
        """What comes before `mark`, which is passed over."""
        searched = 0
        while (at := self._begun.find(mark, max(searched - len(mark), 0))) < 0:
            searched = len(self._begun)
            block = next(self._blocks, b"")
            if not block or searched > _HEAD_MOST:
                raise invalid("Malformed multipart body.")
            self._begun += block
        data, self._begun = self._begun[:at], self._begun[at + len(mark) :]
        return data

    def blocks(self) -> Iterator[bytes]:
        """The content. Refused when the closing delimiter does not end the body."""
        keep = len(self._delimiter) + _AFTER_END
        held = self._begun
        for block in self._blocks:
            if len(block) >= keep:
                yield held
                yield block[:-keep]
                held = block[-keep:]
            else:
                held += block
                yield held[:-keep]
                held = held[-keep:]
        yield self._without_end(held)

    def _without_end(self, tail: bytes) -> bytes:
        data, found, rest = tail.rpartition(self._delimiter + b"--")
        if rest.strip() or not found or not data.endswith(b"\n"):
            raise invalid("Malformed multipart body: it does not end with its delimiter.")
        return data.removesuffix(b"\n").removesuffix(b"\r")
