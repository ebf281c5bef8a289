"""Reading a tree: one entry, a range, its leaves, how much there is, and where to cut it into equal parts.

A range is [start, end); an empty `end` is no bound. Only the nodes and leaves that touch it are read, lazily.
All raise Missing or Corrupt when what they need is not there whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from shared.errors import BadInput
from shared.format.node import Batch, Ref, Root
from shared.repository.blobs import BlobReader
from shared.repository.tree.nodes import Nodes, root_ref


def get(blobs: BlobReader, root: Root, key: bytes) -> bytes | None:
    """The value of `key`, or None."""
    nodes, ref = Nodes(blobs), root_ref(root)
    for level in range(root.level, 0, -1):
        refs = nodes.children(ref, level)
        at = bisect_left(refs, key, key=_last)
        if at == len(refs):
            return None
        ref = refs[at]
    keys, values = nodes.leaf(ref)
    at = bisect_left(keys, key)
    return values[at] if at < len(keys) and keys[at] == key else None


def scan(
    blobs: BlobReader, root: Root, start: bytes = b"", end: bytes = b"", after: bytes = b""
) -> Iterator[Batch]:
    """The entries of the range, a batch per leaf, none of them empty; with `after`, those beyond that key."""
    nodes = Nodes(blobs)
    start = max(start, after + b"\0") if after else start
    for ref in _leaves(nodes, root, start, end):
        batch = cut(nodes.leaf(ref), start, end)
        if batch[0]:
            yield batch


def leaves(blobs: BlobReader, root: Root, start: bytes = b"", end: bytes = b"") -> Iterator[Ref]:
    """References to the leaves that may hold keys of the range. A tree of one leaf has that leaf read."""
    nodes = Nodes(blobs)
    if root.level:
        yield from _leaves(nodes, root, start, end)
        return
    keys, _ = nodes.leaf(root_ref(root))
    if keys and keys[-1] >= start and (not end or keys[0] < end):
        yield Ref(keys[-1], root.id, root.count, root.size)


def count_range(blobs: BlobReader, root: Root, start: bytes = b"", end: bytes = b"") -> int:
    """How many entries the range has. Reads the paths to its two ends, whatever lies between."""
    return _count(Nodes(blobs), root_ref(root), root.level, b"", (start, end))


def split(blobs: BlobReader, root: Root, n: int) -> list[bytes]:
    """Up to n - 1 ascending keys of the tree that cut it into parts [key, next key) of about equal size.

    Reads inner nodes only, so a part is right to about one leaf, and small trees are cut into fewer parts. Only
    the part before the first cut can be empty, where the tree's first leaf has a single entry.
    """
    if n < 1:
        raise BadInput(f"splitting a tree: {n} parts")
    nodes = Nodes(blobs)
    found = (_at_offset(nodes, root, root.size * i // n) for i in range(1, n))
    return sorted({key for key in found if key})


def cut(batch: Batch, start: bytes, end: bytes) -> Batch:
    """The entries of a batch that are in the range."""
    keys, values = batch
    if not keys or (keys[0] >= start and (not end or keys[-1] < end)):
        return batch
    low = bisect_left(keys, start)
    high = bisect_left(keys, end) if end else len(keys)
    return keys[low:high], values[low:high]


def cut_refs(refs: list[Ref], start: bytes, end: bytes) -> list[Ref]:
    """The children that may hold keys of the range. A child's keys are above its neighbour's last one."""
    low = bisect_left(refs, start, key=_last) if start else 0
    high = bisect_left(refs, end, key=_last) + 1 if end else len(refs)
    return refs[low:high]


def _leaves(nodes: Nodes, root: Root, start: bytes, end: bytes) -> Iterator[Ref]:
    pending = [(root_ref(root), root.level)]
    while pending:
        ref, level = pending.pop()
        if level == 0:
            yield ref
        else:
            refs = cut_refs(nodes.children(ref, level), start, end)
            pending += [(child, level - 1) for child in reversed(refs)]


def _count(nodes: Nodes, ref: Ref, level: int, above: bytes, span: tuple[bytes, bytes]) -> int:
    start, end = span
    if (not start or above >= start) and (not end or b"" < ref.last < end):
        return ref.count
    if level == 0:
        return len(cut(nodes.leaf(ref), start, end)[0])
    total = 0
    for child in nodes.children(ref, level):
        if child.last >= start and (not end or above < end):
            total += _count(nodes, child, level - 1, above, span)
        above = child.last
    return total


def _at_offset(nodes: Nodes, root: Root, offset: int) -> bytes:
    """The last key before the leaf in which the byte at `offset` lies; empty when that leaf is the first."""
    ref, above = root_ref(root), b""
    for level in range(root.level, 0, -1):
        for child in nodes.children(ref, level):
            ref = child
            if offset < child.size:
                break
            offset -= child.size
            above = child.last
    return above


def _last(ref: Ref) -> bytes:
    return ref.last
