"""Statistics of each backup and recovery over time: documents of their own, which outlive what they are about.

A backup's are worked out from its manifest, so that missing ones can be made at any time, and come out the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Final

from shared.contents import ENTRIES
from shared.errors import NotFound
from shared.format.manifest import Manifest
from shared.format.seal import name_of
from shared.jobs.commit import bytes_of, totals
from shared.jobs.costs import Found, Past, work_out
from shared.jobs.ports import Ports
from shared.models import Recovery
from shared.models.health import BackupStatistics, RecoveryStatistics
from shared.models.prices import Prices
from shared.monitoring.contract import Statistics, WatchStore

_RECOVERIES: Final = 50
"""How many of the newest recoveries are looked at."""
_ENDED = ("completed", "failed")


def statistics(ports: Ports, store: WatchStore, since: datetime) -> list[Statistics]:
    """Those of what ended since then, the oldest first, after those that were missing were made."""
    record(ports, store)
    return list(store.statistics(since))


def record(ports: Ports, store: WatchStore) -> None:
    """Make what statistics are missing."""
    store.save_statistics(missing(ports, store))


def missing(ports: Ports, store: WatchStore) -> list[Statistics]:
    """Those that nobody has made yet."""
    repository = ports.repository()
    ids = list(repository.snapshots())
    known = store.known(ids)
    made: list[Statistics] = []
    for backup in ids:
        if backup in known:
            continue
        try:
            made.append(of_manifest(repository.manifest(backup)))
        except NotFound:
            # A rotation dropped it since it was listed.
            continue
    return [*made, *_recoveries(ports, store)]


def of_manifest(manifest: Manifest, prices: Prices | None = None) -> BackupStatistics:
    """What a backup held, took and cost."""
    items, size = totals(manifest)
    told = manifest.statistics
    contents = {name: Found(root.count, bytes_of(manifest, name)) for name, root in manifest.roots.items()}
    stored, downloaded = int(told.get("storedBytes", 0)), int(told.get("bytesDownloaded", 0))
    seconds = max(0.0, float(told.get("seconds", 0.0)))
    taken = work_out(contents, Past(manifest.id, contents, stored, downloaded, seconds), prices or Prices())
    return BackupStatistics(
        id=manifest.id,
        at=manifest.at,
        ended_at=manifest.created,
        scope=scope_of(manifest),
        items=items,
        bytes=size,
        stored=stored,
        downloaded=downloaded,
        seconds=seconds,
        cost=round(sum(taken.usd.values()), 6),
    )


def scope_of(manifest: Manifest) -> str:
    """The same for backups of the same choice: the contents, and a mark of what was chosen of them."""
    chosen = {name: asdict(one) for name, one in sorted(manifest.selection.items())}
    short = "+".join(sorted(manifest.roots, key=lambda name: (name != ENTRIES, name)))
    mark = name_of(json.dumps(chosen, sort_keys=True).encode()).hex()[:16]
    return f"{short}:{mark}" if chosen else short


def _recoveries(ports: Ports, store: WatchStore) -> Iterator[Statistics]:
    latest = islice(ports.catalog.latest(Recovery, _RECOVERIES, None), _RECOVERIES)
    ended = {one.id: one for one in latest if one.status in _ENDED and one.metadata.completed_at}
    known = store.known(ended)
    return (_of_recovery(one) for one in ended.values() if one.id not in known)


def _of_recovery(recovery: Recovery) -> RecoveryStatistics:
    began = recovery.metadata.started_at
    ended = recovery.metadata.completed_at or began
    return RecoveryStatistics(
        id=recovery.id,
        status=recovery.status,
        at=began,
        ended_at=ended,
        items=recovery.metadata.items,
        bytes=recovery.metadata.size,
        seconds=max(0.0, (ended - began).total_seconds()),
    )
