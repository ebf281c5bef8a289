"""A checksum over records in key order that can be carried on from where it stopped."""

from __future__ import annotations

from blake3 import blake3

from shared.format.record import strip_times


def chained(digest: bytes, key: bytes, value: bytes) -> bytes:
    """The digest of everything before and this record: 32 bytes. Times do not count."""
    lengths = len(key).to_bytes(4, "big")
    return blake3(digest + lengths + key + strip_times(value)).digest()
