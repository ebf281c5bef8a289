"""A sorted set of keys in blocks: adding costs a short move, positions are counted by block.

It is as small as two lists while it holds few keys, since a database may have a collection below every document.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

BLOCK = 1024


class KeySet:
    """Distinct byte strings in ascending order. Not safe from several threads."""

    __slots__ = ("_blocks", "_lasts", "_starts")

    def __init__(self) -> None:
        self._blocks: list[list[bytes]] = []
        self._lasts: list[bytes] = []
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        return self._positions()[-1] if self._blocks else 0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, key: bytes) -> None:
        """Put a key that is not in the set."""
        self._starts = None
        if not self._blocks or key > self._lasts[-1]:
            self._append(key)
            return
        at = bisect_left(self._lasts, key)
        block = self._blocks[at]
        block.insert(bisect_left(block, key), key)
        self._lasts[at] = block[-1]
        if len(block) > BLOCK:
            self._split(at)

    def _append(self, key: bytes) -> None:
        if self._blocks and len(self._blocks[-1]) < BLOCK:
            self._blocks[-1].append(key)
            self._lasts[-1] = key
        else:
            self._blocks.append([key])
            self._lasts.append(key)

    def _split(self, at: int) -> None:
        block = self._blocks[at]
        half = len(block) // 2
        self._blocks[at : at + 1] = [block[:half], block[half:]]
        self._lasts.insert(at, block[half - 1])

    def remove(self, key: bytes) -> None:
        """Take out a key that is in the set."""
        self._starts = None
        at = bisect_left(self._lasts, key)
        block = self._blocks[at]
        del block[bisect_left(block, key)]
        if block:
            self._lasts[at] = block[-1]
        else:
            del self._blocks[at], self._lasts[at]

    def _positions(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(map(len, self._blocks), initial=0))
        return self._starts

    def count_below(self, key: bytes) -> int:
        """How many keys are smaller than `key`."""
        at = bisect_left(self._lasts, key)
        if at == len(self._blocks):
            return len(self)
        return self._positions()[at] + bisect_left(self._blocks[at], key)

    def every(self, step: int, low: bytes, high: bytes) -> list[bytes]:
        """Each `step`-th key of a range, from the `step`-th on: cut points of equal pieces."""
        first, end = self.count_below(low), self.count_below(high)
        return [self._at(position) for position in range(first + step, end, step)]

    def _at(self, position: int) -> bytes:
        starts = self._positions()
        block = bisect_left(starts, position + 1) - 1
        return self._blocks[block][position - starts[block]]

    def ascending(self, low: bytes, high: bytes, most: int) -> list[bytes]:
        """At most `most` keys with low <= key < high, from the lowest."""
        found: list[bytes] = []
        at = bisect_left(self._lasts, low)
        while at < len(self._blocks) and len(found) < most:
            block = self._blocks[at]
            start = 0 if found else bisect_left(block, low)
            end = len(block) if self._lasts[at] < high else bisect_left(block, high, start)
            found += block[start : min(end, start + most - len(found))]
            if end < len(block):
                break
            at += 1
        return found

    def descending(self, low: bytes, high: bytes, most: int) -> list[bytes]:
        """At most `most` keys with low <= key < high, from the highest."""
        found: list[bytes] = []
        at = min(bisect_left(self._lasts, high), len(self._blocks) - 1)
        while at >= 0 and len(found) < most:
            block = self._blocks[at]
            end = len(block) if self._lasts[at] < high else bisect_left(block, high)
            start = bisect_left(block, low, 0, end) if block[0] < low else 0
            found += block[max(start, end - (most - len(found))) : end][::-1]
            if start:
                break
            at -= 1
        return found
