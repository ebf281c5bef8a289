"""How an emulator runs as a process: it says in one line where it serves, and ends at SIGINT or SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Protocol

from shared.errors import FirekeepError


class Emulator(Protocol):
    """What every emulator is in process."""

    def start(self) -> str:
        """HOST:PORT, once it serves."""

    def stop(self) -> None: ...


def serve(name: str, make: Callable[[], Emulator]) -> int:
    """Make and start the emulator, serve until told to end, and answer an exit status.

    The signals are blocked before its threads begin, so that it is this one that they reach.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        emulator = make()
        address = emulator.start()
    except (FirekeepError, OSError, ValueError, RuntimeError) as problem:
        sys.stderr.write(f"{name}: {problem}\n")
        return problem.exit_status if isinstance(problem, FirekeepError) else 1
    sys.stdout.write(f"{name} ready {address}\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    emulator.stop()
    return 0
