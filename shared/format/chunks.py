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

    Holds one span and at most 4 MiB besides.
    """
    rest = b""
    for span in spans:
        held = rest + span if rest else span
        rest = held
        if len(held) > MOST:
            end = 0
            for chunk in _decided(held, seed):
                yield chunk
                end += len(chunk)
            rest = held[end:]
    if 0 < len(rest) <= LEAST:
        yield rest
    elif rest:
        yield from (bytes(chunk.data) for chunk in _cutter(seed).cut_buf(rest))


def _decided(held: bytes, seed: int) -> Iterator[bytes]:
    """The first chunks, as long as what follows could not change where they end."""
    found = _cutter(seed).cut_buf(held)
    left = len(held)
    while left > MOST:
        data = bytes(next(found).data)
        left -= len(data)
        yield data


def _cutter(seed: int) -> FastCDC:
    """Not safe from two threads, so each file has its own. The library takes 63 bits, and 0 for no seed at all."""
    mixed = xxh64_intdigest(_LABEL, seed) >> 1 | 1
    return FastCDC(TARGET, min_size=LEAST, max_size=MOST, normalized_chunking=2, seed=mixed)
