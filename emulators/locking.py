"""One process at a time: a lock on a file, which the kernel lets go of however its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from shared.errors import Unavailable

# The process that had it may have been killed a moment ago.
_PATIENCE_S = 0.5
_PAUSE_S = 0.02


def lock_file(path: Path) -> int:
    """A descriptor that holds the lock until it is closed. Raises Unavailable while another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if time.monotonic() < end:
                time.sleep(_PAUSE_S)
                continue
            os.close(descriptor)
            raise Unavailable(
                f"opening {path.parent}: another process has it open",
                hint="stop it, or choose another directory",
            ) from problem
        return descriptor
