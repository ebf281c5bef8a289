"""The work of a restore: make the target as wanted, then read it again and compare.

Wanted and live records are laid side by side in key order, so memory does not depend on their number. Every
write is guarded by what was seen; the cursor follows behind the writes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from shared.clock import Deadline
from shared.errors import Conflict
from shared.format.key import path_of
from shared.format.record import equal, update_time
from shared.jobs.compare import Pair, side_by_side
from shared.jobs.digest import chained
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease
from shared.jobs.ports import Ports
from shared.jobs.scope import RestoreScope, after
from shared.jobs.tally import Tally
from shared.repository import Repository
from shared.repository.tree import Root, get, scan
from shared.sources.contract import Kind, Result, Scope, Source, Write

_BATCH = 2_000
_LOOK = 1_000
"""Every how many records the deadline is looked at."""
_LOOKUP = 100


@dataclass(frozen=True)
class Reconciliation:
    """Everything one invocation works with."""

    ports: Ports
    lease: Lease
    scope: RestoreScope
    exact: bool
    overwrite: bool
    repository: Repository
    root: Root
    target: Source
    tally: Tally
    deadline: Deadline
    beat: Heartbeat

    def save(self) -> None:
        self.beat.check()
        self.ports.ledger.renew(self.lease.task, self.lease.owner, self.tally.saved())


def reconcile(run: Reconciliation) -> bool:
    """Apply, then check. False when the deadline came first; the next call goes on from the tally."""
    if run.tally.phase == "apply" and not _apply(run):
        return False
    return _check(run)


def preview(run: Reconciliation) -> None:
    """Count in the tally what `reconcile` would do, and do none of it."""
    for pair in _pairs(run):
        write = _decide(run, pair)
        if write is not None:
            run.tally.done(write)


def _apply(run: Reconciliation) -> bool:
    """Make the target equal, as far as the request allows. False when the deadline came first."""
    waiting: list[Write] = []
    for seen, pair in enumerate(_pairs(run), 1):
        write = _decide(run, pair)
        if write is not None:
            waiting.append(write)
        if len(waiting) >= _BATCH or (seen % _LOOK == 0 and run.deadline.near()):
            _write(run, waiting, pair.key)
            waiting = []
            if run.deadline.near():
                return False
    _write(run, waiting, b"")
    run.tally.phase, run.tally.cursor = "check", b""
    run.save()
    return True


def _decide(run: Reconciliation, pair: Pair) -> Write | None:
    """The write that makes this record as wanted, or None, counted."""
    key, wanted, live = pair
    tally = run.tally
    if wanted is None:
        assert live is not None  # noqa: S101  # a pair has a side
        if run.exact:
            return Write(key, Kind.DROP, b"", update_time(live))
        tally.extra += 1
    elif live is None:
        return Write(key, Kind.PUT, wanted, None)
    elif equal(wanted, live):
        tally.unchanged += 1
    elif run.overwrite:
        return Write(key, Kind.PUT, wanted, update_time(live))
    else:
        tally.kept += 1
    return None


def _write(run: Reconciliation, writes: list[Write], cursor: bytes) -> None:
    """Apply, count each outcome, then move the cursor."""
    outcomes = run.target.apply(writes) if writes else []
    moved = []
    for write, outcome in zip(writes, outcomes, strict=True):
        if outcome.result is Result.DONE:
            run.tally.done(write)
        elif outcome.result is Result.MOVED:
            moved.append(write)
        else:
            raise Conflict(f"Firestore refused to write {path_of(write.key)}: {outcome.reason}")
    _settle(run, moved)
    if cursor:
        run.tally.cursor = cursor
        run.save()


def _settle(run: Reconciliation, moved: list[Write]) -> None:
    """A guard that did not hold: our own write whose answer was lost, or somebody else's. Look."""
    for write, live in zip(moved, run.target.lookup([write.key for write in moved]), strict=True):
        dropped = write.kind is Kind.DROP and live is None
        if dropped or (write.kind is Kind.PUT and live is not None and equal(write.value, live)):
            run.tally.done(write)
            continue
        run.tally.conflict(write.key)


def _check(run: Reconciliation) -> bool:
    """Read the target again and compare. False when the deadline came first."""
    tally = run.tally
    for seen, pair in enumerate(_pairs(run), 1):
        if pair.wanted is None:
            if run.exact:
                tally.difference(pair.key, "is still there")
        elif pair.live is None:
            tally.difference(pair.key, "is missing")
        elif not equal(pair.wanted, pair.live):
            if run.overwrite:
                tally.difference(pair.key, "differs")
        else:
            tally.checked += 1
            # The live record is equal; the wanted one is spelled the same in every restore of this snapshot.
            tally.digest = chained(tally.digest, pair.key, pair.wanted)
        if seen % _LOOK == 0 and run.deadline.near():
            tally.cursor = pair.key
            run.save()
            return False
    tally.cursor = b""
    return True


def _pairs(run: Reconciliation) -> Iterator[Pair]:
    """Wanted beside live, behind the cursor, within what is asked for."""
    scope = run.scope
    among_documents = run.tally.cursor in scope.documents
    if (scope.whole or scope.prefixes) and not among_documents:
        yield from _pairs_of_prefixes(run, scope)
    yield from _pairs_of_documents(run, scope)


def _pairs_of_prefixes(run: Reconciliation, scope: RestoreScope) -> Iterator[Pair]:
    cursor = run.tally.cursor
    plan = run.target.plan(Scope(scope.prefixes, scope.exclude), run.target.now())
    wanted = chain.from_iterable(scan(run.repository, run.root, *one) for one in after(scope.ranges, cursor))
    parts = (part for part in plan.parts if not part.end or part.end > cursor)
    live = chain.from_iterable(
        run.target.read(part, cursor if cursor >= part.start else b"") for part in parts
    )
    yield from side_by_side(wanted, live)


def _pairs_of_documents(run: Reconciliation, scope: RestoreScope) -> Iterator[Pair]:
    """Single documents come last, so that one cursor is enough: it lies in the prefixes, or among these."""
    cursor = run.tally.cursor
    keys = scope.documents[bisect_right(scope.documents, cursor) if cursor in scope.documents else 0 :]
    for first in range(0, len(keys), _LOOKUP):
        some = keys[first : first + _LOOKUP]
        for key, live in zip(some, run.target.lookup(some), strict=True):
            wanted = get(run.repository, run.root, key)
            if wanted is not None or live is not None:
                yield Pair(key, wanted, live)
