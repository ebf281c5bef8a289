"""Rotate: decide what is kept, drop the rest, and collect what nothing needs any more.

Of a snapshot that is dropped, the catalog's document goes first and the manifest second: a job that dies between the
two leaves a snapshot that is whole, and that the next rotation decides about again. Everything may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from shared.clock import Deadline
from shared.errors import Unavailable
from shared.format.manifest import Manifest
from shared.jobs.failure import failing_job
from shared.jobs.gate import Alarm, look
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.keeping import held_of, known_backup, open_jobs, rules_of
from shared.jobs.lease import Lease, returned
from shared.jobs.ports import Ports, Report
from shared.jobs.progress import Teller, take_down
from shared.models.jobs import RotateRequest
from shared.models.retention import RetentionPolicy, RotationState
from shared.policy.retention import Decision, Rules, decide
from shared.repository import Repository
from shared.repository.collect import Manner, collect, drop_snapshot
from shared.repository.pins import Pin, is_pinned, pin
from shared.repository.survey import freed_by
from shared.state.contract import Data, TaskId, TaskState

ROTATE_TOPIC = "backup-rotate"
_TOLD = 1_000


@dataclass
class _Progress:
    """How far it is, as its document shows it."""

    phase: str = "deciding"
    done: int = 0

    def live(self) -> Data:
        return {"phase": self.phase, "liveItems": self.done}


@dataclass
class _Facts:
    """What the report and the job's document say."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    frozen: str = ""
    freed: dict[str, int] = field(default_factory=dict)
    """Of a dry run: bytes that dropping each would free in time."""
    collected: dict[str, Any] = field(default_factory=dict)


def run_rotate(ports: Ports, request: RotateRequest, deadline: Deadline) -> Report:
    """Do it, or say what would be done. Unavailable near the deadline: the next delivery goes on."""
    task, owner = TaskId(request.rotate_id), ports.owner()
    started = {"kind": "rotate", "request": request.to_message().decode(), "startedAt": ports.clock.now()}
    ports.ledger.create(task.job, started)
    claimed = ports.ledger.claim(task, owner)
    if claimed.ended:
        return Report(task.job, f"already {claimed.state}")
    progress = _Progress()
    with (
        returned(ports.ledger, Lease(task, owner)),
        failing_job(ports, task.job),
        Heartbeat(ports.ledger, task, owner, ports.heartbeat_s, progress.live, tell=Teller(ports)) as beat,
    ):

        def step() -> None:
            beat.check()
            progress.done += 1
            if deadline.near():
                raise Unavailable(
                    f"rotation {task.job} has run out of time", hint="it goes on when delivered again"
                )

        facts = _rotate(ports, request, progress, step)
    told = {name: value for name, value in asdict(facts).items() if value}
    ports.ledger.finish(task, owner, TaskState.DONE, {**told, "endedAt": ports.clock.now()})
    take_down(ports, task.job)
    outcome = "frozen" if facts.frozen else "planned" if request.dry_run else "rotated"
    return Report(task.job, outcome, told)


def _rotate(ports: Ports, request: RotateRequest, progress: _Progress, step: Callable[[], None]) -> _Facts:
    repository, now = ports.repository(), ports.clock.now()
    manifests = {one: repository.manifest(one) for one in repository.snapshots()}
    rules, policy = rules_of(ports)
    state = _state(ports, request, now)
    alarm = _alarm(repository, manifests, state, policy)
    facts = _Facts(frozen=alarm.reason if alarm else "")
    if alarm is not None:
        rules = Rules(unfit=f"rotation is frozen: {alarm.reason}")
    jobs = open_jobs(ports, request.rotate_id)
    decisions = decide(held_of(ports, manifests.values(), jobs), rules, now)
    facts.decisions = [_told(manifests[one.id], one) for one in decisions][:_TOLD]
    drops = [one.id for one in reversed(decisions) if not one.keep]
    if request.dry_run:
        facts.freed = freed_by(repository, [one.id for one in decisions if one.keep], drops)
        return facts
    if alarm is not None:
        _freeze(ports, repository, alarm, now)
        return facts
    ports.catalog.save_rotation_state(RotationState(checked_at=_newest(manifests.values(), now)))
    progress.phase = "dropping"
    for snapshot in drops:
        step()
        _drop(ports, repository, manifests[snapshot], now, facts)
    progress.phase = "collecting"
    live = {one.id.job for one in jobs if one.data.get("kind") == "snapshot"}
    manner = Manner(grace=ports.collect_grace, live=live.__contains__, beat=step)
    facts.collected = {
        name: value for name, value in asdict(collect(repository, now, manner)).items() if value
    }
    return facts


def _told(manifest: Manifest, decision: Decision) -> dict[str, Any]:
    return {"id": decision.id, "at": manifest.at, "keep": decision.keep, "rule": decision.rule[:_TOLD]}


def _state(ports: Ports, request: RotateRequest, now: datetime) -> RotationState:
    state = ports.catalog.rotation_state()
    if not (request.unfreeze and state.frozen):
        return state
    # What is there now has been looked at by a person.
    state = RotationState(checked_at=now)
    if not request.dry_run:
        ports.catalog.save_rotation_state(state)
    return state


def _alarm(
    repository: Repository, manifests: dict[str, Manifest], state: RotationState, policy: RetentionPolicy
) -> Alarm | None:
    if state.frozen:
        return Alarm(state.reason, state.snapshot or "")
    return look(repository, manifests.values(), state, policy.gate)


def _newest(manifests: Any, now: datetime) -> datetime:
    return max((one.created for one in manifests), default=now)


def _freeze(ports: Ports, repository: Repository, alarm: Alarm, now: datetime) -> None:
    """Pin first: a job that dies between the two finds the alarm again."""
    if alarm.good and alarm.good in set(repository.snapshots()):
        pin(repository, Pin(alarm.good, now, "rotation", alarm.reason))
    state = ports.catalog.rotation_state()
    if not state.frozen:
        ports.catalog.save_rotation_state(
            state.changed(frozen=True, reason=alarm.reason, since=now, snapshot=alarm.good)
        )


def _drop(ports: Ports, repository: Repository, manifest: Manifest, now: datetime, facts: _Facts) -> None:
    """Unless it was pinned in the meantime, or the store holds it for now."""
    if is_pinned(repository, manifest.id):
        return
    until = repository.store.provider.stat(f"snapshots/{manifest.id}").held_until
    backup = known_backup(ports, manifest)
    if until is None or until <= now:
        ports.catalog.drop_backup(manifest.id)
        if drop_snapshot(repository, manifest.id):
            facts.dropped.append(manifest.id)
            return
        ports.catalog.save_backup(backup)
    facts.held.append(manifest.id)
