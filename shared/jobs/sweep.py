"""Finds jobs that nobody works on any more, and has them taken up again, or ended with a reason.

A worker that died is replaced by the redelivery of its message. What a sweep is for is the rest: a message that was
lost, or given up, and a death between the end of a job and the document that tells of it. Sweeping costs little and
harms nothing, so it may run as often as every minute, and twice at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.errors import FirekeepError, NotFound, Unavailable
from shared.format.seal import name_of
from shared.jobs.cancel import cancelled
from shared.jobs.failure import fail_job, tell_failure
from shared.jobs.part import PART_TOPIC
from shared.jobs.ports import Ports, Report
from shared.jobs.request import SNAPSHOT_TOPIC
from shared.models.jobs import PartRequest, SnapshotRequest
from shared.state.contract import Data, Task, TaskId, TaskState

SWEEP_TOPIC = "backup-sweep"

QUIET: Final = timedelta(minutes=12)
"""How long nothing may happen to a job: longer than the longest wait between two deliveries of a message."""
REVIVALS: Final = 3
"""How often a job is sent out anew without getting any further."""
_CANCELLED: Final = timedelta(minutes=2)
"""Likewise, of a job that is to be stopped: its worker hears of it at its next beat."""

_TOPICS: Final = {"verify": "backup-verify", "restore": "backup-restore", "rotate": "backup-rotate"}


def sweep(ports: Ports, quiet: timedelta = QUIET) -> Report:
    """One round over all jobs that have not ended. What is wrong with one of them does not keep it from the others."""
    found: dict[str, list[str]] = {"revived": [], "failed": [], "told": []}
    troubles: list[FirekeepError] = []
    jobs = list(ports.ledger.unfinished())
    for job in jobs:
        _kept(lambda: _look_after(ports, job, quiet, found), troubles)  # noqa: B023  # called at once
    for told in ports.catalog.unfinished():
        _kept(lambda: _mend(ports, told, found), troubles)  # noqa: B023
    for shown in ports.board.all_shown():
        _kept(lambda: _clear(ports, shown), troubles)  # noqa: B023
    if troubles:
        raise troubles[0]
    return Report("sweep", "swept", {"open": len(jobs), **{name: ids for name, ids in found.items() if ids}})


def _kept(act: Callable[[], None], troubles: list[FirekeepError]) -> None:
    """`act`, its error kept for later."""
    try:
        act()
    except FirekeepError as error:
        troubles.append(error)


def _look_after(ports: Ports, job: Task, quiet: timedelta, found: dict[str, list[str]]) -> None:
    now = ports.clock.now()
    if "cancelledBy" in job.data:
        quiet = min(quiet, _CANCELLED)
    if _last_sign(ports, job, now - quiet) > now - quiet:
        return
    if "cancelledBy" in job.data:
        if fail_job(ports, job, cancelled(job)):
            found["failed"].append(job.id.job)
        return
    sent = ports.ledger.amend(job.id.job, lambda task: _counted(task, now, quiet))
    if sent.ended:
        return
    if sent.data.get("revivedAt") == now:
        topic, messages = _messages(ports, sent)
        if messages:
            ports.publisher.publish(topic, messages)
            found["revived"].append(job.id.job)
            return
    elif sent.data.get("revivedAt", now - quiet) > now - quiet:
        return
    if fail_job(ports, sent, _abandoned(sent)):
        found["failed"].append(job.id.job)


def _last_sign(ports: Ports, job: Task, enough: datetime) -> datetime:
    """When somebody last did something for this job; any moment after `enough` will do."""
    signs = [_sign(job), job.data.get("revivedAt")]
    known = max((sign for sign in signs if sign is not None), default=enough)
    if known > enough or job.parts is None:
        return known
    return max((sign for part in ports.ledger.parts(job.id.job) if (sign := _sign(part))), default=known)


def _sign(task: Task) -> datetime | None:
    return max((at for at in (task.touched, task.leased_until) if at is not None), default=None)


def _counted(task: Task, now: datetime, quiet: timedelta) -> Data:
    """One revival more, unless another sweep was faster, or there were enough."""
    if task.data.get("revivedAt", now - quiet) > now - quiet:
        return {}
    position = _position(task)
    before = task.data.get("revivals", 0) if task.data.get("revivedWhere") == position else 0
    if before >= REVIVALS:
        return {}
    return {"revivals": before + 1, "revivedAt": now, "revivedWhere": position}


def _position(task: Task) -> str:
    """How far a job is, so that one that gets further is not given up."""
    told = (task.data.get(name) for name in ("content", "phase", "cursor", "state"))
    return name_of(repr((task.parts, task.parts_done, *told)).encode()).hex()


def _messages(ports: Ports, job: Task) -> tuple[str, list[bytes]]:
    """What has to be sent for the job to go on; nothing when it does not say what was asked."""
    if job.data.get("kind") != "snapshot":
        request = job.data.get("request")
        topic = _TOPICS.get(str(job.data.get("kind")), "")
        return (topic, [str(request).encode()]) if topic and request else ("", [])
    waiting = [part.id.part for part in ports.ledger.parts(job.id.job) if not part.ended] if job.parts else []
    if not waiting:
        return SNAPSHOT_TOPIC, [SnapshotRequest(backup_id=job.id.job, type=job.data["type"]).to_message()]
    parts = [number for number in waiting if number is not None]
    return PART_TOPIC, [PartRequest(backup_id=job.id.job, part=number).to_message() for number in parts]


def _abandoned(job: Task) -> FirekeepError:
    return Unavailable(
        f"job {job.id} was given up: it was taken up again {job.data.get('revivals', 0)} times "
        "after its worker had ended without a word, and got no further",
        hint="the functions' log says what ended them; more memory may help; then start it again",
    )


def _mend(ports: Ports, told: str, found: dict[str, list[str]]) -> None:
    """A document that says of a failed job that it goes on: whoever ended it died before telling."""
    try:
        job = ports.ledger.load(TaskId(told))
    except NotFound:
        return
    if job.state is TaskState.FAILED and "error" in job.data:
        tell_failure(ports, job, _again(job))
        found["told"].append(told)


def _clear(ports: Ports, shown: str) -> None:
    """A worker that beats once more after the end of its job leaves a document behind."""
    try:
        ended = ports.ledger.load(TaskId(shown)).ended
    except NotFound:
        ended = True
    if ended:
        ports.board.take_down(shown)


def _again(job: Task) -> FirekeepError:
    """The error that ended a job, as far as its document tells it."""
    return FirekeepError(str(job.data["error"]))
