"""How far it is, on standard error: a bar on a terminal, a plain line now and then elsewhere, nothing with --json."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cli.output import Output, count, duration, rate, size
from shared.clock import Clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class Reading:
    """How far a job is: `phase` in a few words, `done` of `total` documents (None: not known yet), bytes."""

    phase: str
    done: int = 0
    total: int | None = None
    bytes: int = 0


class Meter:
    """Shows readings; a context manager. The rate is of the present phase."""

    def __init__(self, out: Output, clock: Clock) -> None:
        self._clock = clock
        self._began: tuple[str, float, int] | None = None
        self._show: _Bar | _Lines | None = None if out.json else _Lines(out, clock)
        if not out.json and terminal():
            self._show = _Bar()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._show, _Bar):
            self._show.close()

    def show(self, reading: Reading) -> None:
        """Tell this reading, if it is time to."""
        if self._show is None:
            return
        now = self._clock.monotonic()
        if self._began is None or self._began[0] != reading.phase:
            self._began = (reading.phase, now, reading.done)
        _, since, first = self._began
        self._show.tell(reading, max(reading.done - first, 0), now - since)


class _Bar:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress: Progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._task: TaskID | None = None
        self._phase = ""

    def tell(self, reading: Reading, done: int, seconds: float) -> None:
        told: dict[str, Any] = {"told": _told(reading, done, seconds), "left": _left(reading, done, seconds)}
        if self._task is not None and self._phase == reading.phase:
            self._progress.update(self._task, completed=reading.done, total=reading.total, **told)
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._phase = reading.phase
        self._task = self._progress.add_task(
            reading.phase, completed=reading.done, total=reading.total, **told
        )

    def close(self) -> None:
        self._progress.stop()


class _Lines:
    """A line when the phase changes, and one every few seconds."""

    def __init__(self, out: Output, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._phase = ""
        self._last = 0.0

    def tell(self, reading: Reading, done: int, seconds: float) -> None:
        now = self._clock.monotonic()
        if reading.phase == self._phase and now - self._last < _LINE_EVERY_S:
            return
        begins = reading.phase != self._phase
        self._phase, self._last = reading.phase, now
        told = "" if begins and not reading.done else _told(reading, done, seconds)
        self._out.note(f"{reading.phase} {told}".rstrip())


def _told(reading: Reading, done: int, seconds: float) -> str:
    if reading.total is None and not reading.done:
        return ""
    of = f" of {count(reading.total)}" if reading.total is not None else ""
    parts = [f"{count(reading.done)}{of}"]
    if reading.bytes:
        parts.append(size(reading.bytes))
    if done and seconds >= 1:
        parts.append(rate(done, seconds))
    return ", ".join(parts)


def _left(reading: Reading, done: int, seconds: float) -> str:
    if reading.total is None or not done or seconds < 1 or reading.done >= reading.total:
        return ""
    return f"{duration((reading.total - reading.done) * seconds / done)} left"


def terminal() -> bool:
    """Whether somebody watches standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal and not console.is_dumb_terminal
