"""What a scope means in key ranges: what is in, and what its exclusions take out."""

from __future__ import annotations

from shared.format.key import checked_path, prefix_range
from shared.sources.contract import Scope
from shared.sources.firestore.counting import Range

EVERYTHING: Range = (b"", b"")


def scope_ranges(scope: Scope) -> dict[str, Range]:
    """The scope's prefixes (`""` for everything) in key order, without those inside another. BadInput for a path
    that Firestore could not have."""
    if not scope.prefixes:
        return {"": EVERYTHING}
    spans = sorted((prefix_range(checked_path(path)), path) for path in set(scope.prefixes))
    out: dict[str, Range] = {}
    covered = b""
    for (start, end), path in spans:
        if end > covered:
            out[path] = (start, end)
            covered = end
    return out


def excluded_ranges(scope: Scope) -> dict[str, Range]:
    """The first segments left out, in key order."""
    spans = sorted((prefix_range(checked_path(name)), name) for name in set(scope.exclude))
    return {name: span for span, name in spans}


def overlap(a: Range, b: Range) -> Range | None:
    """What two ranges share; None when nothing."""
    start = max(a[0], b[0])
    end = min(a[1], b[1]) if a[1] and b[1] else a[1] or b[1]
    return (start, end) if not end or start < end else None


def without(span: Range, taken: list[Range]) -> list[Range]:
    """What is left of a range when others, in order and apart from one another, are taken out."""
    left: list[Range] = []
    start, end = span
    for low, high in taken:
        if not overlap((start, end), (low, high)):
            continue
        if start < low:
            left.append((start, low))
        start = high
        if end and start >= end:
            return left
    left.append((start, end))
    return left
