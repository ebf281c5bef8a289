"""Dying with the parent: a child that outlives the process that started it would serve nobody.

On Linux the kernel sees to it, even when the parent is killed with SIGKILL. Elsewhere, and for whatever a
child has started itself, the guardian (`emulators.guardian`) does.

`main` runs a module in this way: its arguments are ROOT PARENT_PID MODULE ARGUMENTS….
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
    _, _, parent, module = sys.argv[:4]
    die_with_parent(int(parent))
    sys.argv[:] = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
