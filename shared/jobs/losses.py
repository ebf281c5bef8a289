"""What damage means to people: which records of a backup are lost, and that the others still restore."""

from __future__ import annotations

from collections.abc import Iterable

from shared.contents import CONTENTS
from shared.errors import FirekeepError
from shared.format.forms import FORMS
from shared.format.manifest import Manifest
from shared.repository import Repository
from shared.repository.findings import Finding
from shared.repository.tree import count_range

Range = tuple[bytes, bytes]

RANGES = 20
"""How many ranges of a content are named."""


def losses(repository: Repository, snapshot: str, findings: Iterable[Finding]) -> list[str]:
    """Lines for people, a content after the other: what of it cannot be read, and what restores all the same."""
    try:
        manifest = repository.manifest(snapshot)
    except FirekeepError:
        return ["nothing of it can be restored: its manifest cannot be read"]
    lost: dict[str, list[Range]] = {}
    for finding in findings:
        if finding.lost is not None and finding.content in manifest.roots:
            lost.setdefault(finding.content, []).append(finding.lost)
    if not lost:
        return []
    whole = [name for name in CONTENTS if name in manifest.roots and name not in lost]
    lines = [
        line for name, ranges in lost.items() for line in _of_content(repository, manifest, name, ranges)
    ]
    return [*lines, *(f"{name}: whole, all of it restores" for name in whole)]


def _of_content(
    repository: Repository, manifest: Manifest, content: str, ranges: list[Range]
) -> Iterable[str]:
    ranges = _joined(ranges)
    total, names = manifest.roots[content].count, [_named(content, one) for one in ranges[:RANGES]]
    more = f", and {len(ranges) - RANGES} ranges more" if len(ranges) > RANGES else ""
    numbers = [_count(repository, manifest, content, one) for one in ranges]
    known = sum(number for number in numbers if number is not None)
    if None in numbers:
        yield f"{content}: of {total} records, these cannot be read: {'; '.join(names)}{more}; the others restore"
    else:
        yield (
            f"{content}: {known} of {total} records cannot be read: {'; '.join(names)}{more}; "
            f"the other {total - known} restore"
        )


def _joined(ranges: list[Range]) -> list[Range]:
    """The same, in order, without overlaps."""
    joined: list[Range] = []
    for above, last in sorted(set(ranges)):
        if joined and (not joined[-1][1] or above <= joined[-1][1]):
            before = joined.pop()
            joined.append((before[0], b"" if not (before[1] and last) else max(before[1], last)))
        else:
            joined.append((above, last))
    return joined


def _count(repository: Repository, manifest: Manifest, content: str, lost: Range) -> int | None:
    """How many records lie there; None when the nodes above them cannot be read either."""
    above, last = lost
    start, end = above + b"\0" if above else b"", last + b"\0" if last else b""
    try:
        return count_range(repository, manifest.roots[content], start, end)
    except FirekeepError:
        return None


def _named(content: str, lost: Range) -> str:
    above, last = (_name(content, key) for key in lost)
    if not above and not last:
        return "all"
    if not above:
        return f"up to {last}"
    return f"behind {above} up to {last}" if last else f"all behind {above}"


def _name(content: str, key: bytes) -> str:
    if not key:
        return ""
    try:
        return FORMS[content].name(key)
    except (FirekeepError, ValueError):
        return f"key {key.hex()[:80]}"
