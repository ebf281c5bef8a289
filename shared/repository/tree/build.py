"""Building a tree bottom up from a sorted stream, in memory bounded by one leaf and one node per level.

The stream may be entries, or whole leaves and subtrees that exist already: these are taken over unread where a
cut precedes them and they end by a cut themselves, because there a build from entries would make the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.errors import BadInput
from shared.format.chunker import Chunking, leaf_cuts, node_ends
from shared.format.node import Batch, Ref, Root, ascending, encode_leaf, encode_node
from shared.repository.blobs import BlobKind, BlobWriter
from shared.repository.tree.cover import Cover
from shared.repository.tree.nodes import Nodes


class LeafBuilder:
    """Cuts entries into leaves, stores them, and hands each one's reference to `sink`, in order."""

    def __init__(
        self, blobs: BlobWriter, chunking: Chunking, sink: Callable[[Ref], None], nodes: Nodes, cover: Cover
    ) -> None:
        self._blobs = blobs
        self._chunking = chunking
        self._sink = sink
        self._nodes = nodes
        self._cover = cover
        self._keys: list[bytes] = []
        self._values: list[bytes] = []
        self._held = 0
        self._last = b""

    @property
    def aligned(self) -> bool:
        """Whether the next entry begins a leaf: a cut, or nothing, came before it."""
        return not self._keys

    def add_batch(self, keys: list[bytes], values: list[bytes]) -> None:
        """Append entries. BadInput, and nothing appended, unless keys strictly ascend from all before."""
        if len(keys) != len(values) or not ascending(keys, self._last):
            raise BadInput(
                "building a tree: keys must be non-empty and strictly ascending, each with a value"
            )
        if not keys:
            return
        cuts, self._held = leaf_cuts(self._chunking, self._held, keys, values)
        start = 0
        for end, size in cuts:
            self._keys += keys[start:end]
            self._values += values[start:end]
            self._write(size)
            start = end
        self._keys += keys[start:]
        self._values += values[start:]
        self._last = keys[-1]

    def add_leaf(self, ref: Ref, closed: bool) -> None:
        """Append a leaf that is stored already; `closed` when a cut ended it, not the end of a stream."""
        if closed and self.aligned:
            self.pass_over(ref)
            self._sink(ref)
        else:
            self.add_batch(*self._nodes.leaf(ref))

    def pass_over(self, ref: Ref) -> None:
        """Note that a subtree was appended above this builder, which must be aligned."""
        if ref.last <= self._last:
            raise BadInput("building a tree: parts overlap or are out of order")
        self._last = ref.last

    def finish(self) -> bool:
        """Store what is left as the last leaf, behind which nothing may follow.

        Whether nothing was left: the stream ended at a cut.
        """
        if self.aligned:
            return True
        self._write(self._held)
        return False

    def _write(self, size: int) -> None:
        last = self._keys[-1]
        like = self._cover.find(last, 0)
        blob_id = self._blobs.put(BlobKind.LEAF, encode_leaf(self._keys, self._values), like)
        self._sink(Ref(last, blob_id, len(self._keys), size))
        self._keys.clear()
        self._values.clear()


class NodeBuilder:
    """Gathers references into nodes, level over level, until one is left."""

    def __init__(self, blobs: BlobWriter, chunking: Chunking, cover: Cover) -> None:
        self._blobs = blobs
        self._chunking = chunking
        self._cover = cover
        self._open: list[list[Ref]] = []

    def add(self, ref: Ref, level: int = 0) -> None:
        """Append a finished node of `level`. All levels up to its own must be aligned."""
        while len(self._open) <= level:
            self._open.append([])
        refs = self._open[level]
        refs.append(ref)
        if node_ends(self._chunking, level + 1, len(refs), ref.last):
            self._close(level)

    def aligned(self, level: int) -> bool:
        """Whether no node of `level` or below is open."""
        return not any(self._open[:level])

    def finish(self) -> Root:
        """Close what is open; the first level that never got a second node ends in the root."""
        level = 0
        while level < len(self._open):
            refs = self._open[level]
            if len(refs) == 1 and level == len(self._open) - 1:
                return Root(refs[0].id, level, refs[0].count, refs[0].size)
            if refs:
                self._close(level)
            level += 1
        return Root(self._blobs.put(BlobKind.LEAF, encode_leaf([], [])), 0, 0, 0)

    def _close(self, level: int) -> None:
        refs = self._open[level]
        last, count, size = refs[-1].last, sum(r.count for r in refs), sum(r.size for r in refs)
        like = self._cover.find(last, level + 1)
        blob_id = self._blobs.put(BlobKind.NODE, encode_node(level + 1, refs), like)
        self._open[level] = []
        self.add(Ref(last, blob_id, count, size), level + 1)


class TreeBuilder:
    """Both together: entries, leaves or subtrees in, a root out."""

    def __init__(
        self, blobs: BlobWriter, chunking: Chunking, like: Root | None, nodes: Nodes | None = None
    ) -> None:
        nodes = nodes or Nodes(blobs)
        cover = Cover(nodes, like)
        self._nodes = NodeBuilder(blobs, chunking, cover)
        self._leaves = LeafBuilder(blobs, chunking, self._nodes.add, nodes, cover)
        self.add_batch = self._leaves.add_batch
        self.add_leaf = self._leaves.add_leaf

    def take_subtree(self, ref: Ref, level: int) -> bool:
        """Append a stored subtree of `level` that ends by a cut at every level, if that is possible here."""
        if not self._leaves.aligned or not self._nodes.aligned(level):
            return False
        self._leaves.pass_over(ref)
        self._nodes.add(ref, level)
        return True

    def finish(self) -> Root:
        self._leaves.finish()
        return self._nodes.finish()


def build(blobs: BlobWriter, chunking: Chunking, batches: Iterable[Batch], like: Root | None = None) -> Root:
    """The tree of a sorted stream of batches. BadInput unless keys are non-empty and strictly ascending.

    `like` is an earlier tree of much the same content: blobs are stored with the ones they replace named.
    """
    builder = TreeBuilder(blobs, chunking, like)
    for keys, values in batches:
        builder.add_batch(keys, values)
    return builder.finish()
