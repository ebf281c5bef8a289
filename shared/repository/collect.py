"""Collecting what no snapshot needs any more: marked first, deleted after a grace period, if it is still not needed.

Safe while others write, and at every point it may die at; docs/adr/0004 has the argument. Only here are objects of a
repository deleted, but for snapshots that are dropped and pins that are taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.errors import Denied, NotFound
from shared.repository.compact import compact_index, repack
from shared.repository.layout import pack_key, snapshot_key
from shared.repository.marks import Mark, doomed, load_marks, put_mark
from shared.repository.repository import Repository
from shared.repository.survey import Survey, survey, young

DAY: Final = timedelta(days=1)


def _nothing() -> None:
    return


@dataclass(frozen=True)
class Manner:
    """How to collect. `live` says of a backup's id whether its job may still commit it.

    `grace` must be longer than a committer takes from its last look at the marks to its manifest (seconds), and should
    be longer than any backup takes. Packs of which less than `half_empty` is needed are copied together, up to
    `repack_bytes` of packs at a time. `beat` is called now and then, and ends the work by raising.
    """

    grace: timedelta = DAY
    half_empty: float = 0.5
    repack_bytes: int = 1 << 30
    live: Callable[[str], bool] = lambda _: True
    beat: Callable[[], None] = _nothing


@dataclass
class Collected:
    """What was done. Sizes in bytes; `held` are objects that the store keeps for now, which is no error."""

    packs: int = 0
    bytes: int = 0
    runs: int = 0
    indexes: int = 0
    rescued: int = 0
    """Packs that had been marked and were needed again."""
    held: list[str] = field(default_factory=list)
    marked_packs: int = 0
    marked_bytes: int = 0
    repacked_bytes: int = 0
    waiting_until: datetime | None = None
    """When what is marked may be deleted."""


def drop_snapshot(repository: Repository, snapshot: str) -> bool:
    """Delete the manifest; what only it needed is collected later. False when the store holds it for now."""
    return _delete(repository, snapshot_key(snapshot))


def collect(repository: Repository, now: datetime, manner: Manner) -> Collected:
    """Delete what was marked a grace period ago, then mark what is not needed now.

    Missing or Corrupt when the repository is damaged: then nothing is deleted or marked.
    """
    store = repository.store
    marks, damaged = load_marks(store.provider, store.sealer)
    found = survey(repository, doomed(marks.values()), manner.live, young(now, manner.grace), manner.beat)
    done = Collected()
    due = {key: mark for key, mark in marks.items() if now - mark.at >= manner.grace}
    _carry_out(repository, found, due, manner, done)
    for key in (*due, *damaged):
        _delete(repository, key)
    waiting = [mark.at for key, mark in marks.items() if key not in due]
    if not waiting:
        waiting = _mark(repository, found, now, manner, done)
    done.waiting_until = max(waiting) + manner.grace if waiting else None
    return done


def _carry_out(
    repository: Repository, found: Survey, due: dict[str, Mark], manner: Manner, done: Collected
) -> None:
    """Runs first, then indexes that do not name the packs, then the packs: an index names only packs that are there."""
    named = doomed(due.values()) & found.packs.keys()
    dead = named - found.load.keys()
    done.rescued = len(named) - len(dead)
    for run in sorted(frozenset().union(*(mark.runs for mark in due.values())) & found.runs.keys()):
        manner.beat()
        done.runs += _told(repository, run, done)
        del found.runs[run]
    for index in compact_index(repository.store, dead, found.load.keys()):
        manner.beat()
        done.indexes += _told(repository, index, done)
    for pack in sorted(dead):
        manner.beat()
        if _told(repository, pack_key(pack), done):
            done.packs += 1
            done.bytes += found.packs[pack].size
        del found.packs[pack]


def _mark(
    repository: Repository, found: Survey, now: datetime, manner: Manner, done: Collected
) -> list[datetime]:
    """Mark what nobody needs, and what is half empty once it was copied. The times of marks that now wait."""
    old = {pack: one for pack, one in found.packs.items() if one.modified <= young(now, manner.grace)}
    idle = {pack for pack in old if not found.load[pack]}
    sparse = _sparse(found, old, manner)
    if sparse and found.homes is not None:
        done.repacked_bytes = repack(repository.store, found.homes, sparse)
    runs = {run for run, modified in found.runs.items() if modified <= young(now, manner.grace)}
    packs = idle | {*sparse}
    if not packs and not runs:
        return []
    done.marked_packs, done.marked_bytes = len(packs), sum(old[pack].size for pack in packs)
    mark = Mark(now, frozenset(packs), frozenset(runs))
    put_mark(repository.store.provider, repository.store.sealer, mark)
    return [now]


def _sparse(found: Survey, old: Iterable[bytes], manner: Manner) -> list[bytes]:
    """Packs worth copying, the emptiest first. A single small one gains nothing by being copied."""
    shares = sorted((found.load[pack] / found.packs[pack].size, pack) for pack in old if found.load[pack])
    chosen, total = [], 0
    for share, pack in shares:
        total += found.packs[pack].size
        if share >= manner.half_empty or total > manner.repack_bytes:
            break
        chosen.append(pack)
    return chosen


def _told(repository: Repository, key: str, done: Collected) -> bool:
    if _delete(repository, key):
        return True
    done.held.append(key)
    return False


def _delete(repository: Repository, key: str) -> bool:
    """Whether it is gone. False when the store holds it: that passes. Denied when it is not held, so not allowed."""
    provider = repository.store.provider
    try:
        provider.delete(key)
    except Denied:
        try:
            held = provider.stat(key).held_until
        except NotFound:
            return True
        if held is None:
            raise
        return False
    return True
