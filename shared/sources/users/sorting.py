"""Records in any order in, in key order out, in memory bounded by the size of a run.

Sorted runs go to one temporary file, which no other process can open and which is gone when this one ends. It holds
what the records hold.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise

from shared.errors import Corrupt

Pair = tuple[bytes, bytes]

_BLOCK = 256 << 10
_LENGTH = 4


def in_order(records: Iterable[Pair], run_bytes: int) -> Iterator[Pair]:
    """Keys strictly ascending. Of a key that comes twice, the record that came last."""
    with tempfile.TemporaryFile() as file:
        held: dict[bytes, bytes] = {}
        size, ends = 0, [0]
        for key, value in records:
            held[key] = value
            size += len(key) + len(value)
            if size >= run_bytes:
                file.writelines(_spelled(held))
                ends.append(file.tell())
                held, size = {}, 0
        file.flush()
        runs = [
            _run(file.fileno(), start, end, -number) for number, (start, end) in enumerate(pairwise(ends))
        ]
        newest = ((key, -len(runs), held[key]) for key in sorted(held))
        last = None
        for key, _, value in heapq.merge(*runs, newest):
            if key != last:
                yield key, value
            last = key


def _spelled(held: dict[bytes, bytes]) -> Iterator[bytes]:
    for key in sorted(held):
        for data in (key, held[key]):
            yield len(data).to_bytes(_LENGTH, "little")
            yield data


def _run(descriptor: int, start: int, end: int, order: int) -> Iterator[tuple[bytes, int, bytes]]:
    """The records of one run; of equal keys, the one of the later run has the lesser `order`."""
    pieces = _pieces(descriptor, start, end)
    for key in pieces:
        yield key, order, next(pieces)


def _pieces(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    buffer, at = b"", 0
    while start < end or at < len(buffer):
        length = int.from_bytes(buffer[at : at + _LENGTH], "little") + _LENGTH
        if len(buffer) - at < _LENGTH or len(buffer) - at < length:
            more = os.pread(descriptor, min(_BLOCK, end - start), start)
            if not more:
                raise Corrupt("sorting accounts: the temporary file is shorter than what was written")
            buffer, at, start = buffer[at:] + more, 0, start + len(more)
            continue
        yield buffer[at + _LENGTH : at + length]
        at += length
