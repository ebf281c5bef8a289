"""The files of a small app: pictures in many sizes, and names and attributes that break careless backups.

The same every time. PNGs can be looked at; JPEGs begin and end as such, with noise between.
"""

from __future__ import annotations

import gzip
import struct
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

TOKENS: Final = "firebaseStorageDownloadTokens"
LOG: Final = "exports/log.txt"
"""A long text, to which an app would append."""
COUNTRIES: Final = (
    *(
        "AR",
        "AT",
        "AU",
        "BE",
        "BO",
        "BR",
        "CA",
        "CH",
        "CL",
        "CN",
        "CO",
        "CU",
        "CZ",
        "DE",
        "DK",
        "EC",
        "EG",
        "ES",
    ),
    *(
        "FI",
        "FR",
        "GB",
        "GR",
        "IN",
        "IS",
        "IT",
        "JP",
        "KE",
        "MA",
        "MX",
        "NO",
        "NZ",
        "PE",
        "PT",
        "SE",
        "US",
        "ZA",
    ),
)
_PNG, _JPEG = "image/png", "image/jpeg"
_STEP = 11
_JPEG_BYTES = 700
_LOG_LINES = 30_000


@dataclass(frozen=True)
class File:
    """`fields` are what an upload says of it, as the Cloud Storage JSON API names it."""

    data: bytes
    fields: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The first download token; empty when it has none."""
        tokens: str = self.fields.get("metadata", {}).get(TOKENS, "")
        return tokens.partition(",")[0]


Files = dict[str, File]
"""By name."""


def pictures() -> Files:
    """About 50 files, 6 MB."""
    return dict(_photos()) | dict(_curious())


def png(side: int, seed: str) -> bytes:
    """A square of noise in colour."""
    noise = Random(seed)
    rows = b"".join(b"\x00" + noise.randbytes(3 * side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def log_lines(first: int, number: int) -> bytes:
    """Lines of a log, numbered."""
    return b"".join(
        b"%08d a traveller looked at picture %d\n" % (line, line % 97)
        for line in range(first, first + number)
    )


def token_of(name: str) -> str:
    """The download token that a file of this name gets."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _photos() -> Iterator[tuple[str, File]]:
    for number, code in enumerate(COUNTRIES, 1):
        if number % 2:
            name, kind, data = f"photos/{code}.png", _PNG, png(_STEP * number, code)
        else:
            name, kind, data = f"photos/{code}.jpg", _JPEG, _jpeg(_JPEG_BYTES * number**2 // 4, code)
        metadata = {"photographer": f"traveller {number}", "country": code}
        yield (
            name,
            _file(
                name, data, contentType=kind, cacheControl=f"public, max-age={60 * number}", metadata=metadata
            ),
        )


def _curious() -> Iterator[tuple[str, File]]:
    """The same bytes again, look-alikes, nothing at all, and what a careless path or URL makes of a name."""
    copy = png(_STEP, COUNTRIES[0])
    for name in (
        *(
            "photos/Z\u00fcrich.png",
            "photos/Zu\u0308rich.png",
            "photos/a b?c#d&e=f+g%2Fh.png",
            "photos//twice.png",
        ),
        *("photos/../up.png", "photos/CH", "photos/CH.png.", "\u65e5\u672c/\U0001f5fb.png", "n" * 1024),
    ):
        yield name, _file(name, copy, contentType=_PNG)
    yield "photos/nothing.png", _file("photos/nothing.png", b"", contentType=_PNG)
    drawing = gzip.compress(b'<svg xmlns="http://www.w3.org/2000/svg"/>' * 200, mtime=0)
    svg = {"contentType": "image/svg+xml", "contentEncoding": "gzip", "contentLanguage": "de"}
    yield "maps/europe.svg", _file("maps/europe.svg", drawing, **svg)
    shown = {
        "contentType": "text/plain; charset=utf-8",
        "contentDisposition": "attachment; filename*=utf-8''l%C3%B6g.txt",
    }
    yield LOG, _file(LOG, log_lines(0, _LOG_LINES), **shown, storageClass="NEARLINE")
    two = {TOKENS: f"{token_of('one')},{token_of('other')}"}
    yield (
        "photos/two tokens.png",
        File(copy, {"contentType": _PNG, "metadata": two, "storageClass": "STANDARD"}),
    )
    yield (
        "private/contract.pdf",
        File(b"%PDF-1.7\n%%EOF\n", {"contentType": "application/pdf", "storageClass": "STANDARD"}),
    )


def _jpeg(size: int, seed: str) -> bytes:
    noise = Random(seed)
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + noise.randbytes(size) + b"\xff\xd9"


def _file(name: str, data: bytes, **fields: Any) -> File:
    metadata = {TOKENS: token_of(name), **fields.pop("metadata", {})}
    return File(data, {"storageClass": "STANDARD", **fields, "metadata": metadata})
