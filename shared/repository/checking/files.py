"""Files behind media records: every chunk of each is looked for, and a file that lacks one is named by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.errors import Corrupt, FirekeepError, IntegrityError, Unsupported
from shared.format.media import Chunk, decode, decode_chunk
from shared.format.node import Batch, Root
from shared.repository.blobs import BlobKind, BlobReader
from shared.repository.tree import Problem, verify

Exists = Callable[[BlobKind, bytes], bool]
"""Whether a blob is in a whole pack; why not is raised."""


def check_files(blobs: BlobReader, exists: Exists, after: bytes, entries: Batch) -> Iterator[Problem]:
    """The problems of the files that these records describe, each covering the file's key alone."""
    above = after
    for key, value in zip(*entries, strict=True):
        yield from _check_file(blobs, exists, (above, key), value)
        above = key


def _check_file(
    blobs: BlobReader, exists: Exists, span: tuple[bytes, bytes], value: bytes
) -> Iterator[Problem]:
    try:
        media = decode(value)
        if media.content is None:
            raise Corrupt("its record does not say where its bytes are")
    except (IntegrityError, Unsupported) as error:
        yield _problem(error, BlobKind.LEAF, bytes(32), span)
        return
    if not isinstance(media.content, Root):
        for chunk in media.content:
            yield from _check_chunk(exists, chunk, span)
        return
    reached = problems = 0

    def look(_: bytes, listed: Batch) -> Iterator[Problem]:
        nonlocal reached
        for offset, entry in zip(*listed, strict=True):
            chunk = decode_chunk(entry)
            if int.from_bytes(offset, "big") != reached or len(offset) != 8:
                raise Corrupt("the list of its chunks has a gap or an overlap")
            reached += chunk.length
            yield from _check_chunk(exists, chunk, span)

    try:
        for problem in verify(blobs, media.content, True, exists, look):
            problems += 1
            why = f"a file: {problem.message}"
            yield Problem(problem.code, problem.kind, problem.id, problem.level, *span, why)
    except IntegrityError as error:
        yield _problem(error, BlobKind.LEAF, media.content.id, span)
        return
    if not problems and reached != media.size:
        yield _problem(Corrupt("its chunks are not as long as it is"), BlobKind.LEAF, media.content.id, span)


def _check_chunk(exists: Exists, chunk: Chunk, span: tuple[bytes, bytes]) -> Iterator[Problem]:
    try:
        exists(BlobKind.CHUNK, chunk.id)
    except (IntegrityError, Unsupported) as error:
        yield _problem(error, BlobKind.CHUNK, chunk.id, span)


def _problem(error: FirekeepError, kind: BlobKind, blob_id: bytes, span: tuple[bytes, bytes]) -> Problem:
    what = f"chunk {blob_id.hex()} of a file" if kind is BlobKind.CHUNK else "a file"
    return Problem(error.code, kind, blob_id, 0, *span, f"checking a tree: {what}: {error.message}")
