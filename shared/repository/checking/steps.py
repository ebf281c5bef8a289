"""A check in steps, so that a worker may stop between two of them and another go on.

Each walk of a snapshot, and each handful of packs, is a step of its own; what a later step needs of an earlier one is
either learned anew at little cost (the index, which packs there are) or handed in (which packs are damaged).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from shared.format.seal import name_of
from shared.repository.checking.frame import check_frame
from shared.repository.checking.packs import check_packs, check_sizes
from shared.repository.checking.scene import scene_of
from shared.repository.checking.trees import check_snapshot
from shared.repository.findings import Finding, Tally
from shared.repository.repository import Repository

AT_ONCE = 32
"""Packs in one step."""


class Steps:
    """`frame` comes first, in each process that takes part."""

    def __init__(self, repository: Repository, tally: Tally) -> None:
        self._scene = scene_of(repository, tally)

    def frame(self) -> list[Finding]:
        """What is wrong with the configuration, keys and indexes."""
        return list(check_frame(self._scene))

    def walk(self, snapshot: str, *, leaves: bool = False) -> tuple[list[Finding], set[bytes]]:
        """What is wrong with the trees of a snapshot, as far as is known of its packs, and the packs it needs."""
        scene = self._scene
        scene.referenced.clear()
        scene.told.clear()
        found = list(check_snapshot(scene, snapshot, leaves=leaves))
        return [*found, *check_sizes(scene)], set(scene.referenced)

    def stored(self) -> set[bytes]:
        """The packs there are."""
        return set(self._scene.sizes)

    def forget(self, packs: Iterable[bytes]) -> None:
        """From now on, count these as not there."""
        for pack in packs:
            self._scene.sizes.pop(pack, None)

    def look(self, packs: Iterable[bytes]) -> list[Finding]:
        """What is wrong with these packs, each read whole. Later walks know which of their blobs do not open."""
        present = [pack for pack in packs if pack in self._scene.sizes]
        return list(check_packs(self._scene, present, open_blobs=True))


def shared_out(packs: Iterable[bytes], sample: float, turn: int) -> list[bytes]:
    """The share of packs whose turn it is, in order: after 1 / `sample` turns in a row, each had its turn."""
    turns = math.ceil(1 / sample)
    return sorted(pack for pack in packs if _rank(pack) * turns >> 64 == turn % turns)


def in_steps(packs: Sequence[bytes], after: bytes) -> Iterator[tuple[bytes, ...]]:
    """Packs behind `after`, a step's worth at a time."""
    rest = [pack for pack in packs if pack > after]
    return (tuple(rest[at : at + AT_ONCE]) for at in range(0, len(rest), AT_ONCE))


def _rank(pack: bytes) -> int:
    return int.from_bytes(name_of(pack)[:8], "big")
