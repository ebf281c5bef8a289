"""Dead letters: messages that were delivered as often as allowed. The job that one belongs to fails, visibly."""

from __future__ import annotations

import json
import re
from typing import Any

from shared.errors import BadInput, FirekeepError, NotFound, Unavailable
from shared.jobs.failure import fail_job, tell_backup
from shared.jobs.lease import held
from shared.jobs.ports import Ports, Report
from shared.models.fields import ID_PATTERN
from shared.models.jobs import RestoreRequest, SnapshotRequest
from shared.state.contract import TaskId

_ID = re.compile(ID_PATTERN)
_JOBS = {"recoveryId": "restore", "verifyId": "verify", "rotateId": "rotate", "backupId": "snapshot"}
"""The field that names the job, the most telling first, and the kind of job."""


def bury(ports: Ports, text: bytes) -> Report:
    """End the job that this message asked for, unless somebody works on it, or it has ended.

    A message that names no job is only reported: there is nothing that could say so to anybody but the log.
    """
    message = _read(text)
    field = next((name for name in _JOBS if _ID.fullmatch(str(message.get(name, "")))), "")
    if not field:
        return Report("", "names no job")
    job_id, part = str(message[field]), message.get("part")
    try:
        job = ports.ledger.load(TaskId(job_id))
        worker = job if part is None else ports.ledger.load(TaskId(job_id, part))
    except NotFound:
        return _never_begun(ports, _JOBS[field], job_id, text)
    if job.ended or worker.ended:
        return Report(str(worker.id), f"already {worker.state if worker.ended else job.state}")
    if held(worker, ports.clock.now()) or (part is None and job.parts):
        return Report(str(worker.id), "still worked on")
    told = fail_job(ports, job, _given_up(worker.id))
    return Report(str(worker.id), "failed" if told else "ended meanwhile", {"reason": "dead letter"})


def _read(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    whole = isinstance(message, dict) and isinstance(message.get("part", 0), int)
    return message if whole else {}


def _never_begun(ports: Ports, kind: str, job_id: str, text: bytes) -> Report:
    """Nobody got as far as writing that the job exists: write it, so that somebody sees that it failed."""
    error = _given_up(TaskId(job_id))
    try:
        if kind == "snapshot":
            request = SnapshotRequest.from_message(text)
            tell_backup(ports, request.backup_id, request.type or "manual", error)
        else:
            if kind == "restore":
                RestoreRequest.from_message(text)
            asked = {"kind": kind, "request": text.decode(), "startedAt": ports.clock.now()}
            fail_job(ports, ports.ledger.create(job_id, asked), error)
    except BadInput:
        return Report("", "names no job")
    return Report(job_id, "failed", {"reason": "dead letter"})


def _given_up(task: TaskId) -> FirekeepError:
    return Unavailable(
        f"job {task} was given up: its message was delivered as often as allowed, and failed each time",
        hint="the functions' log says why; when that is mended, start it again",
    )
