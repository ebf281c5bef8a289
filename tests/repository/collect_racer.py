"""One process of the race: `collect_racer.py write|rotate PLACE NAME SECONDS GRACE`. Prints what it did, in numbers."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from repository_samples import Model, disk, entries, manifest, opened

from shared.errors import Conflict, NotFound
from shared.repository.collect import Manner, collect, drop_snapshot
from shared.repository.tree import build

KEPT = 2
PHASE = 25
"""So many snapshots hold the same: then another content has its turn, and what it replaced is needed no more."""


def model_of(snapshot: str) -> Model:
    """What a snapshot holds follows from its name; the same few contents come again and again."""
    return entries(int(snapshot.rpartition("-")[2]) // PHASE % 4, 150)


def write(place: Path, name: str, until: float) -> dict[str, int]:
    """Snapshots, one after the other, in one open repository: what was dropped comes back."""
    repository = opened(disk(place))
    done = {"committed": 0, "refused": 0}
    number = 0
    while time.monotonic() < until:
        snapshot, number = f"{name}-{number:05}", number + 1
        model = model_of(snapshot)
        repository.refresh()
        with repository.writer() as writer:
            keys = sorted(model)
            root = build(writer, repository.chunking, [(keys, [model[key] for key in keys])])
            writer.flush()
        try:
            repository.commit(replace(manifest(snapshot, root), created=datetime.now(UTC)))
            done["committed"] += 1
        except Conflict:
            done["refused"] += 1
        time.sleep(0.05)
    return done


def rotate(place: Path, until: float, grace: float) -> dict[str, int]:
    """Drops all but the newest of each writer, and collects."""
    done = {"dropped": 0, "packs": 0, "rescued": 0}
    while time.monotonic() < until:
        repository = opened(disk(place))
        ids = sorted(repository.snapshots())
        for name in {one.partition("-")[0] for one in ids}:
            for snapshot in [one for one in ids if one.startswith(f"{name}-")][:-KEPT]:
                done["dropped"] += drop_snapshot(repository, snapshot)
        manner = Manner(grace=timedelta(seconds=grace), live=lambda _: False)
        try:
            collected = collect(repository, datetime.now(UTC), manner)
        except NotFound:
            continue
        done["packs"] += collected.packs
        done["rescued"] += collected.rescued
        time.sleep(0.1)
    return done


if __name__ == "__main__":
    what, place, name, seconds, grace = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    told = write(Path(place), name, end) if what == "write" else rotate(Path(place), end, float(grace))
    sys.stdout.write(json.dumps(told))
