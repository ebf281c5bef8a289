"""Looks at how each new snapshot differs from the one before it, and stops rotation where most is gone or overwritten.

Counts come from the manifests, and from the trees only as much as is needed to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.format.manifest import Manifest
from shared.format.node import Root
from shared.models.retention import Gate, RotationState
from shared.policy.anomaly import Difference, Thresholds, anomaly
from shared.repository import Repository
from shared.repository.tree import diff


@dataclass(frozen=True)
class Alarm:
    """Why rotation must stop, and the last snapshot from before that."""

    reason: str
    good: str


def look(
    repository: Repository, manifests: Iterable[Manifest], state: RotationState, gate: Gate
) -> Alarm | None:
    """The first alarm among the snapshots that have not been looked at; without a time, of the newest only."""
    thresholds = Thresholds(gate.gone, gate.overwritten, gate.least)
    for old, new in _pairs(manifests, state.checked_at):
        reason = anomaly(
            {
                content: _difference(repository, old.roots[content], new.roots[content], thresholds)
                for content in old.roots.keys() & new.roots.keys()
            },
            thresholds,
        )
        if reason:
            return Alarm(f"between {old.id} and {new.id}, {reason}", old.id)
    return None


def _pairs(manifests: Iterable[Manifest], since: datetime | None) -> Iterator[tuple[Manifest, Manifest]]:
    """Neighbours in time that cover the same, the later of which is new."""
    last: dict[object, Manifest] = {}
    pairs: dict[object, list[tuple[Manifest, Manifest]]] = {}
    for one in sorted(manifests, key=lambda each: (each.at, each.id)):
        scope = (one.place, tuple(sorted(one.roots)), tuple(sorted(one.selection.items(), key=_name)))
        if scope in last:
            pairs.setdefault(scope, []).append((last[scope], one))
        last[scope] = one
    for found in pairs.values():
        new = found[-1:] if since is None else [pair for pair in found if pair[1].created > since]
        yield from new


def _name(item: tuple[str, object]) -> str:
    return item[0]


def _difference(repository: Repository, old: Root, new: Root, thresholds: Thresholds) -> Difference:
    """Exact up to the thresholds; beyond them nothing more is read."""
    enough = Difference(old.count, new.count)
    if old.id == new.id or old.count < thresholds.least or anomaly({"": enough}, thresholds):
        return enough
    dropped = changed = 0
    for change in diff(repository, old, new):
        dropped += change.new is None
        changed += change.old is not None and change.new is not None
        enough = Difference(old.count, new.count, dropped, changed)
        if anomaly({"": enough}, thresholds):
            break
    return enough
