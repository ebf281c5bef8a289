"""Lays a wanted state beside a live one, both in key order, and tells what would make them equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from shared.sources.contract import Batch

Equal = Callable[[bytes, bytes], bool]


class Pair(NamedTuple):
    """One key with its wanted and its live record; at least one of them is there."""

    key: bytes
    wanted: bytes | None
    live: bytes | None


def side_by_side(wanted: Iterator[Batch], live: Iterator[Batch]) -> Iterator[Pair]:
    """Every key of either side once, ascending."""
    ours, theirs = _flat(wanted), _flat(live)
    left, right = next(ours, None), next(theirs, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None  # noqa: S101  # the loop's condition
            yield Pair(left[0], left[1], None)
            left = next(ours, None)
        elif left is None or right[0] < left[0]:
            yield Pair(right[0], None, right[1])
            right = next(theirs, None)
        else:
            yield Pair(left[0], left[1], right[1])
            left, right = next(ours, None), next(theirs, None)


def _flat(batches: Iterator[Batch]) -> Iterator[tuple[bytes, bytes]]:
    for keys, values in batches:
        yield from zip(keys, values, strict=True)
