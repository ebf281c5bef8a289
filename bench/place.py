"""Where measurements happen: emulators in processes of their own, repositories in a temporary folder.

Every emulator dies with the process that started it, and every folder is removed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data import Item
from emulators.datasets.load import Database, commit_writes
from emulators.datasets.wire import deletion, write
from shared import wiring
from shared.format.config import Options
from shared.settings import Settings

PROJECT = "demo-firekeep"
TREE = Path(__file__).resolve().parent.parent
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from emulators.parent import main; main()"


@contextmanager
def emulator() -> Iterator[Database]:
    """An empty Firestore, as a process of its own."""
    with served("emulators.firestore") as host:
        yield Database(host, PROJECT)


@contextmanager
def served(module: str, *arguments: str) -> Iterator[str]:
    """HOST:PORT of a module that serves and says so in one line, as a process of its own."""
    command = [sys.executable, "-c", _BOOT, str(TREE), str(os.getpid()), module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline().split()
        if greeting[1:2] != ["ready"]:
            raise RuntimeError(f"{module} did not start; its own message is above")
        yield greeting[2]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def load(database: Database, items: Iterable[Item]) -> int:
    """Write documents; how many there were."""
    count = 0

    def writes() -> Iterator[bytes]:
        nonlocal count
        for path, fields in items:
            count += 1
            yield write(f"{database.root}/{path}", fields)

    commit_writes(database, writes())
    return count


def empty(database: Database, paths: Iterable[str]) -> None:
    """Delete documents."""
    commit_writes(database, (deletion(f"{database.root}/{path}") for path in paths))


@dataclass(frozen=True)
class Folder:
    """A temporary folder, and repositories in it."""

    path: Path

    def settings(self, database: Database) -> Settings:
        """Those of a new, empty repository for backups of `database`; everything else as it is by default."""
        here = self.path / secrets.token_hex(4)
        here.mkdir()
        chosen = Settings(
            contents=("entries",),
            project=database.project,
            repository=str(here / "repository"),
            key_file=here / "key",
            firestore_emulator=database.host,
            ramp=False,
        )
        wiring.make_key_file(here / "key")
        wiring.create_repository(chosen, Options())
        return chosen


@contextmanager
def folder() -> Iterator[Folder]:
    """Removed at the end, with all repositories in it."""
    path = Path(tempfile.mkdtemp(prefix="firekeep-bench-"))
    try:
        yield Folder(path)
    finally:
        shutil.rmtree(path)


def stored_bytes(chosen: Settings) -> int:
    """The size of a repository: all of its objects."""
    return sum(kind.bytes for kind in wiring.open_repository(chosen).usage().values())


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set for a while: Google's client libraries find emulators through the environment only."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
