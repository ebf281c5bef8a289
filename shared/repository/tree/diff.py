"""The difference of two trees, in time and memory that follow the difference and not the trees.

Two cursors go through both trees side by side. Where they stand before subtrees of the same id, these hold the
same entries, so both step over them unread; entries still held from before lie below all of these. Where they do
not, the higher of the two is opened, down to leaves, whose entries are then compared. Cuts follow content, so
behind each change the cursors soon stand before equal subtrees again, even when boundaries or heights differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shared.format.node import Ref, Root
from shared.repository.blobs import BlobReader
from shared.repository.tree.nodes import Nodes, root_ref
from shared.repository.tree.read import cut, cut_refs


class Change(NamedTuple):
    """One key whose value differs; None stands for no entry. Never both None, never equal."""

    key: bytes
    old: bytes | None
    new: bytes | None


def diff(blobs: BlobReader, a: Root, b: Root, start: bytes = b"", end: bytes = b"") -> Iterator[Change]:
    """What turns `a` into `b` in the range [start, end), ascending by key. Missing or Corrupt as in reading."""
    nodes = Nodes(blobs)
    old, new = _Side(nodes, a, start, end), _Side(nodes, b, start, end)
    while old.level >= 0 or new.level >= 0 or old.keys or new.keys:
        if old.level >= 0 and new.level >= 0 and old.head.id == new.head.id:
            old.skip()
            new.skip()
        elif old.ready and new.ready:
            yield from _compare(old, new)
        else:
            _open_higher(old, new)


class _Side:
    """A cursor in one tree: entries of an opened leaf, then `head`, the next subtree, unopened.

    `level` is the head's, or -1 when nothing is left behind the entries. The last entry comes first in
    `keys` and `values`, and the last child first in a frame, so that taking the next one is a pop.
    """

    def __init__(self, nodes: Nodes, root: Root, start: bytes, end: bytes) -> None:
        self._nodes = nodes
        self._start, self._end = start, end
        self._frames = [(root.level, [root_ref(root)])]
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.level = root.level

    @property
    def head(self) -> Ref:
        return self._frames[-1][1][-1]

    @property
    def ready(self) -> bool:
        """Whether the next entry, or that there is none, is known."""
        return bool(self.keys) or self.level < 0

    def skip(self) -> Ref:
        """Step over the head."""
        refs = self._frames[-1][1]
        ref = refs.pop()
        if not refs:
            self._frames.pop()
            self.level = self._frames[-1][0] if self._frames else -1
        return ref

    def open(self) -> None:
        """Replace the head by its children, or by its entries when it is a leaf; none may be held then."""
        level = self.level
        ref = self.skip()
        if level == 0:
            keys, values = cut(self._nodes.leaf(ref), self._start, self._end)
            self.keys, self.values = keys[::-1], values[::-1]
            return
        refs = cut_refs(self._nodes.children(ref, level), self._start, self._end)
        if refs:
            self._frames.append((level - 1, refs[::-1]))
            self.level = level - 1


def _open_higher(old: _Side, new: _Side) -> None:
    """Open the heads of the higher level; of two leaves, those whose side has no entries left."""
    level = max(old.level, new.level)
    for side in (old, new):
        if side.level == level and (level > 0 or not side.keys):
            side.open()


def _compare(old: _Side, new: _Side) -> Iterator[Change]:
    """Take entries off both sides until one has none; then the other's too, if nothing is left that can match."""
    old_keys, new_keys, old_values, new_values = old.keys, new.keys, old.values, new.values
    while old_keys and new_keys:
        if old_keys[-1] == new_keys[-1]:
            key, before, after = old_keys.pop(), old_values.pop(), new_values.pop()
            new_keys.pop()
            if before != after:
                yield Change(key, before, after)
        elif old_keys[-1] < new_keys[-1]:
            yield Change(old_keys.pop(), old_values.pop(), None)
        else:
            yield Change(new_keys.pop(), None, new_values.pop())
    while new.level < 0 and old_keys:
        yield Change(old_keys.pop(), old_values.pop(), None)
    while old.level < 0 and new_keys:
        yield Change(new_keys.pop(), None, new_values.pop())
