"""Keeps a task's lease alive and its progress visible while a worker is busy with it, and hears when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from shared.clock import Deadline
from shared.errors import Busy, Cancelled, FirekeepError
from shared.state.contract import Data, Ledger, Task, TaskId


class Heartbeat:
    """Renews every `every` seconds with what `progress` says. `check` raises once the lease is lost, or the job is to
    be stopped; entering raises for a job that is so already.
    """

    def __init__(
        self,
        ledger: Ledger,
        task: TaskId,
        owner: str,
        every: float,
        progress: Callable[[], Data],
        *,
        tell: Callable[[Task], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._task = task
        self._owner = owner
        self._every = every
        self._progress = progress
        self._tell = tell
        self._stop = threading.Event()
        self._lost: FirekeepError | None = None
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {task}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise Busy if another worker has taken over or the job has ended, Cancelled if it is to be stopped."""
        if self._lost is not None:
            raise self._lost

    @property
    def stopped(self) -> bool:
        """Whether `check` would raise: for loops that can stop between two checks."""
        return self._lost is not None

    def within(self, deadline: Deadline) -> Deadline:
        """A deadline that is near as well when the work is to stop."""
        return _Within(self, deadline)

    def _look(self) -> Task:
        job = self._ledger.load(TaskId(self._task.job))
        if "cancelledBy" in job.data:
            raise Cancelled(f"cancelled by {job.data['cancelledBy']}")
        if job.ended:
            raise Busy(f"job {job.id} was ended by somebody else", hint="its document says how")
        return job

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._ledger.renew(self._task, self._owner, self._progress())
                self._tell(self._look())
            except (Busy, Cancelled) as error:
                self._lost = error
                return
            except FirekeepError:
                # One missed beat is not a lost lease: the next one, or the guarded write at the end, decides.
                continue


class _Within(Deadline):
    def __init__(self, beat: Heartbeat, deadline: Deadline) -> None:
        self._beat = beat
        self._deadline = deadline

    def near(self) -> bool:
        return self._beat.stopped or self._deadline.near()
