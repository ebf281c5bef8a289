"""Has a job done, here or by the deployed functions, and shows how far it is.

Here, the messages that would go over Pub/Sub wait in a queue of this process; the jobs are the same, and so is
what they leave in the ledger. So a job begun in one way may be finished in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cli.interrupt import Background, Interrupted, Stop
from cli.output import Output
from cli.preflight import reach_firestore, reach_functions
from cli.progress import Meter, Reading
from shared.errors import FirekeepError, Internal, NotFound, Unavailable
from shared.jobs.ports import Ports
from shared.settings import Settings
from shared.state.contract import Ledger, Task, TaskId, TaskState

SNAPSHOT, PART, VERIFY, RESTORE = "backup-snapshot", "backup-part", "backup-verify", "backup-restore"
ROTATE = "backup-rotate"

WORKERS = 4
_HEARTBEAT_S = 1.0
_POLL_S = 0.25
_UNSEEN_S = 60.0
_UNMOVED_S = 1_800.0


@dataclass(frozen=True)
class Job:
    """What to have done: the message that asks for it, how to read its progress, how to go on after Ctrl-C."""

    id: str
    topic: str
    message: bytes
    reading: Callable[[Ledger, Task], Reading]
    resume: str
    checkpoints: bool = True
    """Whether the job stops where it can be taken up again; otherwise `resume` begins anew."""


def perform(chosen: Settings, out: Output, job: Job, via_functions: bool) -> Task:
    """The job's task, ended. Its error, when an error ended it; `Interrupted` on Ctrl-C."""
    reach_firestore(chosen)
    if via_functions:
        reach_functions(chosen)
        return _by_functions(chosen, out, job)
    return _here(chosen, out, job)


def _here(chosen: Settings, out: Output, job: Job) -> Task:
    from shared import wiring

    ports, queue = wiring.inline_ports(chosen)
    ports = replace(ports, heartbeat_s=min(ports.heartbeat_s, _HEARTBEAT_S))
    stop = Stop(ports.clock)

    def ask_to_stop() -> None:
        if not job.checkpoints:
            raise KeyboardInterrupt
        out.note("stopping where the work can be taken up again; press Ctrl-C once more to stop at once")
        stop.ask()
        queue.stop()

    queue.publish(job.topic, [job.message])
    with Meter(out, ports.clock) as meter:
        watch = _Watch(ports, job, meter)
        work = Background(lambda: queue.drain(_handlers(ports, stop), WORKERS))
        try:
            work.result(watch.tick, ask_to_stop)
            # Work that ends between two looks is shown as well.
            watch.look()
        except KeyboardInterrupt:
            when = "in a minute, go on with" if job.checkpoints else "begin anew with"
            raise Interrupted("stopped at once", hint=f"{when}: {job.resume}") from None
    task = ports.ledger.load(TaskId(job.id))
    if not task.ended:
        raise Interrupted("stopped; what was done is kept", hint=f"go on with: {job.resume}")
    return _unless_failed(task)


def _by_functions(chosen: Settings, out: Output, job: Job) -> Task:
    from shared import wiring

    ports = wiring.build_ports(chosen)
    ports.publisher.publish(job.topic, [job.message])
    return watched(ports, out, job)


def watched(ports: Ports, out: Output, job: Job) -> Task:
    """The task of a job that was asked for elsewhere, once it has ended."""
    with Meter(out, ports.clock) as meter:
        watch = _Watch(ports, job, meter)
        try:
            while not watch.ended:
                ports.clock.sleep(_POLL_S)
                watch.look()
        except KeyboardInterrupt:
            hint = f"watch again: {job.resume} --via-functions" if job.resume else ""
            raise Interrupted("no longer watching; the functions go on", hint=hint) from None
    return _unless_failed(watch.task)


def _unless_failed(task: Task) -> Task:
    """The task, or the error that ended it, as its document tells it."""
    if task.state is not TaskState.FAILED or "error" not in task.data:
        return task
    kinds = {kind.code: kind for kind in _kinds(FirekeepError)}
    raise kinds.get(str(task.data.get("code")), FirekeepError)(f"job {task.id} failed: {task.data['error']}")


def _handlers(ports: Ports, stop: Stop) -> Mapping[str, Callable[[bytes], object]]:
    from shared.jobs.part import run_part
    from shared.jobs.restore import run_restore
    from shared.jobs.rotate import run_rotate
    from shared.jobs.snapshot import start_snapshot
    from shared.jobs.verify import run_verify
    from shared.models.jobs import PartRequest, RestoreRequest, RotateRequest, SnapshotRequest, VerifyRequest

    return {
        SNAPSHOT: lambda message: start_snapshot(ports, SnapshotRequest.from_message(message)),
        PART: lambda message: run_part(ports, PartRequest.from_message(message), stop),
        VERIFY: lambda message: run_verify(ports, VerifyRequest.from_message(message), stop),
        ROTATE: lambda message: run_rotate(ports, RotateRequest.from_message(message), stop),
        RESTORE: lambda message: run_restore(ports, RestoreRequest.from_message(message), stop),
    }


class _Watch:
    """Reads a job's documents and shows them. `task` is the job as last seen."""

    def __init__(self, ports: Ports, job: Job, meter: Meter) -> None:
        self._ledger = ports.ledger
        self._clock = ports.clock
        self._job = job
        self._meter = meter
        self._seen: Task | None = None
        self._reading = Reading("starting")
        self._moved = self._looked = ports.clock.monotonic()

    @property
    def ended(self) -> bool:
        return self._seen is not None and self._seen.ended

    @property
    def task(self) -> Task:
        if self._seen is None:
            raise Internal(f"job {self._job.id} was not seen")
        return self._seen

    def tick(self) -> None:
        """Look now and then. What goes wrong with looking does not disturb the work itself."""
        if self._clock.monotonic() - self._looked < _POLL_S:
            return
        try:
            self.look()
        except FirekeepError:
            # The work, in its own thread, meets the same trouble and decides what it means.
            self._looked = self._clock.monotonic()

    def look(self) -> None:
        """Read and show. Unavailable when nothing has moved for so long that nobody can be at work."""
        now = self._looked = self._clock.monotonic()
        reading = self._read()
        if reading != self._reading:
            self._reading, self._moved = reading, now
        self._meter.show(reading)
        if self._seen is None and now - self._moved > _UNSEEN_S:
            raise Unavailable(
                f"no function has taken up job {self._job.id} in {_UNSEEN_S:.0f} s",
                hint="check that the functions are deployed, and what they log",
            )
        if not self.ended and now - self._moved > _UNMOVED_S:
            raise Unavailable(
                f"job {self._job.id} has not moved for {_UNMOVED_S / 60:.0f} min",
                hint="check what the functions log",
            )

    def _read(self) -> Reading:
        try:
            self._seen = self._ledger.load(TaskId(self._job.id))
        except NotFound:
            return Reading("starting")
        return self._job.reading(self._ledger, self._seen)


def _kinds(kind: type[FirekeepError]) -> list[type[FirekeepError]]:
    found: list[type[FirekeepError]] = [kind]
    for below in kind.__subclasses__():
        found += _kinds(below)
    return found


def new_id(clock: Any, random: Callable[[int], bytes]) -> str:
    """An id that sorts by time: `YYYYMMDDTHHMMSSZ-` and eight hex digits."""
    return f"{clock.now():%Y%m%dT%H%M%SZ}-{random(4).hex()}"
