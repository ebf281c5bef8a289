"""An object's content as a response: headers, ranges, conditions, and gzip undone for clients that cannot.

Content stored with the encoding gzip is sent as it is to those who accept gzip, else decompressed; a range is then
not honoured, as in the service.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from emulators.storage.content import Content
from emulators.storage.inlet import Cut
from emulators.storage.messages import Request, Response, Span
from emulators.storage.model import Version
from emulators.storage.refusal import bad_range
from emulators.storage.resources import crc32c_text, md5_text
from emulators.storage.times import rfc1123

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_INFLATE_MOST = 1 << 20
_HEADERS = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentLanguage": "Content-Language",
}


def hash_header(content: Content) -> str:
    text = f"crc32c={crc32c_text(content.crc32c)}"
    return text if content.md5 is None else f"{text},md5={md5_text(content.md5)}"


def version_headers(version: Version) -> list[tuple[str, str]]:
    """What every answer about a version's content tells of it."""
    headers = [
        ("x-goog-generation", str(version.generation)),
        ("x-goog-metageneration", str(version.metageneration)),
        ("x-goog-hash", hash_header(version.content)),
        ("x-goog-storage-class", version.storage_class),
        ("x-goog-stored-content-encoding", version.attributes.get("contentEncoding") or "identity"),
        ("x-goog-stored-content-length", str(version.content.size)),
    ]
    if version.components is not None:
        headers.append(("x-goog-component-count", str(version.components)))
    return headers


def media(request: Request, version: Version, etag: str | None = None) -> Response:
    """The content, or the range of it that the request asks for. Refused with 416 for a range outside of it.
    Raises Missing or Corrupt when a file that holds it is not what was written.

    `etag` is what the API in question calls the version.
    """
    attributes = version.attributes
    headers = [
        ("Content-Type", attributes.get("contentType") or "application/octet-stream"),
        ("ETag", version.etag if etag is None else etag),
        ("Last-Modified", rfc1123(version.updated)),
        ("Accept-Ranges", "bytes"),
        *version_headers(version),
    ]
    headers += [(header, attributes[name]) for name, header in _HEADERS.items() if attributes.get(name)]
    if attributes.get("contentEncoding") == "gzip" and _inflating(
        request, attributes.get("cacheControl") or ""
    ):
        version.content.check()
        headers = [pair for pair in headers if pair[0] not in {"Content-Encoding", "Accept-Ranges"}]
        headers.append(("Warning", "214 UploadServer gunzipped"))
        return Response(200, headers, _inflate(version.content))
    return _ranged(request, version.content, headers)


def _inflating(request: Request, cache_control: str) -> bool:
    accepted = [each.split(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")]
    return "gzip" not in accepted and "no-transform" not in cache_control


def _inflate(content: Content) -> Iterator[bytes]:
    """Decompressed, several gzip members one after the other too. What is not gzip is sent as it is."""
    blocks = content.blocks()
    first = next(blocks, b"")
    if first[:2] != b"\x1f\x8b":
        yield first
        yield from blocks
        return
    try:
        yield from _members(first, blocks)
    except zlib.error as problem:
        # The head is sent already: only a connection that ends too early tells that something is wrong.
        raise Cut from problem


def _members(pending: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    machine = zlib.decompressobj(wbits=31)
    while pending:
        data = machine.decompress(pending, _INFLATE_MOST)
        if data:
            yield data
        pending = machine.unconsumed_tail
        if machine.eof:
            pending = machine.unused_data or next(blocks, b"")
            machine = zlib.decompressobj(wbits=31) if pending else machine
        elif not pending:
            pending = next(blocks, b"")
    if not machine.eof:
        raise zlib.error("the gzip stream is cut short")


def _ranged(request: Request, content: Content, headers: list[tuple[str, str]]) -> Response:
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or not (asked[1] or asked[2]):
        content.check()
        return Response(200, headers, Span(content, 0, content.size))
    start, end = _bounds(asked[1], asked[2], content.size)
    content.check(start, end)
    headers.append(("Content-Range", f"bytes {start}-{end - 1}/{content.size}"))
    return Response(206, headers, Span(content, start, end))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise bad_range(size)
    return start, end
