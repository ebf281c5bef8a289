"""Checking a tree from its root down, past whatever is damaged.

Every inner node is read; every leaf is read, or only asked for. Each is compared with what its parent says and
with its neighbours' keys. Damage is yielded, never raised, with the key range it makes unreadable. The root is
always read, so a tree of which nothing can be read never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared.errors import FirekeepError, IntegrityError, Missing, NotFound, Unsupported
from shared.format.node import Batch, Ref, Root, decode_leaf, decode_node
from shared.repository.blobs import BlobKind, BlobReader
from shared.repository.tree.nodes import leaf_faults, node_faults, root_ref


@dataclass(frozen=True)
class Problem:
    """One blob that is damaged, with the keys it covers: above `after`, up to `last` (empty: to the end).

    `code` is `missing`, `corrupt`, `unsupported` (all of these make the range unreadable) or `mismatch` (the
    blob is whole and contradicts its parent or its neighbour). The message names no key.
    """

    code: str
    kind: BlobKind
    id: bytes
    level: int
    after: bytes
    last: bytes
    message: str


Look = Callable[[bytes, Batch], Iterable[Problem]]
"""Says what is wrong with a leaf's entries, given the key they all are above."""


def verify(
    blobs: BlobReader,
    root: Root,
    leaves: bool,
    exists: Callable[[BlobKind, bytes], bool],
    look: Look | None = None,
) -> Iterator[Problem]:
    """Problems in key order; none when the tree is whole. With `leaves`, every leaf is read and decoded too, and
    `look` is asked about its entries.

    Only damage becomes a problem: what has nothing to do with it (Unavailable, Denied) is raised.
    """
    return _Walk(blobs, leaves, exists, look).subtree(root_ref(root), root.level, b"", b"")


class _Walk:
    def __init__(
        self,
        blobs: BlobReader,
        leaves: bool,
        exists: Callable[[BlobKind, bytes], bool],
        look: Look | None,
    ) -> None:
        self._blobs = blobs
        self._leaves = leaves
        self._exists = exists
        self._entries = look

    def subtree(self, ref: Ref, level: int, after: bytes, last: bytes) -> Iterator[Problem]:
        try:
            faults, children, level_below, entries = self._look(ref, level, after)
        except (IntegrityError, NotFound, Unsupported) as error:
            yield _problem(_code(error), ref, level, (after, last), error.message)
            return
        for fault in faults:
            yield _problem("mismatch", ref, level, (after, last), fault)
        if entries is not None and self._entries is not None:
            yield from self._entries(after, entries)
        above = after
        for child in children:
            yield from self.subtree(child, level_below, above, child.last)
            above = child.last

    def _look(self, ref: Ref, level: int, after: bytes) -> tuple[list[str], list[Ref], int, Batch | None]:
        """The faults of one blob, its children, and their level: by its own word, where it has a wrong one; and a
        leaf's entries, when it was read.
        """
        if level > 0:
            node = decode_node(self._blobs.get(BlobKind.NODE, ref.id))
            return node_faults(ref, level, node, after), node.refs, node.level - 1, None
        if self._leaves or not ref.last:
            leaf = decode_leaf(self._blobs.get(BlobKind.LEAF, ref.id))
            return leaf_faults(ref, leaf, after), [], 0, leaf
        if not self._exists(BlobKind.LEAF, ref.id):
            raise Missing("the leaf is not in the repository")
        return [], [], 0, None


def _code(error: FirekeepError) -> str:
    return (
        error.code
        if isinstance(error, Missing | Unsupported)
        else "missing"
        if isinstance(error, NotFound)
        else "corrupt"
    )


def _problem(code: str, ref: Ref, level: int, span: tuple[bytes, bytes], why: str) -> Problem:
    kind, name = (BlobKind.NODE, f"node of level {level}") if level else (BlobKind.LEAF, "leaf")
    return Problem(
        code, kind, ref.id, level, span[0], span[1], f"checking a tree: {name} {ref.id.hex()}: {why}"
    )
