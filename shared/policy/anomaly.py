"""Whether something happened to the data that nobody wants rotation to make final: most of it gone, or overwritten.

A pure decision over what two snapshots of the same scope hold and how they differ. Where it says so, rotation stops
until a person has looked: a backup keeps what ransomware wrote as faithfully as anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Shares, from 0 to 1, of what the earlier snapshot held, and the records it must hold at least to be looked at."""

    gone: float = 0.5
    overwritten: float = 0.5
    least: int = 100


@dataclass(frozen=True)
class Difference:
    """One content, in records. `dropped` and `changed` may be cut short once they are beyond every threshold."""

    before: int
    after: int
    dropped: int = 0
    changed: int = 0


def anomaly(differences: Mapping[str, Difference], thresholds: Thresholds) -> str:
    """Why rotation must stop, or nothing. `differences` are by content."""
    told = []
    for content, one in sorted(differences.items()):
        if one.before < thresholds.least:
            continue
        gone = max(one.dropped, one.before - one.after)
        if gone > thresholds.gone * one.before:
            told.append(f"{gone} of {one.before} {content} are gone")
        elif one.changed > thresholds.overwritten * one.before:
            told.append(f"{one.changed} of {one.before} {content} were overwritten")
        elif gone + one.changed > max(thresholds.gone, thresholds.overwritten) * one.before:
            told.append(f"{gone} of {one.before} {content} are gone and {one.changed} were overwritten")
    return "; ".join(told)
