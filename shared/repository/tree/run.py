"""Runs: the leaves of one key range, built by one worker, and joined with its neighbours' into a tree.

A run as bytes, little endian:

    offset    size    what
    0         1       0xC1: run, version 1
    1         4       n, its leaves
    5         1       1 when a cut ended the last leaf (or there is none), 0 when the range's end did
    6         4       length of the first key
    10        rest    the leaves, in the columns of an inner node; then the first key, without a gap
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.errors import BadInput, Corrupt
from shared.format.chunker import Chunking
from shared.format.node import Batch, Ref, Root, pack_refs, read_head, unpack_refs
from shared.repository.blobs import BlobWriter
from shared.repository.tree.build import LeafBuilder, TreeBuilder
from shared.repository.tree.cover import Cover
from shared.repository.tree.nodes import Nodes

RUN = 0xC1
_HEAD = 10


class Run(NamedTuple):
    """Leaves in order, whether a cut ended the last one, and the first key (empty when there are none)."""

    refs: list[Ref]
    closed: bool
    first: bytes


def build_run(
    blobs: BlobWriter, chunking: Chunking, batches: Iterable[Batch], like: Root | None = None
) -> Run:
    """Store one key range's leaves. As `build`, without the nodes above."""
    nodes = Nodes(blobs)
    refs: list[Ref] = []
    builder = LeafBuilder(blobs, chunking, refs.append, nodes, Cover(nodes, like))
    first = b""
    for keys, values in batches:
        builder.add_batch(keys, values)
        first = first or (keys[0] if keys else b"")
    closed = builder.finish()
    return Run(refs, closed, first)


def join(blobs: BlobWriter, chunking: Chunking, runs: Iterable[Run], like: Root | None = None) -> Root:
    """One tree of runs in key order: the same that `build` makes of all their entries.

    Reads only the leaves at the seams, until the cuts fall together again. BadInput when runs overlap.
    """
    builder = TreeBuilder(blobs, chunking, like)
    last = b""
    for refs, closed, first in runs:
        if not refs:
            continue
        if first <= last:
            raise BadInput("joining runs into a tree: their key ranges overlap or are out of order")
        for ref in refs[:-1]:
            builder.add_leaf(ref, closed=True)
        builder.add_leaf(refs[-1], closed)
        last = refs[-1].last
    return builder.finish()


def encode_run(run: Run) -> bytes:
    """The run's bytes."""
    head = (bytes((RUN,)), len(run.refs).to_bytes(4, "little"), bytes((run.closed,)))
    return b"".join((*head, len(run.first).to_bytes(4, "little"), *pack_refs(run.refs), run.first))


def decode_run(data: bytes) -> Run:
    """The run. Corrupt unless `data` is exactly what `encode_run` makes of a run that can be."""
    count = read_head(data, RUN, "run")
    if len(data) < _HEAD or data[5] > 1:
        raise Corrupt("decoding a run: its head is cut off or holds an unknown flag")
    length = int.from_bytes(data[6:_HEAD], "little")
    refs, end = unpack_refs(data, _HEAD, count)
    first = data[end:]
    if len(first) != length:
        raise Corrupt("decoding a run: its length is not what its leaves add up to")
    if refs and not b"" < first <= refs[0].last:
        raise Corrupt("decoding a run: its first key does not come before its first leaf's last one")
    if not refs and (first or not data[5]):
        raise Corrupt("decoding a run: it has no leaves and still a first key or an open end")
    return Run(refs, bool(data[5]), first)
