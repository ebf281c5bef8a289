"""What the repository holds and which of it is needed, for whoever decides what is deleted.

Each blob that is needed has one home: a place that will stay rather than one in a marked pack, whole rather than a
patch, in the pack that holds most of what is needed. The base of a blob whose home is a patch is needed too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from shared.errors import IntegrityError, Missing, NotFound
from shared.format.index import Location
from shared.providers.contract import Stat
from shared.repository.layout import PACKS, RUNS, hash_in, pack_key
from shared.repository.reach import Reach
from shared.repository.repository import Repository
from shared.repository.store import Store
from shared.repository.tree import decode_run

ENTRY_BYTES: Final = 77
"""What a pack's table has for each blob."""


class Pack(NamedTuple):
    size: int
    modified: datetime


@dataclass
class Survey:
    """One look at everything. Sizes in bytes, as stored."""

    snapshots: int = 0
    packs: dict[bytes, Pack] = field(default_factory=dict)
    """Those there are, by id."""
    runs: dict[str, datetime] = field(default_factory=dict)
    """Runs that nobody will read any more, by key, and when they came."""
    load: Counter[bytes] = field(default_factory=Counter)
    """How much of each pack is needed: of those of which anything is."""
    homes: Homes | None = None


def survey(
    repository: Repository,
    marked: frozenset[bytes],
    live: Callable[[str], bool],
    fresh_from: datetime,
    beat: Callable[[], None],
) -> Survey:
    """Read every snapshot's trees and the runs of jobs that are `live`, or younger than `fresh_from`.

    Missing or Corrupt when a snapshot lacks something: nothing is deleted from a repository that is damaged.
    """
    found = Survey()
    reach = Reach(repository)
    committed = list(repository.snapshots())
    runs = list(repository.store.provider.list(RUNS))
    # Whatever these need was indexed before they came, so the index is read after they were listed.
    repository.refresh()
    for snapshot in committed:
        beat()
        for _ in reach.manifest(repository.manifest(snapshot)):
            pass
    found.snapshots = len(committed)
    needed = set(reach.seen)
    for run in runs:
        backup = run.key.split("/")[1]
        if backup in committed or not (live(backup) or run.modified > fresh_from):
            found.runs[run.key] = run.modified
        else:
            _reach_run(repository, reach, run)
    found.packs = _packs(repository.store)
    found.homes = Homes(repository.store, found.packs, marked)
    beat()
    found.load = found.homes.settle(needed, reach.seen)
    return found


def _reach_run(repository: Repository, reach: Reach, run: Stat) -> None:
    """A run may lie for long: what it lacks is its job's failure, and no damage."""
    try:
        for _ in reach.run(decode_run(repository.get_run(run.key))):
            pass
    except (IntegrityError, NotFound):
        return


def _packs(store: Store) -> dict[bytes, Pack]:
    listed = ((hash_in(found.key), found) for found in store.provider.list(PACKS))
    return {
        pack: Pack(found.size, found.modified)
        for pack, found in listed
        if pack is not None and pack_key(pack) == found.key
    }


class Homes:
    """Where each blob is counted."""

    def __init__(self, store: Store, packs: Mapping[bytes, Pack], marked: frozenset[bytes]) -> None:
        self._index = store.index
        self._packs = packs
        self._marked = marked
        self._crowd: Counter[bytes] = Counter()
        self._needed: set[bytes] = set()

    def settle(self, needed: set[bytes], wanted: Iterable[bytes]) -> Counter[bytes]:
        """The bytes that each pack is home to. Missing when a `needed` blob has no place; others may lack theirs."""
        self._needed = {*wanted}
        for blob in self._needed:
            for place in self._places(blob):
                self._crowd[place.pack] += place.length
        load: Counter[bytes] = Counter()
        bases: set[bytes] = set()
        for blob in self._needed:
            home = self.of(blob)
            if home is None:
                if blob in needed:
                    raise _lost(blob)
                continue
            load[home.pack] += home.length + ENTRY_BYTES
            base = self._index.complete(home.base_prefix) if home.base_prefix else None
            if base is not None:
                bases.add(base)
        bases -= self._needed
        self._needed |= bases
        for base in bases:
            home = self.of(base)
            if home is not None:
                load[home.pack] += home.length + ENTRY_BYTES
        return load

    def of(self, blob: bytes) -> Location | None:
        """The home of a blob that is needed; None when it is not, or no place of it can be read."""
        if blob not in self._needed:
            return None
        return max(filter(self._readable, self._places(blob)), key=self._rank, default=None)

    def _places(self, blob: bytes) -> list[Location]:
        """Those in packs that are there, whole by their size."""
        found = self._index.find(blob)
        return [
            one for one in found if one.pack in self._packs and self._packs[one.pack].size == one.pack_size
        ]

    def _readable(self, place: Location) -> bool:
        base = self._index.complete(place.base_prefix) if place.base_prefix else None
        return not place.base_prefix or (
            base is not None and any(not one.base_prefix for one in self._places(base))
        )

    def _rank(self, place: Location) -> tuple[bool, bool, int, bytes]:
        staying = place.pack not in self._marked
        # Among marked packs by name alone: of two rotations at once, both leave the same one.
        return not place.base_prefix, staying, self._crowd[place.pack] if staying else 0, place.pack


def freed_by(repository: Repository, kept: Iterable[str], dropped: Iterable[str]) -> dict[str, int]:
    """Bytes, as stored, that dropping each would free, if those before it are dropped as well."""
    reach = Reach(repository)
    for snapshot in kept:
        for _ in reach.manifest(repository.manifest(snapshot)):
            pass
    freed = {}
    rest = [(snapshot, repository.manifest(snapshot)) for snapshot in dropped]
    # What two of them share goes with the last of them: it is counted there.
    for snapshot, manifest in reversed(rest):
        places = (repository.store.index.find(blob.id) for blob in reach.manifest(manifest))
        freed[snapshot] = sum(max((one.length for one in found), default=0) for found in places)
    return freed


def young(now: datetime, grace: timedelta) -> datetime:
    """What came after this may belong to somebody who is still at work."""
    return now - grace


def _lost(blob: bytes) -> Missing:
    return Missing(
        f"collecting what is not needed: blob {blob.hex()} of a snapshot is stored nowhere; nothing was deleted",
        hint="run `firekeep verify`, and repair what it names",
    )
