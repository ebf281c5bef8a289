"""What a restore is about: key ranges for prefixes, keys for single documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import BadInput
from shared.format.key import after_record, key_of_path, prefix_range
from shared.models.jobs import RestoreRequest

Range = tuple[bytes, bytes]
"""Keys in [start, end); an empty end means no bound."""


@dataclass(frozen=True)
class RestoreScope:
    """`prefixes` do not contain one another; `ranges` are theirs, ascending; `documents` lie outside of them."""

    whole: bool
    prefixes: tuple[str, ...]
    ranges: tuple[Range, ...]
    documents: tuple[bytes, ...]
    exclude: tuple[str, ...]
    """Root collections that are never touched."""


def scope_of(request: RestoreRequest, covered: tuple[str, ...], exclude: tuple[str, ...]) -> RestoreScope:
    """What `request` asks for of a snapshot that covers `covered` (nothing named: everything) but for `exclude`.

    BadInput names a path that the snapshot does not cover.
    """
    for path in (*request.prefixes, *request.documents):
        _check_covered(path, covered, exclude)
    whole = not (request.prefixes or request.documents)
    prefixes = _outermost(covered if whole else request.prefixes)
    if whole and not prefixes:
        return RestoreScope(True, (), ((b"", b""),), (), exclude)
    ranges = tuple(sorted(prefix_range(path) for path in prefixes))
    keys = sorted({key_of_path(path) for path in request.documents})
    outside = tuple(key for key in keys if not any(start <= key < end for start, end in ranges))
    return RestoreScope(False, prefixes, ranges, outside, exclude)


def after(ranges: Iterable[Range], cursor: bytes) -> list[Range]:
    """What of `ranges` lies behind `cursor`."""
    if not cursor:
        return list(ranges)
    rest = after_record(cursor)
    return [(max(start, rest), end) for start, end in ranges if not end or end > rest]


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    named = set(paths)
    return tuple(sorted(path for path in named if not any(_inside(path, other) for other in named - {path})))


def _inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith(outer + "/")


def _check_covered(path: str, covered: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    if path.split("/", 1)[0] in exclude:
        raise BadInput(f"{path} belongs to the backup system itself, and is in no backup")
    if covered and not any(_inside(path, outer) for outer in covered):
        raise BadInput(f"the backup does not cover {path}", hint=f"it covers {', '.join(covered[:5])}")
