"""zstd for blobs: whole, or as a patch of another blob's plaintext.

A patch is a zstd frame whose dictionary is the base's plaintext, as raw content. Every frame carries its exact
decompressed length, and opening one never allocates more than the length the caller says it must have.
zstd contexts are not safe from two threads at once, so each thread has its own.
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard

from shared.errors import Corrupt

MAX_RAW: Final = 1 << 28
"""No blob is longer than 256 MiB; a length beyond it is damage, and never allocated."""

MAX_PATCHED: Final = 1 << 21
"""Beyond 2 MiB zstd does not reach back into a base at this effort: no patch is tried."""


class Compressor:
    """Compresses at one zstd level; safe from many threads."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._local = threading.local()

    def whole(self, data: bytes) -> bytes:
        context: zstandard.ZstdCompressor | None = getattr(self._local, "context", None)
        if context is None:
            context = self._local.context = zstandard.ZstdCompressor(level=self._level)
        return context.compress(data)

    def patch(self, data: bytes, base: bytes) -> bytes:
        return zstandard.ZstdCompressor(level=self._level, dict_data=_raw(base)).compress(data)


class Decompressor:
    """The inverse; safe from many threads. Corrupt when a frame is not exactly `length` bytes of content."""

    def __init__(self) -> None:
        self._local = threading.local()

    def whole(self, frame: bytes, length: int) -> bytes:
        context: zstandard.ZstdDecompressor | None = getattr(self._local, "context", None)
        if context is None:
            context = self._local.context = zstandard.ZstdDecompressor()
        return _exactly(context, frame, length)

    def patch(self, frame: bytes, base: bytes, length: int) -> bytes:
        return _exactly(zstandard.ZstdDecompressor(dict_data=_raw(base)), frame, length)


def _raw(base: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _exactly(context: zstandard.ZstdDecompressor, frame: bytes, length: int) -> bytes:
    # The frame's own idea of its length decides what zstd allocates, so it is compared first.
    try:
        if length > MAX_RAW or zstandard.frame_content_size(frame) != length:
            raise Corrupt("a compressed blob does not have the length the index gives it")
        data = context.decompress(frame, max_output_size=length, allow_extra_data=False)
    except zstandard.ZstdError:
        raise Corrupt("a compressed blob does not decompress") from None
    if len(data) != length:
        raise Corrupt("a compressed blob does not have the length the index gives it")
    return data
