"""A directory that keeps the state of all services: `DIR/SERVICE/…`, with a mark that says what it is.

Promises: it is open in one process at a time; a directory with anything else in it is refused before it is touched.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Self

from emulators.locking import lock_file
from shared.errors import BadInput, Denied

MARK = "firekeep-state.json"
LOCK = "lock"
VERSION = 1
SERVICES = ("firestore", "pubsub", "storage", "auth")


def check_state(path: Path) -> dict[str, object]:
    """What the mark of a state directory says. BadInput when there is none, or it is of another version."""
    try:
        mark = json.loads((path / MARK).read_text())
        version = mark["version"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(
            f"opening {path}: it is not a directory that keeps the local stack's state",
            hint="name an empty or a new directory, or one that --data has made",
        ) from problem
    if version != VERSION:
        raise BadInput(f"opening {path}: its state is of version {version}, this one reads version {VERSION}")
    return dict(mark)


def is_new(path: Path) -> bool:
    """Whether a directory is not there, or empty. Denied when it cannot be read."""
    try:
        return not any(path.iterdir())
    except FileNotFoundError:
        return True
    except OSError as problem:
        raise _denied(path, problem) from problem


class StateDirectory:
    """An open state directory; a context manager that lets go of it."""

    def __init__(self, path: Path) -> None:
        """Makes it if need be. Raises BadInput, Denied when it cannot be written, Unavailable when it is in use."""
        self.path = path
        new = is_new(path)
        if not new and not (path / MARK).exists() and {each.name for each in path.iterdir()} != {LOCK}:
            check_state(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = lock_file(path / LOCK)
        except OSError as problem:
            raise _denied(path, problem) from problem
        try:
            if not (path / MARK).exists():
                self._mark({"version": VERSION})
            self._marked = check_state(path)
        except BaseException:
            self.close()
            raise

    @property
    def seeding(self) -> bool:
        """Whether a data set was being loaded into it and that has not ended."""
        return bool(self._marked.get("seeding"))

    def mark_seeding(self, on: bool) -> None:
        self._marked["seeding"] = on
        self._mark(self._marked)

    def _mark(self, content: dict[str, object]) -> None:
        new = self.path / f"{MARK}.new"
        try:
            new.write_text(json.dumps(content))
            new.replace(self.path / MARK)
        except OSError as problem:
            raise _denied(self.path, problem) from problem

    def close(self) -> None:
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _denied(path: Path, problem: OSError) -> Denied:
    return Denied(f"opening {path}: {problem.strerror}", hint="name a directory that can be read and written")
