"""CRC32C as the stores write it: base64 of four bytes, big-endian."""

from __future__ import annotations

import base64

import google_crc32c


def crc32c(data: bytes) -> str:
    """Of all of `data`."""
    return base64.b64encode(int(google_crc32c.value(data)).to_bytes(4, "big")).decode()
