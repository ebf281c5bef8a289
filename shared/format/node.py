"""Leaves and inner nodes of a tree as bytes: canonical, columnar, decoded strictly.

All numbers are little endian and unsigned. A leaf, with n entries:

    offset       size     what
    0            1        0xA1: leaf, version 1
    1            4        n
    5            4 n      length of each key (at least 1)
    5 +  4 n     4 n      length of each value
    5 +  8 n     rest     the keys in strictly ascending order, then the values, without gaps

An inner node of level 1 (its children are leaves) or higher, with n >= 1 children:

    0            1        0xB1: node, version 1
    1            4        n
    5            1        level
    6            4 n      length of each child's last key (at least 1)
    6 +  4 n     8 n      entries below each child (at least 1)
    6 + 12 n     8 n      bytes of keys and values below each child
    6 + 20 n     32 n     id of each child
    6 + 52 n     rest     the last keys in strictly ascending order, without gaps

Nothing may follow. Whatever else is found is Corrupt; a higher version is Unsupported.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice, pairwise
from operator import lt
from typing import NamedTuple

from shared.errors import BadInput, Corrupt, Unsupported

Batch = tuple[list[bytes], list[bytes]]
"""Keys and values of consecutive entries: same length, keys strictly ascending and never empty."""

LEAF = 0xA1
NODE = 0xB1
MAX_LEAF = 1 << 28
"""Most bytes of keys and values in one leaf: far above a leaf's largest size plus any one entry."""
MAX_CHILDREN = 1 << 16
MAX_LEVEL = 63
ID_SIZE = 32
_HEAD = 5
_REF_FIXED = 4 + 8 + 8 + ID_SIZE


class Ref(NamedTuple):
    """A subtree as its parent knows it: its last key, blob id, entries, and bytes of keys and values."""

    last: bytes
    id: bytes
    count: int  # type: ignore[assignment]  # the count of entries is worth more than tuple.count
    size: int


class Root(NamedTuple):
    """A whole tree: the id of its top node, that node's level (0 is a leaf), its entries and their bytes."""

    id: bytes
    level: int
    count: int  # type: ignore[assignment]  # the count of entries is worth more than tuple.count
    size: int


class Node(NamedTuple):
    level: int
    refs: list[Ref]


def ascending(keys: Sequence[bytes], after: bytes = b"") -> bool:
    """Whether all keys are greater than `after` and strictly ascending; so none is empty."""
    return not keys or (keys[0] > after and all(map(lt, keys, islice(keys, 1, None))))


def encode_leaf(keys: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """The leaf's bytes. The order of the keys is the caller's promise. BadInput above MAX_LEAF."""
    key_lengths, value_lengths = list(map(len, keys)), list(map(len, values))
    size = sum(key_lengths) + sum(value_lengths)
    if size > MAX_LEAF:
        raise BadInput(f"a leaf of {size} bytes passes the limit of {MAX_LEAF}: an entry is too large")
    head = (
        bytes((LEAF,)),
        len(keys).to_bytes(4, "little"),
        _column("I", key_lengths),
        _column("I", value_lengths),
    )
    return b"".join((*head, *keys, *values))


def decode_leaf(data: bytes) -> Batch:
    """Keys and values. Corrupt unless `data` is exactly what `encode_leaf` makes."""
    count = read_head(data, LEAF, "leaf")
    body = _HEAD + 8 * count
    if len(data) < body:
        raise Corrupt(f"decoding a leaf: {len(data)} bytes are too few for {count} entries")
    lengths = _numbers("I", data[_HEAD:body])
    if sum(lengths) != len(data) - body or len(data) - body > MAX_LEAF:
        raise Corrupt("decoding a leaf: its length is not what its entries add up to")
    parts = _slices(data, body, lengths)
    keys, values = parts[:count], parts[count:]
    if not ascending(keys):
        raise Corrupt("decoding a leaf: keys are not strictly ascending")
    return keys, values


def encode_node(level: int, refs: Sequence[Ref]) -> bytes:
    """The bytes of a node of `level` >= 1 over at least one child. The order is the caller's promise."""
    if not 1 <= level <= MAX_LEVEL or not 1 <= len(refs) <= MAX_CHILDREN:
        raise BadInput(f"a node of level {level} with {len(refs)} children is outside the format's limits")
    return b"".join((bytes((NODE,)), len(refs).to_bytes(4, "little"), bytes((level,)), *pack_refs(refs)))


def decode_node(data: bytes) -> Node:
    """Level and children. Corrupt unless `data` is exactly what `encode_node` makes."""
    count = read_head(data, NODE, "node")
    if not 1 <= count <= MAX_CHILDREN or len(data) < _HEAD + 1 or not 1 <= data[_HEAD] <= MAX_LEVEL:
        raise Corrupt("decoding a node: its level or its number of children is outside the limits")
    refs, end = unpack_refs(data, _HEAD + 1, count)
    if end != len(data):
        raise Corrupt("decoding a node: its length is not what its children add up to")
    return Node(data[_HEAD], refs)


def read_head(data: bytes, magic: int, what: str) -> int:
    """The count after the first byte, which must be `magic` (kind in the high half, version in the low)."""
    if len(data) < _HEAD:
        raise Corrupt(f"decoding a {what}: {len(data)} bytes are fewer than its head")
    if data[0] != magic:
        if data[0] >> 4 == magic >> 4 and data[0] > magic:
            raise Unsupported(
                f"decoding a {what}: written in version {data[0] & 15} of the format",
                hint="use a newer release",
            )
        raise Corrupt(f"decoding a {what}: it does not begin as one")
    return int.from_bytes(data[1:_HEAD], "little")


def pack_refs(refs: Sequence[Ref]) -> list[bytes]:
    """The columns of a list of children, in the order of the table above."""
    lengths = [len(ref.last) for ref in refs]
    columns = [
        _column("I", lengths),
        _column("Q", [ref.count for ref in refs]),
        _column("Q", [ref.size for ref in refs]),
    ]
    return [*columns, *(ref.id for ref in refs), *(ref.last for ref in refs)]


def unpack_refs(data: bytes, at: int, count: int) -> tuple[list[Ref], int]:
    """`count` children whose columns begin at `at`, and where they end. Corrupt when they cannot be right."""
    body = at + count * _REF_FIXED
    if len(data) < body:
        raise Corrupt(f"decoding a list of children: {len(data)} bytes are too few for {count}")
    lengths = _numbers("I", data[at : at + 4 * count])
    counts = _numbers("Q", data[at + 4 * count : at + 12 * count])
    sizes = _numbers("Q", data[at + 12 * count : at + 20 * count])
    ids = [data[i : i + ID_SIZE] for i in range(at + 20 * count, body, ID_SIZE)]
    end = body + sum(lengths)
    if end > len(data):
        raise Corrupt("decoding a list of children: it is shorter than its last keys")
    lasts = _slices(data, body, lengths)
    if not ascending(lasts):
        raise Corrupt("decoding a list of children: last keys are not strictly ascending")
    if not all(counts) or any(map(lt, sizes, counts)):
        raise Corrupt("decoding a list of children: a child without entries, or smaller than its entries")
    return list(map(Ref, lasts, ids, counts, sizes)), end


def _slices(data: bytes, start: int, lengths: Iterable[int]) -> list[bytes]:
    return [data[a:b] for a, b in pairwise(accumulate(lengths, initial=start))]


def _column(code: str, numbers: list[int]) -> bytes:
    column = array(code, numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _numbers(code: str, data: bytes) -> array[int]:
    column = array(code)
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
