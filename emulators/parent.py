"""Dying with the parent: a child that outlives the process that started it would serve nobody.

On Linux the kernel sees to it, even when the parent is killed with SIGKILL. Elsewhere, and for whatever a
child has started itself, the guardian (`emulators.guardian`) does.

`python -m emulators.parent PARENT_PID MODULE ARGUMENTS…` runs a module in this way.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent's thread that started this process ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the kernel was asked.
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    parent, module = int(sys.argv[1]), sys.argv[2]
    die_with_parent(parent)
    sys.argv[:] = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
