"""What a check finds: typed, each naming the object, and the keys that are lost with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.errors import FirekeepError


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be.

    `code` is `missing`, `corrupt`, `mismatch` (whole, but contradicting something else), `unsupported`, `nothing`
    (the check had nothing to look at), or an error's code when an object could not be read at all. `key` is the
    object's; a bare `index/` when no index names a blob that must exist.
    """

    code: str
    key: str
    message: str
    snapshot: str = ""
    content: str = ""
    lost: tuple[bytes, bytes] | None = None
    """Keys that cannot be read: above the first, up to and with the second (empty: to the end)."""


@dataclass
class Tally:
    """What a check has read so far, to show and to prove that it read something."""

    objects: int = 0
    bytes: int = 0
    blobs: int = 0


def of_error(error: FirekeepError, key: str, snapshot: str = "") -> Finding:
    """The finding that an object's reading ended with this error."""
    return Finding("missing" if error.code == "not_found" else error.code, key, error.message, snapshot)


def merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Neighbouring key ranges lost with one object, as one finding."""
    last: Finding | None = None
    for finding in findings:
        if last is not None and _adjoins(last, finding):
            last = replace(last, lost=(_lost(last)[0], _lost(finding)[1]))
            continue
        if last is not None:
            yield last
        last = finding
    if last is not None:
        yield last


def _adjoins(one: Finding, two: Finding) -> bool:
    same = (one.code, one.key, one.snapshot, one.content) == (two.code, two.key, two.snapshot, two.content)
    return same and one.lost is not None and two.lost is not None and one.lost[1] == two.lost[0]


def _lost(finding: Finding) -> tuple[bytes, bytes]:
    return finding.lost or (b"", b"")
