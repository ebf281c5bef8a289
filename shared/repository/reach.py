"""What a tree needs: its blobs, and the chunks of the files that it describes.

Inner nodes are read, and leaves only where they may describe files. Missing or Corrupt when that cannot be done whole:
whoever decides what is deleted must not guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from shared.contents import MEDIA
from shared.format.manifest import Manifest
from shared.format.media import MAGIC, decode, decode_chunk
from shared.format.node import Ref, Root
from shared.repository.blobs import BlobKind, BlobReader
from shared.repository.tree import Run
from shared.repository.tree.nodes import Nodes, root_ref


class _Holds(Enum):
    """What the values of a tree's leaves are."""

    RECORDS = auto()
    FILES = auto()
    CHUNKS = auto()
    EITHER = auto()
    """Records or files: their first byte tells."""


class Blob(NamedTuple):
    kind: BlobKind
    id: bytes


class Reach:
    """Every blob that was come to, each once. About 100 bytes of memory a blob."""

    def __init__(self, blobs: BlobReader) -> None:
        self.seen: set[bytes] = set()
        self._nodes = Nodes(blobs)

    def manifest(self, manifest: Manifest) -> Iterator[Blob]:
        """What this snapshot needs and nothing before did."""
        for content, root in manifest.roots.items():
            yield from self.root(content, root)

    def root(self, content: str, root: Root) -> Iterator[Blob]:
        """The same for one content of it."""
        holds = _Holds.FILES if content == MEDIA else _Holds.RECORDS
        return self._walk([(root_ref(root), root.level)], holds)

    def run(self, run: Run) -> Iterator[Blob]:
        """The same for what a worker has read, of whatever content."""
        return self._walk([(ref, 0) for ref in run.refs], _Holds.EITHER)

    def unshared(self, content: str, old: Root, new: Root) -> Iterator[Blob]:
        """What `new` needs, but for subtrees that it has in common with `old`: reads what differs."""
        holds = _Holds.FILES if content == MEDIA else _Holds.RECORDS
        olds, news = {root_ref(old)}, {root_ref(new)}
        for level in range(max(old.level, new.level), -1, -1):
            if new.level < level:
                olds = self._below(olds, level)
                continue
            known = {ref.id for ref in olds} if level <= old.level else set()
            differing = [ref for ref in news if ref.id not in known]
            if level == 0:
                yield from self._walk([(ref, 0) for ref in differing], holds)
                return
            for ref in differing:
                self.seen.add(ref.id)
                yield Blob(BlobKind.NODE, ref.id)
            common = {ref.id for ref in news} & known
            if level <= old.level:
                olds = self._below((ref for ref in olds if ref.id not in common), level)
            news = self._below(differing, level)

    def _below(self, refs: Iterable[Ref], level: int) -> set[Ref]:
        return {child for ref in refs for child in self._nodes.children(ref, level)}

    def _walk(self, pending: list[tuple[Ref, int]], holds: _Holds) -> Iterator[Blob]:
        while pending:
            ref, level = pending.pop()
            if ref.id in self.seen:
                continue
            self.seen.add(ref.id)
            yield Blob(BlobKind.NODE if level else BlobKind.LEAF, ref.id)
            if level:
                pending += [(child, level - 1) for child in self._nodes.children(ref, level)]
            elif holds is not _Holds.RECORDS:
                yield from self._leaf(ref, holds)

    def _leaf(self, ref: Ref, holds: _Holds) -> Iterator[Blob]:
        for value in self._nodes.leaf(ref)[1]:
            if holds is _Holds.CHUNKS:
                yield from self._chunk(decode_chunk(value).id)
            elif holds is _Holds.FILES or value[:1] == bytes((MAGIC,)):
                yield from self._file(value)

    def _file(self, value: bytes) -> Iterator[Blob]:
        content = decode(value).content
        if isinstance(content, Root):
            yield from self._walk([(root_ref(content), content.level)], _Holds.CHUNKS)
            return
        for chunk in content or ():
            yield from self._chunk(chunk.id)

    def _chunk(self, blob_id: bytes) -> Iterator[Blob]:
        if blob_id not in self.seen:
            self.seen.add(blob_id)
            yield Blob(BlobKind.CHUNK, blob_id)
