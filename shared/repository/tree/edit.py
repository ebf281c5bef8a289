"""Applying sorted edits to a tree: only what they touch is read and written.

The old tree is walked in key order into a builder. A subtree without edits is taken over unread where the
builder stands at a cut; elsewhere it is gone down into, and its entries are fed, until the cuts fall together
again, which they do within a leaf or two of each edit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice

from shared.errors import BadInput
from shared.format.chunker import Chunking
from shared.format.node import Ref, Root
from shared.repository.blobs import BlobWriter
from shared.repository.tree.build import TreeBuilder
from shared.repository.tree.nodes import Nodes, root_ref

Edit = tuple[bytes, bytes | None]
"""A key and its new value, or None to delete it. Deleting what is not there changes nothing."""

_AT_ONCE = 1024


def edit(blobs: BlobWriter, chunking: Chunking, root: Root, edits: Iterable[Edit]) -> Root:
    """The tree with the edits made, equal to a fresh build of the result. Cost is edits times height.

    BadInput unless the keys are non-empty and strictly ascending. `root` must have been built with `chunking`.
    """
    queue = _Edits(edits)
    if not queue.more():
        return root
    return _Editor(blobs, chunking, root, queue).run()


class _Edits:
    """The edits yet to be made, in order, with a look ahead of one."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._rest = iter(edits)
        self._last = b""
        self._next: Edit | None = None
        self._advance()

    def more(self) -> bool:
        return self._next is not None

    def touch(self, last: bytes) -> bool:
        """Whether the next edit is of a key up to `last`."""
        return self._next is not None and self._next[0] <= last

    def upto(self, last: bytes) -> Iterator[Edit]:
        while self._next is not None and self._next[0] <= last:
            yield self._take(self._next)

    def all(self) -> Iterator[Edit]:
        while self._next is not None:
            yield self._take(self._next)

    def _take(self, item: Edit) -> Edit:
        self._advance()
        return item

    def _advance(self) -> None:
        self._next = next(self._rest, None)
        if self._next is not None:
            if self._next[0] <= self._last:
                raise BadInput(
                    "editing a tree: the keys of the edits must be non-empty and strictly ascending"
                )
            self._last = self._next[0]


class _Editor:
    def __init__(self, blobs: BlobWriter, chunking: Chunking, root: Root, edits: _Edits) -> None:
        self._root = root
        self._edits = edits
        self._nodes = Nodes(blobs)
        self._builder = TreeBuilder(blobs, chunking, root, self._nodes)

    def run(self) -> Root:
        self._visit(root_ref(self._root), self._root.level, on_edge=True)
        self._feed([], [], self._edits.all())
        return self._builder.finish()

    def _visit(self, ref: Ref, level: int, on_edge: bool) -> None:
        """Append a subtree. On the right edge it may end without a cut, so it is never taken over whole."""
        if not on_edge and not self._edits.touch(ref.last) and self._builder.take_subtree(ref, level):
            return
        if level == 0:
            keys, values = self._nodes.leaf(ref)
            self._feed(keys, values, self._edits.upto(keys[-1] if keys else b""))
            return
        children = self._nodes.children(ref, level)
        for child in children[:-1]:
            self._visit(child, level - 1, on_edge=False)
        self._visit(children[-1], level - 1, on_edge)

    def _feed(self, keys: list[bytes], values: list[bytes], edits: Iterator[Edit]) -> None:
        """Append entries with edits made, a bounded number of them at a time."""
        while some := list(islice(edits, _AT_ONCE)):
            done = _make(keys, values, some)
            self._builder.add_batch(keys[:done], values[:done])
            keys, values = keys[done:], values[done:]
        self._builder.add_batch(keys, values)


def _make(keys: list[bytes], values: list[bytes], edits: list[Edit]) -> int:
    """Make the edits in the lists of entries. How many entries there are then up to the last edit's key."""
    at = 0
    for key, value in edits:
        at = bisect_left(keys, key, at)
        if at < len(keys) and keys[at] == key:
            del keys[at], values[at]
        if value is not None:
            keys.insert(at, key)
            values.insert(at, value)
            at += 1
    return at
