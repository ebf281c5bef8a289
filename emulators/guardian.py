"""A tiny process that outlives its parent for an instant, to kill the process groups the parent leaves behind.

It reads `+PID` and `-PID` lines from its standard input; at its end, however the parent died, it kills every
group still named. It stands alone: run by path, isolated, it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(pid)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
