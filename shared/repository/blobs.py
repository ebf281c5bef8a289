"""The blob store port between the tree and what keeps its nodes."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class BlobKind(IntEnum):
    """What a blob's plaintext is. The kind is part of what its id is computed over."""

    LEAF = 1
    NODE = 2
    CHUNK = 3


class BlobReader(Protocol):
    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        """The plaintext, already checked against its id. Missing or Corrupt when it is not there whole."""


class BlobWriter(BlobReader, Protocol):
    def put(self, kind: BlobKind, data: bytes, like: bytes | None = None) -> bytes:
        """Store `data` unless it is known, and return its 32-byte id.

        `like` names a blob it probably resembles; the store may keep a patch of that one instead.
        """
