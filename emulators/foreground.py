"""The terminal's foreground, for a command that runs in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def foreground(group: int) -> Iterator[None]:
    """Gives the terminal, if there is one, to the command: it may read from it, and gets Ctrl-C itself."""
    if not sys.stdin.isatty() or os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        yield
        return
    terminal = sys.stdin.fileno()
    ours = os.getpgrp()
    previous = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(terminal, group)
            # It may have tried to read before the terminal was its own, and been stopped for it.
            os.killpg(group, signal.SIGCONT)
        yield
    finally:
        os.tcsetpgrp(terminal, ours)
        signal.signal(signal.SIGTTOU, previous)
