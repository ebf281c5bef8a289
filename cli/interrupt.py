"""What Ctrl-C means: the work in hand comes to a point from which it can go on, then the command ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.clock import Clock, Deadline
from shared.errors import FirekeepError

_T = TypeVar("_T")
_TICK_S = 0.25


class Interrupted(FirekeepError):
    """The user stopped the command; the hint says how to go on."""

    code, exit_status = "interrupted", 130


class Stop(Deadline):
    """A deadline that comes when it is asked to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, None)
        self._wanted = threading.Event()

    def ask(self) -> None:
        self._wanted.set()

    def near(self) -> bool:
        return self._wanted.is_set()


class Background(Generic[_T]):
    """Work in a thread of its own, while this one shows progress and hears Ctrl-C."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._answer: list[_T] = []
        self._error: list[BaseException] = []
        # Not waited for by `join`: an interrupted join takes a running thread for ended (CPython before 3.13).
        self._ended = threading.Event()

    def result(self, tick: Callable[[], None], stop: Callable[[], None]) -> _T:
        """What the work answers, or its error. On Ctrl-C calls `stop` and waits; on a second, waits no longer."""
        threading.Thread(target=self._run, name="work", daemon=True).start()
        try:
            while not self._ended.wait(_TICK_S):
                tick()
        except KeyboardInterrupt:
            stop()
            self._ended.wait()
        if self._error:
            raise self._error[0]
        return self._answer[0]

    def _run(self) -> None:
        try:
            self._answer.append(self._work())
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._error.append(error)
        finally:
            self._ended.set()
