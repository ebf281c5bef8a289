"""Keeps a task's lease alive and its progress visible while a worker is busy with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from shared.errors import Busy, FirekeepError
from shared.state.contract import Data, Ledger, TaskId


class Heartbeat:
    """Renews every `every` seconds with what `progress` says. `check` raises once the lease is lost."""

    def __init__(
        self, ledger: Ledger, task: TaskId, owner: str, every: float, progress: Callable[[], Data]
    ) -> None:
        self._ledger = ledger
        self._task = task
        self._owner = owner
        self._every = every
        self._progress = progress
        self._stop = threading.Event()
        self._lost: FirekeepError | None = None
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {task}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise Busy if another worker has taken over."""
        if self._lost is not None:
            raise self._lost

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._ledger.renew(self._task, self._owner, self._progress())
            except Busy as error:
                self._lost = error
                return
            except FirekeepError:
                # One missed beat is not a lost lease: the next one, or the guarded write at the end, decides.
                continue
