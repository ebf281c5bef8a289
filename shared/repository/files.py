"""Files in a repository: cut into chunks that are stored once, listed in order, and read back whole or in ranges.

Memory is bounded whatever a file's size: writing holds a span and a chunk, reading a few chunks ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Final

from shared.errors import BadInput, Corrupt
from shared.format import chunks
from shared.format.chunker import Chunking
from shared.format.media import (
    LISTED,
    MOST_CHUNK,
    Chunk,
    Content,
    decode,
    decode_chunk,
    encode_chunk,
)
from shared.format.node import Batch, Root
from shared.repository.blobs import BlobKind, BlobReader, BlobWriter
from shared.repository.tree import build, scan

AHEAD_BYTES: Final = 6 << 20
"""How much is read ahead of whoever reads a file."""
_READERS: Final = 3
_FEW: Final = 6
"""Chunks of a file that is read on the caller's own thread: starting others would cost more than they gain."""
_OFFSET: Final = 8
_BATCH: Final = 512

Piece = tuple[int, Chunk]
"""A chunk and its offset in the file."""


def put_file(writer: BlobWriter, chunking: Chunking, spans: Iterable[bytes]) -> Content:
    """Store the chunks of a file and, when they are many, the tree that lists them. For the writer's own thread."""
    stored = (Chunk(writer.put(BlobKind.CHUNK, data), len(data)) for data in chunks.cut(spans, chunking.seed))
    first = list(islice(stored, LISTED + 1))
    if len(first) <= LISTED:
        return tuple(first)
    return build(writer, chunking, _batches(chain(first, stored)))


def pieces(blobs: BlobReader, content: Content, start: int = 0) -> Iterator[Piece]:
    """The chunks that reach beyond `start`, in order, without gaps. Missing or Corrupt when the list is not whole."""
    if not isinstance(content, Root):
        offset = 0
        for chunk in content:
            if offset + chunk.length > start:
                yield offset, chunk
            offset += chunk.length
        return
    lowest = max(0, start - MOST_CHUNK)
    expected = None if lowest else 0
    for keys, values in scan(blobs, content, lowest.to_bytes(_OFFSET, "big")):
        for key, value in zip(keys, values, strict=True):
            chunk = decode_chunk(value)
            offset = int.from_bytes(key, "big")
            if len(key) != _OFFSET or expected not in (None, offset):
                raise Corrupt("reading a file: the list of its chunks has a gap or an overlap")
            expected = offset + chunk.length
            if expected > start:
                yield offset, chunk


def open_file(blobs: BlobReader, value: bytes, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of the file that a media record describes, from `start` on, in pieces of at most one chunk.

    `blobs` is read from several threads at once. Missing or Corrupt when the bytes are not there whole; BadInput for
    a record that is fresh from its service, or a range that the file does not have.
    """
    media = decode(value)
    end = media.size if length is None else start + length
    if media.content is None:
        raise BadInput("reading a file: its record does not say where its content is")
    if not 0 <= start <= end <= media.size:
        raise BadInput(f"reading a file: bytes {start} to {end} are not within its {media.size}")
    return _bytes(blobs, media.content, start, end) if start < end else iter(())


def _bytes(blobs: BlobReader, content: Content, start: int, end: int) -> Iterator[bytes]:
    reached = start
    for offset, data in _fetched(blobs, _until(pieces(blobs, content, start), end)):
        if offset > reached:
            break
        reached = min(offset + len(data), end)
        inner = data[max(0, start - offset) : end - offset]
        yield inner
    if reached != end:
        raise Corrupt("reading a file: the list of its chunks ends before the file does")


def _until(found: Iterator[Piece], end: int) -> Iterator[Piece]:
    for offset, chunk in found:
        if offset >= end:
            return
        yield offset, chunk


def _fetched(blobs: BlobReader, found: Iterator[Piece]) -> Iterator[tuple[int, bytes]]:
    """Each piece's bytes, a few of them read ahead when there are many."""
    first = list(islice(found, _FEW + 1))
    if len(first) <= _FEW:
        for offset, chunk in first:
            yield offset, _read(blobs, chunk)
        return
    waiting: deque[tuple[Piece, Future[bytes]]] = deque()
    held = 0
    with ThreadPoolExecutor(_READERS, "read-file") as pool:
        try:
            for piece in chain(first, found):
                waiting.append((piece, pool.submit(_read, blobs, piece[1])))
                held += piece[1].length
                while held > AHEAD_BYTES and len(waiting) > 1:
                    (offset, chunk), data = waiting.popleft()
                    yield offset, data.result()
                    held -= chunk.length
            while waiting:
                (offset, _), data = waiting.popleft()
                yield offset, data.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(blobs: BlobReader, chunk: Chunk) -> bytes:
    data = blobs.get(BlobKind.CHUNK, chunk.id)
    if len(data) != chunk.length:
        raise Corrupt(f"reading a file: chunk {chunk.id.hex()} has another length than its record says")
    return data


def _batches(found: Iterator[Chunk]) -> Iterator[Batch]:
    """What the tree of a large file maps: offsets to chunks."""
    offset = 0
    while some := list(islice(found, _BATCH)):
        keys = []
        for chunk in some:
            keys.append(offset.to_bytes(_OFFSET, "big"))
            offset += chunk.length
        yield keys, [encode_chunk(chunk) for chunk in some]
