"""Stops a job because somebody wants it stopped. The ledger's transactions decide between that and its end.

A mark is put on the job. Whoever works on it sees the mark at its next beat and ends the job; without a worker it ends
at once. From the moment on when a job is settled, just before its result becomes visible, it can be cancelled no more.
"""

from __future__ import annotations

from shared.errors import Busy, Cancelled, Conflict, FirekeepError
from shared.jobs.failure import fail_job
from shared.jobs.lease import held
from shared.jobs.ports import Ports, Report
from shared.jobs.tally import Tally
from shared.state.contract import Data, Task

_BY = 256


def cancel_job(ports: Ports, job_id: str, by: str) -> Report:
    """Cancel a backup, restore, check or rotation, on behalf of `by`. Asked for again, the first time counts.

    `cancelled` when it has ended by that, `cancelling` when its worker will end it at its next beat. NotFound when
    there is no such job, Conflict when it is about to end by itself.
    """
    now = ports.clock.now()
    mark = {"cancelledBy": by[:_BY], "cancelledAt": now}
    job = ports.ledger.amend(job_id, lambda task: _marked(task, mark))
    if job.ended:
        return Report(
            job_id, "cancelled" if job.data.get("code") == Cancelled.code else f"already {job.state}"
        )
    if any(held(task, now) for task in (job, *(ports.ledger.parts(job_id) if job.parts else ()))):
        return Report(job_id, "cancelling")
    return Report(job_id, "cancelled" if fail_job(ports, job, cancelled(job)) else "ended meanwhile")


def _marked(task: Task, mark: Data) -> Data:
    if task.data.get("settled"):
        raise Conflict(
            f"cancelling {task.id} failed: its work is done, and it is about to be completed",
            hint="look again in a minute",
        )
    return {} if "cancelledBy" in task.data else mark


def settle(ports: Ports, job_id: str) -> None:
    """From here on the job cannot be cancelled. Cancelled when it was before; Busy when somebody has ended it."""

    def change(task: Task) -> Data:
        check_wanted(task)
        return {"settled": True}

    if ports.ledger.amend(job_id, change).ended:
        raise Busy(f"job {job_id} was ended by somebody else", hint="its document says how")


def check_wanted(job: Task) -> None:
    """Cancelled when somebody wants this job stopped."""
    if "cancelledBy" in job.data:
        raise cancelled(job)


def cancelled(job: Task) -> FirekeepError:
    """What ends a job that was cancelled: by whom, and what it leaves."""
    return Cancelled(f"cancelled by {job.data['cancelledBy']}", hint=_left(job))


def _left(job: Task) -> str:
    if job.data.get("kind") == "snapshot":
        return "nothing of it is visible; what it stored is collected later"
    if job.data.get("kind") != "restore":
        return ""
    done = Tally.of(job.data)
    told = f"{done.created} created, {done.updated} updated, {done.deleted} deleted"
    return f"what was written stays as it is: {told}; the same restore, asked for again, goes on from there"
