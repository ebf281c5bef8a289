"""A tick of the scheduler: ask for every backup and recovery that is due by now, each exactly once.

What is decided is written down first, with the message to send, guarded by the version that was read; then it is sent;
then it is written down as sent. Killed anywhere, the next tick goes on; of two at once, one decides. A message that is
sent twice is the same message, with an id made of the schedule's name and the planned time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import BadInput, FirekeepError, NotFound
from shared.jobs.documents import told
from shared.jobs.ports import Place, Ports, Report
from shared.jobs.request import SNAPSHOT_TOPIC
from shared.jobs.restore import RESTORE_TOPIC
from shared.models.config import BackupConfig, Schedule
from shared.models.jobs import Asked, RestoreRequest, SnapshotRequest
from shared.models.schedules import AUTOMATIC, BackupSchedule, ScheduledRecovery, ScheduleState, Waiting
from shared.policy.due import Decision, Past, decide
from shared.state.contract import Held

_STUCK = timedelta(days=2)
"""After so long, a run that has not ended keeps nothing from starting."""


@dataclass(frozen=True)
class Timed:
    """A schedule, whether it is switched on, and the message for a run of a given id."""

    name: str
    schedule: Schedule
    enabled: bool
    message: Callable[[str], Waiting]
    running: Callable[[str], bool]


def tick(ports: Ports) -> Report:
    """Decide on every schedule. One that is not valid, or that fails, keeps no other from its time.

    The first failure is raised in the end, one that a retry may mend before others.
    """
    now = ports.clock.now()
    states = dict(ports.schedules.states())
    outcomes: dict[str, str] = {}
    failures: list[FirekeepError] = []
    for name, found in timed_schedules(ports):
        held = states.pop(name, None)
        try:
            if isinstance(found, FirekeepError):
                raise found
            outcomes[name] = _decided(ports, found, held, now)
        except FirekeepError as error:
            failures.append(error)
    for name in states:
        ports.schedules.drop_state(name)
    if failures:
        raise min(failures, key=lambda error: not error.retryable)
    started = [name for name, outcome in outcomes.items() if outcome == "due"]
    return Report("tick", f"{len(started)} started", outcomes)


def timed_schedules(ports: Ports) -> Iterator[tuple[str, Timed | FirekeepError]]:
    """Every schedule by name, the configuration's first; or why it cannot be followed."""
    config = _config(ports)
    if isinstance(config, BadInput):
        yield AUTOMATIC, config
    elif config is not None:
        automatic = _backups(ports, AUTOMATIC, Asked())
        yield (
            AUTOMATIC,
            Timed(AUTOMATIC, config.automatic.schedule, config.automatic.enabled, *automatic),
        )
    for name, found in ports.schedules.schedules():
        yield name, found if isinstance(found, BadInput) else _timed(ports, found, config)


def _config(ports: Ports) -> BackupConfig | BadInput | None:
    try:
        return ports.catalog.config()
    except BadInput as error:
        return error


def check_elsewhere(place: Place, recovery: ScheduledRecovery) -> None:
    """BadInput for a recovery into the database that is backed up: nobody looks at what it does."""
    target = recovery.target
    if Place(target.project, target.database) == place:
        raise BadInput(
            f"a scheduled recovery into {place} would overwrite what is backed up",
            hint="name another project or database, or restore in place by hand",
        )


def run_id(name: str, planned: datetime) -> str:
    """What the run of a schedule for a planned time is called."""
    return f"{name}-{planned.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def past_of(state: ScheduleState) -> Past:
    return Past(state.since, state.last, state.ran)


def _timed(
    ports: Ports, found: BackupSchedule, config: BackupConfig | BadInput | None
) -> Timed | FirekeepError:
    if found.backup is not None:
        return Timed(found.name, found.schedule, found.enabled, *_backups(ports, found.name, found.backup))
    recovery = found.recovery
    if recovery is None or isinstance(config, BadInput):
        return config if isinstance(config, BadInput) else BadInput(f"the schedule {found.name} is empty")
    try:
        check_elsewhere(ports.place, recovery)
    except BadInput as error:
        return error
    allowed = config is None or config.recovery.enabled
    return Timed(
        found.name,
        found.schedule,
        found.enabled and allowed,
        lambda name: _restore(ports, found.name, recovery, name),
        lambda name: _going_on(lambda: ports.catalog.recovery(name)),
    )


def _backups(
    ports: Ports, schedule: str, asked: Asked
) -> tuple[Callable[[str], Waiting], Callable[[str], bool]]:
    def message(name: str) -> Waiting:
        fields = {field: getattr(asked, field) for field in Asked.model_fields}
        request = SnapshotRequest(
            **fields, backup_id=name, type="automatic", requested_by=f"schedule {schedule}"
        )
        return Waiting(topic=SNAPSHOT_TOPIC, message=request.to_message().decode())

    return message, lambda name: _going_on(lambda: ports.catalog.backup(name))


def _restore(ports: Ports, schedule: str, recovery: ScheduledRecovery, name: str) -> Waiting:
    runs = re.compile(re.escape(recovery.of) + r"-\d{8}T\d{6}Z")
    completed = [one for one in ports.schedules.completed(f"{recovery.of}-") if runs.fullmatch(one)]
    if not completed:
        raise NotFound(
            f"the schedule {schedule} has nothing to restore: no backup of the schedule {recovery.of} is complete",
            hint="look at that schedule, or name another as `of`",
        )
    request = RestoreRequest(
        recovery_id=name,
        backup_id=max(completed),
        selection=recovery.selection,
        documents=recovery.documents,
        target=recovery.target,
        exact=recovery.exact,
        overwrite=recovery.overwrite,
        requested_by=f"schedule {schedule}",
    )
    return Waiting(topic=RESTORE_TOPIC, message=request.to_message().decode())


def _going_on(load: Callable[[], Any]) -> bool:
    try:
        return bool(load().status in ("pending", "in_progress"))
    except NotFound:
        return False


def _decided(ports: Ports, timed: Timed, held: Held | None, now: datetime) -> str:
    if held is None or held.state is None:
        fresh = ScheduleState(since=now, decided_at=now)
        ports.schedules.save_state(timed.name, fresh, held.version if held else None)
        return "first seen"
    state, version = held.state, held.version
    if state.waiting is not None:
        sent = _send(ports, timed.name, state, version)
        if sent is None:
            return "left to another tick"
        state, version = sent.state or state, sent.version
    decision = _decision(timed, state, now)
    if decision.planned is None:
        return decision.outcome
    return _written(ports, timed, Held(state, version), decision, decision.planned)


def _decision(timed: Timed, state: ScheduleState, now: datetime) -> Decision:
    decision = decide(timed.schedule, past_of(state), now, enabled=timed.enabled)
    recent = state.run is not None and state.ran is not None and now - state.ran < _STUCK
    if decision.due and recent and timed.running(str(state.run)):
        return decide(timed.schedule, past_of(state), now, enabled=timed.enabled, running=True)
    return decision


def _written(ports: Ports, timed: Timed, held: Held, decision: Decision, planned: datetime) -> str:
    """Write the decision down, then act on it. A run that cannot be asked for is refused, once."""
    before = held.state
    now = ports.clock.now()
    fields: dict[str, Any] = {"last": planned, "decided_at": now, "reason": decision.reason}
    refused: FirekeepError | None = None
    if decision.due:
        name = run_id(timed.name, planned)
        try:
            fields |= {"ran": planned, "run": name, "waiting": timed.message(name)}
        except (BadInput, NotFound) as error:
            refused = error
            fields["reason"] = (told([str(error)]) or ("",))[0]
    outcome = "refused" if refused else decision.outcome
    state = (before or ScheduleState(since=now, decided_at=now)).changed(outcome=outcome, **fields)
    written = ports.schedules.save_state(timed.name, state, held.version)
    if written is None:
        return "left to another tick"
    if refused is not None:
        raise refused
    if state.waiting is not None:
        _send(ports, timed.name, state, written.version)
    return decision.outcome


def _send(ports: Ports, name: str, state: ScheduleState, version: Any) -> Held | None:
    """Send what waits, and write down that it was sent. None when another tick did so meanwhile."""
    if state.waiting is not None:
        ports.publisher.publish(state.waiting.topic, [state.waiting.message.encode()])
    return ports.schedules.save_state(name, state.changed(waiting=None), version)
