"""Which node of an earlier tree covers a key: the one a new node there probably resembles."""

from __future__ import annotations

from bisect import bisect_left

from shared.errors import IntegrityError
from shared.format.node import Ref, Root
from shared.repository.tree.nodes import Nodes, root_ref


class Cover:
    """A cursor that only moves forward through the inner nodes of an earlier tree, reading them as needed.

    What it answers is a hint that saves space. So where the earlier tree is damaged it answers None from then
    on: that costs compression, where an error would cost the new backup. Naming the damage is verify's work.
    """

    def __init__(self, nodes: Nodes, root: Root | None) -> None:
        self._nodes = nodes
        self._level = root.level if root else -1
        self._path: list[Ref] = [root_ref(root)] if root else []

    def find(self, key: bytes, level: int) -> bytes | None:
        """The id of the node of `level` that covers `key`, or the last one there. Keys must not descend."""
        if level > self._level:
            return None
        depth = self._level - level
        self._leave(key)
        try:
            while len(self._path) <= depth:
                self._enter(key)
        except IntegrityError:
            self._level = -1
            return None
        return self._path[depth].id

    def _leave(self, key: bytes) -> None:
        for depth in range(1, len(self._path)):
            if self._path[depth].last < key:
                del self._path[depth:]
                return

    def _enter(self, key: bytes) -> None:
        refs = self._nodes.children(self._path[-1], self._level - len(self._path) + 1)
        at = bisect_left(refs, key, key=_last)
        self._path.append(refs[min(at, len(refs) - 1)])


def _last(ref: Ref) -> bytes:
    return ref.last
