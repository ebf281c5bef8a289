"""Small files that hold a secret, and that nobody but their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from shared.errors import Conflict, Denied, NotFound, StorageFull


def read_private(path: Path, what: str, limit: int) -> bytes:
    """What the secret file `path` holds; of one longer than `limit`, one byte more. Denied when others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise NotFound(f"{what} {path} does not exist") from None
    except OSError as error:
        raise Denied(f"reading {what} {path} failed: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Denied(f"{what} {path} can be read by others", hint=f"chmod 600 {path}")
    return data


def write_private(path: Path, what: str, data: bytes) -> None:
    """A new file that only its owner may read, on the disk when this returns. Conflict when something is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Conflict(f"{what} {path} exists already", hint="use it, or name another path") from None
    except FileNotFoundError:
        raise NotFound(f"creating {what} {path} failed: its folder does not exist") from None
    except PermissionError:
        raise Denied(f"creating {what} {path} failed: its folder is not writable") from None
    except OSError as error:
        raise StorageFull(f"creating {what} {path} failed: {error.strerror}") from None
