"""A checksum over records in key order that can be carried on from where it stopped."""

from __future__ import annotations

from blake3 import blake3


def chained(digest: bytes, key: bytes, bare: bytes) -> bytes:
    """The digest of everything before and this record, its value bare: 32 bytes."""
    return blake3(digest + len(key).to_bytes(4, "big") + key + bare).digest()
