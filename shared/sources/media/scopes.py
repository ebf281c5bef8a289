"""What a scope means in key ranges: buckets, and prefixes of names in them, without what is excluded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from shared.errors import BadInput
from shared.format.flat import span
from shared.sources.contract import Scope

Range = tuple[bytes, bytes]


def spans(scope: Scope, buckets: Collection[str]) -> list[Range]:
    """The ranges of a scope in key order, each within one bucket. BadInput for a bucket that is not among ours."""
    return without(_merged(scope.prefixes or tuple(buckets), buckets), _merged(scope.exclude, buckets))


def cut(ranges: Sequence[Range], cuts: Sequence[bytes]) -> list[Range]:
    """The same ranges in smaller pieces, ending where a cut lies inside."""
    out: list[Range] = []
    for start, end in ranges:
        inside = sorted({key for key in cuts if start < key < end})
        bounds = [start, *inside, end]
        out += pairwise(bounds)
    return out


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """What is left of ranges when others are taken out; both in order and apart from one another."""
    left: list[Range] = []
    for start, end in ranges:
        low = start
        for gone, back in taken:
            if back <= low or gone >= end:
                continue
            if low < gone:
                left.append((low, gone))
            low = max(low, back)
        if low < end:
            left.append((low, end))
    return left


def _merged(prefixes: Sequence[str], buckets: Collection[str]) -> list[Range]:
    """Their ranges in key order, without those inside another."""
    out: list[Range] = []
    for found in sorted(_span(prefix, buckets) for prefix in set(prefixes)):
        if not out or found[1] > out[-1][1]:
            out.append(found)
    return out


def _span(prefix: str, buckets: Collection[str]) -> Range:
    bucket = prefix.partition("/")[0]
    if bucket not in buckets:
        raise BadInput(
            f"choosing files: {bucket[:80]!r} is not among the buckets that are backed up",
            hint=f"they are: {', '.join(sorted(buckets)) or 'none'}",
        )
    return span(prefix)
