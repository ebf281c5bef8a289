"""Checking a repository against itself: every hash on the way down, or every byte.

The objects are read again, whatever an open repository remembers. Findings are yielded as they are made; an object
that is damaged or cannot be read does not hide the others. A check that had nothing to read says so: it does not pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from shared.errors import BadInput
from shared.format.seal import name_of
from shared.repository.checking.frame import check_frame
from shared.repository.checking.packs import check_packs, check_sizes
from shared.repository.checking.scene import Scene, scene_of
from shared.repository.checking.trees import check_snapshot
from shared.repository.findings import Finding, Tally
from shared.repository.layout import SNAPSHOTS
from shared.repository.repository import Repository

ALL: Final = None
"""In the place of a snapshot's id: every snapshot, and every pack whether or not a snapshot needs it."""


def check_structure(
    repository: Repository, snapshot: str | None, tally: Tally | None = None
) -> Iterator[Finding]:
    """Configuration, keys, indexes, manifests, inner nodes by their hashes, and the place in a pack of each leaf and
    of each chunk of a file.
    """
    scene = scene_of(repository, tally or Tally())
    yield from check_frame(scene)
    yield from _snapshots(scene, snapshot, leaves=False)
    yield from check_sizes(scene)
    yield from _conclusion(scene)


def check_data(
    repository: Repository,
    snapshot: str | None,
    sample: float = 1.0,
    salt: bytes = b"",
    tally: Tally | None = None,
) -> Iterator[Finding]:
    """The structure, and packs read whole: hash, table, every blob opened, hashed again and decoded.

    `sample` is the share of packs to read, at least one pack; `salt` decides which (a date gives others every day).
    """
    if not 0 < sample <= 1:
        raise BadInput(f"sample is {sample}; it must lie above 0 and not above 1")
    scene = scene_of(repository, tally or Tally())
    thorough = snapshot is not ALL and sample >= 1
    yield from check_frame(scene)
    yield from _snapshots(scene, snapshot, leaves=thorough)
    yield from check_sizes(scene)
    packs = (scene.referenced if snapshot is not ALL else scene.sizes.keys()) - scene.unfit
    # A tree that was read down to its leaves has had every blob that counts opened already, but for chunks of files.
    opening = not thorough or scene.files
    yield from check_packs(scene, _sampled(packs, sample, salt), open_blobs=opening)
    if scene.broken and opening:
        yield from _snapshots(scene, snapshot, leaves=False)
    yield from _conclusion(scene)


def _snapshots(scene: Scene, snapshot: str | None, *, leaves: bool) -> Iterator[Finding]:
    findings: list[Finding] = []
    chosen = (
        [snapshot]
        if snapshot is not ALL
        else [key.removeprefix(SNAPSHOTS) for key in scene.listed(SNAPSHOTS, findings)]
    )
    yield from findings
    for snapshot_id in chosen:
        yield from check_snapshot(scene, snapshot_id, leaves=leaves)


def _sampled(packs: Iterable[bytes], sample: float, salt: bytes) -> list[bytes]:
    """A share of the packs, in the order of their names; never none of some."""
    ranked = sorted((int.from_bytes(name_of(salt + pack)[:8], "big") / 2.0**64, pack) for pack in packs)
    return sorted(pack for number, (rank, pack) in enumerate(ranked) if number == 0 or rank <= sample)


def _conclusion(scene: Scene) -> Iterator[Finding]:
    if not scene.snapshots:
        yield Finding("nothing", SNAPSHOTS, "there is no snapshot: there was nothing to prove")
    elif not scene.tally.blobs:
        yield Finding("nothing", "", "no blob was read: there was nothing that this check could prove")
