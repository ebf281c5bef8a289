"""The work of a restore: make the target as wanted, then read it again and compare.

Wanted and live records are laid side by side in key order, so memory does not depend on their number. Every
write is guarded by what was seen; the cursor follows behind the writes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from shared.clock import Deadline
from shared.contents import MEDIA, SETTINGS, USERS
from shared.format.forms import FORMS, Form, Guard
from shared.jobs.compare import Pair, side_by_side
from shared.jobs.digest import chained
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease
from shared.jobs.ports import Ports
from shared.jobs.scope import RestoreScope, after
from shared.jobs.tally import Tally
from shared.repository import Repository
from shared.repository.tree import Root, get, scan
from shared.sources.contract import BY_HAND, SUREST, Kind, Outcome, Result, Scope, Source, Write

Body = Callable[[], Iterator[bytes]]

_BATCH = 5_000
_BATCH_BYTES = 16 << 20
"""How much one step writes: two of them are in memory at a time."""
_LOOK = 1_000
"""Every how many records the deadline is looked at."""
_SPAN = 20_000
"""After how many records the cursor moves on, however few of them are written."""
_SAVE_EVERY_S = 1.0
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

    @property
    def form(self) -> Form:
        return FORMS[self.scope.content]

    def body(self, wanted: bytes) -> Body | None:
        """The bytes of the file that a media record describes."""
        if self.scope.content != MEDIA:
            return None
        from shared.repository.files import open_file

        return partial(open_file, self.repository, wanted)

    def save(self) -> None:
        self.ports.ledger.renew(self.lease.task, self.lease.owner, self.tally.saved())
        self.beat.check()


@dataclass
class _Step:
    """Consecutive records: the writes they need, and how many need none. `cursor` is the last key."""

    writes: list[Write] = field(default_factory=list)
    unchanged: int = 0
    extra: int = 0
    kept: int = 0
    cursor: bytes = b""
    size: int = 0
    hurried: bool = False

    @property
    def full(self) -> bool:
        return len(self.writes) >= _BATCH or self.size >= _BATCH_BYTES

    def put(self, key: bytes, value: bytes, seen: Guard | None, body: Body | None) -> None:
        self.writes.append(Write(key, Kind.PUT, value, seen, body))
        self.size += len(value)

    def count(self, tally: Tally) -> None:
        tally.unchanged += self.unchanged
        tally.extra += self.extra
        tally.kept += self.kept


def reconcile(run: Reconciliation) -> bool:
    """Apply, then check. False when the deadline came first; the next call goes on from the tally."""
    if run.tally.phase == "apply" and not _apply(run):
        return False
    return _check(run)


def preview(run: Reconciliation) -> None:
    """Count in the tally what `reconcile` would do, and do none of it."""
    for step in _steps(run):
        step.count(run.tally)
        for write in step.writes:
            run.tally.done(write)


def _apply(run: Reconciliation) -> bool:
    """Make the target equal, as far as the request allows. False when the deadline came first.

    While one step is being written the next one is compared.
    """
    saved_at = run.ports.clock.monotonic()
    with ThreadPoolExecutor(1, "apply") as pool:
        flying: tuple[_Step, Future[list[Outcome]]] | None = None
        for step in _steps(run):
            if flying is not None:
                _land(run, *flying)
                if run.ports.clock.monotonic() - saved_at >= _SAVE_EVERY_S:
                    run.save()
                    saved_at = run.ports.clock.monotonic()
            flying = (step, pool.submit(run.target.apply, step.writes))
            if step.hurried:
                _land(run, *flying)
                run.save()
                return False
        if flying is not None:
            _land(run, *flying)
    run.tally.phase, run.tally.cursor = "check", b""
    run.save()
    return True


def _steps(run: Reconciliation) -> Iterator[_Step]:
    """All there is to do, in pieces; the one that the deadline ends is `hurried`."""
    step = _Step()
    for seen, pair in enumerate(_pairs(run), 1):
        _decide(run, pair, step)
        step.hurried = seen % _LOOK == 0 and run.deadline.near()
        if step.hurried or step.full or seen % _SPAN == 0:
            yield step
            step = _Step()
    if step.cursor:
        yield step


def _decide(run: Reconciliation, pair: Pair, step: _Step) -> None:
    """Put into the step what this record needs, or that it needs nothing."""
    key, wanted, live = pair
    form = run.form
    step.cursor = key
    if wanted is None:
        assert live is not None  # noqa: S101  # a pair has a side
        if run.exact:
            step.writes.append(Write(key, Kind.DROP, b"", form.guard(live)))
        else:
            step.extra += 1
    elif live is None:
        step.put(key, wanted, None, run.body(wanted))
    elif form.equal(wanted, live):
        step.unchanged += 1
    elif run.overwrite:
        step.put(key, wanted, form.guard(live), run.body(wanted))
    else:
        step.kept += 1


def _land(run: Reconciliation, step: _Step, applied: Future[list[Outcome]]) -> None:
    """Count what became of a step, then move the cursor behind it."""
    moved = []
    for write, outcome in zip(step.writes, applied.result(), strict=True):
        if outcome.result is Result.DONE:
            run.tally.done(write)
            if outcome.reason:
                run.tally.remark(run.form.name(write.key), outcome.reason)
        elif outcome.result is Result.MOVED:
            moved.append(write)
        elif outcome.reason.startswith(BY_HAND):
            run.tally.leave_to_people(run.form.name(write.key), outcome.reason)
        else:
            run.tally.refuse(run.form.name(write.key), outcome.reason)
    _settle(run, moved)
    step.count(run.tally)
    run.tally.cursor = step.cursor


def _settle(run: Reconciliation, moved: list[Write]) -> None:
    """A guard that did not hold: our own write whose answer was lost, or somebody else's. Look."""
    for write, live in zip(moved, run.target.lookup([write.key for write in moved]), strict=True):
        dropped = write.kind is Kind.DROP and live is None
        if dropped or (write.kind is Kind.PUT and live is not None and run.form.equal(write.value, live)):
            run.tally.done(write)
            continue
        run.tally.conflict(run.form.name(write.key))


def _check(run: Reconciliation) -> bool:
    """Read the target again and compare. False when the deadline came first."""
    tally, form = run.tally, run.form
    by_hand = set(map(form.key, tally.by_hand)) if run.scope.content == SETTINGS else set()
    for seen, pair in enumerate(_pairs(run), 1):
        if pair.key in by_hand:
            continue
        if pair.wanted is None:
            if run.exact:
                tally.difference(form.name(pair.key), "is still there")
        elif pair.live is None:
            tally.difference(form.name(pair.key), "is missing")
        elif not form.equal(pair.wanted, pair.live):
            if run.overwrite:
                tally.difference(form.name(pair.key), "differs")
        else:
            tally.checked += 1
            # The live record is equal; the wanted one is spelled the same in every restore of this snapshot.
            tally.digest = chained(tally.digest, pair.key, form.bare(pair.wanted))
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
    if scope.ranges and not among_documents:
        pairs = _pairs_of_prefixes(run, scope)
        yield from pairs if scope.keeps is None else (pair for pair in pairs if scope.keeps(pair.key))
    yield from _pairs_of_documents(run, scope)


def _pairs_of_prefixes(run: Reconciliation, scope: RestoreScope) -> Iterator[Pair]:
    cursor = run.tally.cursor
    plan = run.target.plan(Scope(scope.prefixes, scope.exclude), run.target.now())
    wanted = chain.from_iterable(scan(run.repository, run.root, *one) for one in after(scope.ranges, cursor))
    parts = [part for part in plan.parts if not part.end or part.end > cursor]
    if scope.content == USERS:
        # A listing out of order is found out too late here: what comes late was taken for missing.
        parts = [replace(part, method=SUREST[part.method]) for part in parts]
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
