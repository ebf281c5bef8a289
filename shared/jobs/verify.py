"""Verify snapshots in the repository and write the result where people look. The default outcome is failure.

The work is done in steps: the trees of one snapshot after the other, then packs, then, if any is damaged, the trees
again, to learn what is lost with it. Near its deadline a worker stores where it is and publishes its continuation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from shared.clock import Deadline
from shared.errors import FirekeepError, IntegrityError, NotFound
from shared.jobs.cancel import settle
from shared.jobs.commit import VERIFY_TOPIC, backup_of
from shared.jobs.documents import told
from shared.jobs.failure import failing_job
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease, returned
from shared.jobs.losses import losses
from shared.jobs.ports import Ports, Report
from shared.jobs.progress import Teller, take_down
from shared.models.jobs import VerifyRequest
from shared.repository import Repository
from shared.repository.checking.steps import Steps, in_steps, shared_out
from shared.repository.findings import Finding, Tally, of_error
from shared.repository.layout import PACKS, SNAPSHOTS, hash_in, pack_key
from shared.state.contract import Data, TaskId, TaskState

DAILY_SAMPLE: Final = 1 / 30
"""The share of the data that is read each day: all of it in a month."""

_TOLD: Final = 100
_LINES: Final = 200
"""How many findings a job keeps, for all snapshots."""
_LINE: Final = 500
_LOST: Final = 50
"""For how many snapshots it is told what is lost."""
_PACKS: Final = 2_000
_SMALL: Final = 256 << 20
"""Bytes of records of a snapshot whose leaves are also read in their places in the tree, within one step."""


def verify_due(now: datetime, last: datetime | None) -> bool:
    """Whether today's share has still to be verified: once on each day of UTC. `last` is when it was last begun."""
    return last is None or last.astimezone(UTC).date() < now.astimezone(UTC).date()


def daily_request(now: datetime, sample: float = DAILY_SAMPLE) -> VerifyRequest:
    """The check of today's share; the same for everybody who asks today."""
    day = now.astimezone(UTC)
    return VerifyRequest(
        verify_id=f"verify-{day:%Y%m%d}", depth="data", sample=sample, turn=day.date().toordinal()
    )


@dataclass
class _State:
    """Where a check is, as its document keeps it."""

    stage: str = "trees"
    cursor: str = ""
    """The last snapshot, or pack in hexadecimal digits, of this stage that is done."""
    found: dict[str, list[str]] = field(default_factory=dict)
    """What is wrong with each snapshot that is damaged; under no name, with all of them."""
    packs: dict[str, str] = field(default_factory=dict)
    """Damaged packs, each with what is wrong with it."""
    lost: dict[str, list[str]] = field(default_factory=dict)
    """What that means, for each snapshot."""
    objects: int = 0
    bytes: int = 0
    blobs: int = 0

    @classmethod
    def of(cls, data: Data) -> Self:
        return cls(**json.loads(data.get("state", "{}")))

    def saved(self) -> Data:
        """As `of` reads it: a text, as names of snapshots may be names of no field."""
        return {"state": json.dumps(asdict(self), ensure_ascii=False)}

    def note(self, snapshot: str, lines: list[str]) -> None:
        """Keep what was found, up to a bound; that something was found is always kept."""
        if not lines:
            return
        kept = self.found.setdefault(snapshot, [])
        room = _LINES - sum(map(len, self.found.values()))
        kept += [line[:_LINE] for line in lines if line[:_LINE] not in kept][: max(room, 0)]

    def enter(self, stage: str) -> None:
        self.stage, self.cursor = stage, ""


@dataclass(frozen=True)
class _Check:
    """Everything one invocation works with."""

    request: VerifyRequest
    repository: Repository
    steps: Steps
    ids: list[str]
    state: _State
    turn: int
    pause: Callable[[], bool]
    """Stores where the work is; True when it is time to stop."""


def run_verify(ports: Ports, request: VerifyRequest, deadline: Deadline | None = None) -> Report:
    """Check one snapshot, or every one, or go on with it. What is found is a result, not an exception."""
    task, owner = TaskId(request.verify_id), ports.owner()
    started = {"kind": "verify", "request": request.to_message().decode(), "startedAt": ports.clock.now()}
    ports.ledger.create(task.job, started)
    claimed = ports.ledger.claim(task, owner)
    if claimed.ended:
        return Report(task.job, f"already {claimed.state}")
    state = _State.of(claimed.data)
    read = Tally(state.objects, state.bytes, state.blobs)
    with (
        returned(ports.ledger, Lease(task, owner)),
        failing_job(ports, task.job),
        Heartbeat(
            ports.ledger, task, owner, ports.heartbeat_s, lambda: _live(read), tell=Teller(ports)
        ) as beat,
    ):
        within = beat.within(deadline or Deadline(ports.clock, None))

        def pause() -> bool:
            state.objects, state.bytes, state.blobs = read.objects, read.bytes, read.blobs
            ports.ledger.renew(task, owner, state.saved())
            beat.check()
            return within.near()

        ids = _work(ports, request, state, read, pause)
        if ids is not None:
            settle(ports, task.job)
    if ids is None:
        ports.ledger.release(task, owner)
        ports.publisher.publish(VERIFY_TOPIC, [request.to_message()])
        return Report(task.job, "continued", {"stage": state.stage, "cursor": state.cursor})
    with returned(ports.ledger, Lease(task, owner)):
        facts = _result(ports, request, state, ids)
        ended = TaskState.FAILED if facts["damaged"] or not facts["verified"] else TaskState.DONE
        ports.ledger.finish(task, owner, ended, {**facts, "endedAt": ports.clock.now()})
        take_down(ports, task.job)
    return Report(task.job, "damaged" if ended is TaskState.FAILED else "verified", facts)


def _live(read: Tally) -> Data:
    return {"liveObjects": read.objects, "liveItems": read.blobs, "liveBytes": read.bytes}


def _work(
    ports: Ports, request: VerifyRequest, state: _State, read: Tally, pause: Callable[[], bool]
) -> list[str] | None:
    """The snapshots that were looked at; None when it is time to stop before the end."""
    try:
        repository = ports.salvage()
    except IntegrityError as error:
        # Not even the configuration or the key can be read: that is what is wrong with every snapshot.
        state.note("", [_told(of_error(error, ""))])
        return [request.backup_id] if request.backup_id else []
    ids = [request.backup_id] if request.backup_id else sorted(repository.snapshots())
    steps = Steps(repository, read)
    turn = request.turn if request.turn is not None else ports.clock.now().date().toordinal()
    check = _Check(request, repository, steps, ids, state, turn, pause)
    state.note("", [_told(finding) for finding in steps.frame()])
    stages = {"trees": _trees, "packs": _packs, "losses": _losses}
    for name in list(stages)[list(stages).index(state.stage) :]:
        if name != state.stage:
            state.enter(name)
        if not stages[name](check):
            return None
    if not ids:
        state.note(
            "", [_told(Finding("nothing", SNAPSHOTS, "there is no snapshot: there was nothing to prove"))]
        )
    elif not read.blobs:
        state.note("", [_told(Finding("nothing", "", "no blob was read: nothing was proven"))])
    return ids


def _behind(check: _Check) -> Iterator[str]:
    return (snapshot for snapshot in check.ids if snapshot > check.state.cursor)


def _trees(check: _Check) -> bool:
    """The trees of each snapshot. False when it is time to stop."""
    for snapshot in _behind(check):
        findings, _ = check.steps.walk(snapshot, leaves=_with_leaves(check, snapshot))
        _note(check, snapshot, findings)
        check.state.cursor = snapshot
        if check.pause():
            return False
    return True


def _with_leaves(check: _Check, snapshot: str) -> bool:
    """Their blobs are opened with their packs; where there are few, they are also looked at in their places."""
    request = check.request
    if request.depth != "data" or request.sample < 1 or request.backup_id is None:
        return False
    try:
        return sum(root.size for root in check.repository.manifest(snapshot).roots.values()) <= _SMALL
    except FirekeepError:
        return False


def _packs(check: _Check) -> bool:
    """Packs, each read whole: those whose turn it is, of those that are needed."""
    if check.request.depth != "data":
        return True
    state, steps = check.state, check.steps
    needed = steps.stored() if check.request.backup_id is None else steps.walk(check.request.backup_id)[1]
    for some in in_steps(shared_out(needed, check.request.sample, check.turn), bytes.fromhex(state.cursor)):
        for finding in steps.look(some):
            pack = hash_in(finding.key) if finding.key.startswith(PACKS) else None
            if pack is not None and len(state.packs) < _PACKS:
                full = sum(map(bool, state.packs.values())) >= _TOLD
                state.packs.setdefault(pack.hex(), "" if full else _told(finding)[:_LINE])
        state.cursor = some[-1].hex()
        if check.pause():
            return False
    return True


def _losses(check: _Check) -> bool:
    """What is lost with the packs that are damaged. One that nothing needs is of no account."""
    if not check.state.packs:
        return True
    damaged = {bytes.fromhex(pack): line for pack, line in check.state.packs.items()}
    check.steps.look(sorted(damaged))
    for snapshot in _behind(check):
        findings, needed = check.steps.walk(snapshot)
        _note(check, snapshot, findings)
        of_packs = [
            line or f"{pack_key(pack)} is damaged" for pack, line in damaged.items() if pack in needed
        ]
        check.state.note(snapshot, of_packs)
        check.state.cursor = snapshot
        if check.pause():
            return False
    return True


def _note(check: _Check, snapshot: str, findings: list[Finding]) -> None:
    check.state.note(snapshot, [_told(finding) for finding in findings])
    means = [line[:_LINE] for line in losses(check.repository, snapshot, findings)] if findings else []
    if means and len(check.state.lost) < _LOST:
        check.state.lost[snapshot] = means


def _told(finding: Finding) -> str:
    return f"{finding.code}: {finding.message}" + (
        f" ({finding.key})" if finding.key not in finding.message else ""
    )


def _result(ports: Ports, request: VerifyRequest, state: _State, ids: list[str]) -> dict[str, list[str]]:
    """Write what was found where people look, and sum it up."""
    of_all = state.found.get("", [])
    wrong = {snapshot: state.found.get(snapshot, []) for snapshot in ids or [request.backup_id or ""]}
    damaged = [one for one in wrong if "" in state.found or one in state.found]
    for snapshot in ids:
        lines = [*state.lost.get(snapshot, []), *of_all, *wrong[snapshot]]
        _tell(ports, request, snapshot, lines or (["it is damaged"] if snapshot in damaged else []))
    findings = dict.fromkeys([*of_all, *(line for lines in wrong.values() for line in lines)])
    return {
        "verified": [one for one in ids if one not in damaged],
        "damaged": damaged,
        "findings": list(findings)[:_TOLD],
        "losses": [f"{one}: {line}" for one in damaged for line in state.lost.get(one, [])][:_TOLD],
    }


def _tell(ports: Ports, request: VerifyRequest, snapshot: str, lines: list[str]) -> None:
    """Write the result into the snapshot's `Backup`, which is made anew if the catalog lost it."""
    try:
        backup = ports.catalog.backup(snapshot)
    except NotFound:
        try:
            backup = backup_of(ports.repository().manifest(snapshot))
        except FirekeepError:
            # The manifest cannot be read: the finding says so, and there is no document to write it into.
            return
    looked_at_all = request.depth == "data" and request.sample >= 1
    if not lines and backup.validation.errors and not looked_at_all:
        # What a deeper look has found is not undone by one that could not see it.
        return
    validation = backup.validation.changed(verified=not lines, errors=told(lines))
    ports.catalog.save_backup(backup.changed(validation=validation))
