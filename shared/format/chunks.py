"""Where files are cut into chunks: at places that their content decides, so that shifted content is found again.

FastCDC (2020) by `pyfastcdc`: chunks of 256 KiB to 4 MiB, about 1.2 MiB on average; a file of up to 256 KiB is one.
The gear table is changed by a seed of the repository's, so that equal files are cut elsewhere in another repository.
A reader needs nothing of this: records list the chunks. It decides only what is found to be stored already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pyfastcdc import FastCDC
from xxhash import xxh64_intdigest

LEAST: Final = 256 << 10
TARGET: Final = 1 << 20
MOST: Final = 4 << 20
_LABEL: Final = b"firekeep/1/files"


def cut(spans: Iterable[bytes], seed: int) -> Iterator[bytes]:
    """The chunks of a file that arrives in spans; the same however it is spanned. `seed` (u64) is the repository's.

    Holds the longest span and 4 MiB besides.
    """
    buffer = bytearray()
    rest = memoryview(b"")
    for span in spans:
        if not rest:
            rest = memoryview(span)
        else:
            size = len(rest) + len(span)
            # One buffer for the whole file: new memory costs more than moving what is undecided to its front.
            following = buffer if len(buffer) >= size else bytearray(MOST + len(span))
            memoryview(following)[: len(rest)] = rest
            memoryview(following)[len(rest) : size] = span
            buffer, rest = following, memoryview(following)[:size]
        if len(rest) > MOST:
            # As long as what follows could not change where a chunk ends.
            found = _cutter(seed).cut_buf(rest)
            while len(rest) > MOST:
                chunk = bytes(next(found).data)
                yield chunk
                rest = rest[len(chunk) :]
    if 0 < len(rest) <= LEAST:
        yield bytes(rest)
    elif rest:
        yield from (bytes(chunk.data) for chunk in _cutter(seed).cut_buf(rest))


def _cutter(seed: int) -> FastCDC:
    """Not safe from two threads, so each file has its own. The library takes 63 bits, and 0 for no seed at all."""
    mixed = xxh64_intdigest(_LABEL, seed) >> 1 | 1
    return FastCDC(TARGET, min_size=LEAST, max_size=MOST, normalized_chunking=2, seed=mixed)
