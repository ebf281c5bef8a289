"""Records of files in, the same records with their content out, in order: what is new is downloaded and stored.

Files are fetched ahead by a pool, at most so many bytes at once, and stored one after the other on the caller's thread,
which is the writer's. A file whose bytes the parent snapshot has is taken over without a download. One that changes
while it is read is looked up again and captured whole at its newer generation; one that is gone is left out, and told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import google_crc32c

from shared.errors import Corrupt, NotFound
from shared.format.media import Content, Media, decode, with_content
from shared.format.node import Root
from shared.repository import Repository
from shared.repository.blobs import BlobKind, BlobWriter
from shared.repository.files import put_file
from shared.sources.contract import Batch, FileSource

_TRIES: Final = 3
_NAMED: Final = 100
_BATCH: Final = 256


@dataclass(frozen=True)
class Limits:
    """Of what is fetched ahead. A span is what one request asks for; one or two of them come on top."""

    threads: int = 16
    ahead_bytes: int = 32 << 20
    ahead_files: int = 1000
    span_bytes: int = 8 << 20


@dataclass
class Intaken:
    """What became of the files so far. `vanished` are the keys of the first hundred that were left out."""

    taken_over: int = 0
    downloaded: int = 0
    downloaded_bytes: int = 0
    changed: int = 0
    """Captured at a newer generation than was listed."""
    gone: int = 0
    """Left out: deleted while they were read, or changed each time they were."""
    vanished: list[bytes] = field(default_factory=list)

    def leave_out(self, key: bytes) -> None:
        self.gone += 1
        if len(self.vanished) < _NAMED:
            self.vanished.append(key)


def intake(
    repository: Repository,
    writer: BlobWriter,
    source: FileSource,
    batches: Iterable[Batch],
    known: Iterator[Batch],
    *,
    limits: Limits,
    told: Intaken,
) -> Iterator[Batch]:
    """Batches of records with contents. `known` are the parent snapshot's records over the same range or more.

    What cannot be had whole is an error: Unavailable from the source, Corrupt when a file's bytes do not have its
    checksum, each time they are fetched.
    """
    with ThreadPoolExecutor(limits.threads, "fetch") as pool:
        try:
            yield from _Intake(repository, writer, source, pool, limits=limits, told=told).run(batches, known)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass
class _File:
    """A file on its way: taken over, or being fetched; `asked` bytes of it so far, in spans of these lengths."""

    key: bytes
    value: bytes
    media: Media
    content: Content | None
    asked: int = 0
    spans: deque[tuple[int, Future[bytes]]] = field(default_factory=deque)


class _Intake:
    """The first of `files` is being stored, the last is being asked for, those between are asked for whole."""

    def __init__(
        self,
        repository: Repository,
        writer: BlobWriter,
        source: FileSource,
        pool: ThreadPoolExecutor,
        *,
        limits: Limits,
        told: Intaken,
    ) -> None:
        self._repository = repository
        self._writer = writer
        self._source = source
        self._pool = pool
        self._limits = limits
        self._told = told
        self._coming: Iterator[_File] = iter(())
        self._files: deque[_File] = deque()
        self._held = 0

    def run(self, batches: Iterable[Batch], known: Iterator[Batch]) -> Iterator[Batch]:
        self._coming = self._begun(batches, _Parent(known))
        out: Batch = ([], [])
        held = 0
        while self._fill():
            file = self._files[0]
            value = self._stored(file)
            self._files.popleft()
            if value is None:
                self._told.leave_out(file.key)
                continue
            out[0].append(file.key)
            out[1].append(value)
            held += file.media.size
            if len(out[0]) >= _BATCH or held >= self._limits.ahead_bytes:
                yield out
                out, held = ([], []), 0
        if out[0]:
            yield out

    def _begun(self, batches: Iterable[Batch], parent: _Parent) -> Iterator[_File]:
        for keys, values in batches:
            for key, value in zip(keys, values, strict=True):
                media = decode(value)
                content = self._taken_over(media, parent.at(key))
                yield _File(key, value, media, content, media.size if content is not None else 0)

    def _taken_over(self, media: Media, before: bytes | None) -> Content | None:
        """The parent's content, when it is this file's and still there."""
        if before is None:
            return None
        known = decode(before)
        if known.content is None or not _unchanged(media, known) or not self._holds(known.content):
            return None
        return known.content

    def _holds(self, content: Content) -> bool:
        holds = self._repository.holds
        if isinstance(content, Root):
            return holds(BlobKind.NODE if content.level else BlobKind.LEAF, content.id)
        return all(holds(BlobKind.CHUNK, chunk.id) for chunk in content)

    def _fill(self) -> bool:
        """Ask for what may be asked for. False when nothing is on its way any more."""
        limits = self._limits
        while self._held < limits.ahead_bytes:
            last = self._files[-1] if self._files else None
            if last is not None and last.asked < last.media.size:
                self._ask(last)
                continue
            following = next(self._coming, None) if len(self._files) < limits.ahead_files else None
            if following is None:
                break
            self._files.append(following)
        return bool(self._files)

    def _ask(self, file: _File) -> None:
        length = min(self._limits.span_bytes, file.media.size - file.asked)
        span = self._pool.submit(self._source.fetch, file.key, file.value, file.asked, length)
        file.spans.append((length, span))
        file.asked += length
        self._held += length

    def _stored(self, file: _File) -> bytes | None:
        """The record with its content; None for a file that cannot be captured at any one generation."""
        if file.content is not None:
            self._told.taken_over += 1
            return with_content(file.value, file.content)
        try:
            content = self._put(file.media, self._arriving(file))
        except (NotFound, Corrupt):
            self._abandon(file)
            return self._again(file)
        return with_content(file.value, content)

    def _arriving(self, file: _File) -> Iterator[bytes]:
        while file.spans or file.asked < file.media.size:
            if not file.spans:
                self._fill()
            length, span = file.spans.popleft()
            data = span.result()
            self._held -= length
            self._fill()
            yield data

    def _abandon(self, file: _File) -> None:
        for length, span in file.spans:
            span.cancel()
            self._held -= length
        file.spans.clear()
        file.asked = file.media.size

    def _again(self, file: _File) -> bytes | None:
        """Look the file up, and capture it whole as it is now."""
        problem: Corrupt | None = None
        for _ in range(_TRIES):
            (value,) = self._source.lookup([file.key])
            if value is None:
                return None
            media = decode(value)
            try:
                content = self._put(media, self._spans(file.key, value, media.size))
            except NotFound:
                continue
            except Corrupt as error:
                problem = error
                continue
            self._told.changed += media.generation != file.media.generation
            return with_content(value, content)
        if problem is not None:
            raise problem
        return None

    def _spans(self, key: bytes, value: bytes, size: int) -> Iterator[bytes]:
        step = self._limits.span_bytes
        return (self._source.fetch(key, value, at, min(step, size - at)) for at in range(0, size, step))

    def _put(self, media: Media, spans: Iterator[bytes]) -> Content:
        content = put_file(self._writer, self._repository.chunking, _proven(media, spans))
        self._told.downloaded += 1
        self._told.downloaded_bytes += media.size
        return content


class _Parent:
    """The parent's records beside ours, both in key order."""

    def __init__(self, known: Iterator[Batch]) -> None:
        self._records = (record for keys, values in known for record in zip(keys, values, strict=True))
        self._next = next(self._records, None)

    def at(self, key: bytes) -> bytes | None:
        while self._next is not None and self._next[0] < key:
            self._next = next(self._records, None)
        return self._next[1] if self._next is not None and self._next[0] == key else None


def _unchanged(media: Media, known: Media) -> bool:
    """Whether the bytes are the same: by generation, or by size and both checksums. A CRC alone proves too little."""
    sums = [(each.size, each.crc32c, each.fields.get("md5Hash")) for each in (media, known)]
    same_generation = media.generation == known.generation != 0
    return sums[0] == sums[1] and (same_generation or sums[0][2] is not None)


def _proven(media: Media, spans: Iterator[bytes]) -> Iterator[bytes]:
    """The same spans; Corrupt at the end when they are not the file."""
    size = crc = 0
    for data in spans:
        size, crc = size + len(data), google_crc32c.extend(crc, data)
        yield data
    if (size, crc) != (media.size, media.crc32c):
        raise Corrupt(
            "downloading a stored file: its bytes do not have the checksum that the service tells",
            hint="try again; when it stays so, the stored file itself is damaged",
        )
