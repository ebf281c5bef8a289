"""Where a sorted stream is cut into leaves, and a row of children into nodes.

A cut is decided by the key it follows and by what came since the last cut, by nothing before it. So the same
entries give the same cuts however they arrive, an edit moves the cuts near it only, and a change of a value
hardly ever moves one. Sizes are bytes of key and value, before any encoding.

After an entry of `n` bytes with key `k`, a leaf holding `s` bytes (this entry included) ends iff

    s >= max  or  (s >= min and xxh64(k, seed) < n * (2**64 // (target - min)))

which makes leaves of `target` bytes on average, whatever the sizes of the entries. A node of level L ends after
its c-th child, whose last key is `k`, by the same rule over children, with the seed `seed ^ L`:

    c >= max_fanout  or  (c >= min_fanout and xxh64(k, seed ^ L) < 2**64 // (fanout - min_fanout))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xxhash import xxh64_intdigest

from shared.errors import BadInput

_SPACE = 1 << 64


@dataclass(frozen=True)
class Chunking:
    """What decides the cuts; part of a repository's options, and the same for all of its trees.

    `seed` (u64) is derived from the repository's key, so that cuts tell nothing about keys. `target`, `min`
    and `max` are bytes per leaf; the fan-outs are children per node. BadInput when they contradict each other.
    """

    seed: int
    target: int = 64 << 10
    min: int = 16 << 10
    max: int = 256 << 10
    fanout: int = 256
    min_fanout: int = 32
    max_fanout: int = 1024

    def __post_init__(self) -> None:
        if not 0 <= self.seed < _SPACE:
            raise BadInput("chunking: seed must be an unsigned 64-bit number")
        if not 0 < self.min < self.target < self.max <= 1 << 27:
            raise BadInput("chunking: leaf sizes must satisfy 0 < min < target < max <= 128 MiB")
        if not 2 <= self.min_fanout < self.fanout < self.max_fanout <= 1 << 16:
            raise BadInput("chunking: fan-outs must satisfy 2 <= min_fanout < fanout < max_fanout <= 65536")


def leaf_cuts(
    chunking: Chunking, held: int, keys: Sequence[bytes], values: Sequence[bytes]
) -> tuple[list[tuple[int, int]], int]:
    """The cuts in a batch that follows `held` bytes of an open leaf.

    Returns each cut as (index after the leaf's last entry, bytes of the leaf), and the bytes held after the
    last one: 0 when the batch ends with a cut.
    """
    seed, least, most, digest = chunking.seed, chunking.min, chunking.max, xxh64_intdigest
    share = _SPACE // (chunking.target - least)
    cuts: list[tuple[int, int]] = []
    for index, (key, value) in enumerate(zip(keys, values, strict=True), 1):
        size = len(key) + len(value)
        held += size
        if held >= least and (held >= most or digest(key, seed) < size * share):
            cuts.append((index, held))
            held = 0
    return cuts, held


def node_ends(chunking: Chunking, level: int, held: int, last: bytes) -> bool:
    """Whether a node of `level` ends after its `held`-th child, whose last key is `last`."""
    if held < chunking.min_fanout:
        return False
    share = _SPACE // (chunking.fanout - chunking.min_fanout)
    return held >= chunking.max_fanout or xxh64_intdigest(last, chunking.seed ^ level) < share
