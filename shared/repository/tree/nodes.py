"""Reading nodes and leaves by reference: decoded, and checked against what the parent says of them.

A blob is already checked against its id; what is checked here is that the tree fits together, so that a
reader never silently leaves out or repeats entries.
"""

from __future__ import annotations

from collections import OrderedDict

from shared.errors import Corrupt
from shared.format.node import Batch, Node, Ref, Root, decode_leaf, decode_node
from shared.repository.blobs import BlobKind, BlobReader

_KEEP = 32


def root_ref(root: Root) -> Ref:
    """The root as a reference. Its last key is not known, which an empty one says: keys are never empty."""
    return Ref(b"", root.id, root.count, root.size)


def node_faults(ref: Ref, level: int, node: Node, after: bytes = b"") -> list[str]:
    """What in `node` contradicts its parent's `ref`. All of its keys must be greater than `after`."""
    faults = []
    if node.level != level:
        faults.append(f"level {node.level} where {level} belongs")
    if ref.last and node.refs[-1].last != ref.last:
        faults.append("its last key is not the one its parent names")
    if node.refs[0].last <= after:
        faults.append("its keys overlap those before it")
    if sum(r.count for r in node.refs) != ref.count:
        faults.append("its entries are not as many as its parent says")
    if sum(r.size for r in node.refs) != ref.size:
        faults.append("its size is not the one its parent says")
    return faults


def leaf_faults(ref: Ref, leaf: Batch, after: bytes = b"") -> list[str]:
    """What in `leaf` contradicts its parent's `ref`. All of its keys must be greater than `after`."""
    keys, values = leaf
    faults = []
    if ref.last and (not keys or keys[-1] != ref.last):
        faults.append("its last key is not the one its parent names")
    if keys and keys[0] <= after:
        faults.append("its keys overlap those before it")
    if len(keys) != ref.count:
        faults.append("its entries are not as many as its parent says")
    if sum(map(len, keys)) + sum(map(len, values)) != ref.size:
        faults.append("its size is not the one its parent says")
    return faults


class Nodes:
    """Decoded inner nodes, the last few of them kept; leaves are decoded anew."""

    def __init__(self, blobs: BlobReader) -> None:
        self._blobs = blobs
        self._kept: OrderedDict[bytes, list[Ref]] = OrderedDict()

    def children(self, ref: Ref, level: int) -> list[Ref]:
        """The children of the node of `level` >= 1, not to be changed. Missing or Corrupt."""
        kept = self._kept.get(ref.id)
        if kept is not None:
            self._kept.move_to_end(ref.id)
            return kept
        node = decode_node(self._blobs.get(BlobKind.NODE, ref.id))
        _refuse(ref, node_faults(ref, level, node))
        self._kept[ref.id] = node.refs
        if len(self._kept) > _KEEP:
            self._kept.popitem(last=False)
        return node.refs

    def leaf(self, ref: Ref) -> Batch:
        """Keys and values of the leaf, for the caller to keep. Missing or Corrupt."""
        leaf = decode_leaf(self._blobs.get(BlobKind.LEAF, ref.id))
        _refuse(ref, leaf_faults(ref, leaf))
        return leaf


def _refuse(ref: Ref, faults: list[str]) -> None:
    if faults:
        raise Corrupt(
            f"reading a tree: blob {ref.id.hex()}: {'; '.join(faults)}",
            hint="run verify to see what is affected",
        )
