"""Emulators on a directory that outlives them, and the files that keep their state."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from storage_helpers import Raw, connected

from emulators.storage import StorageEmulator


@contextlib.contextmanager
def running(data: Path, **options: Any) -> Iterator[str]:
    """The address of an emulator in this process, on `data`."""
    emulator = StorageEmulator(data=data, **options)
    address = emulator.start()
    try:
        yield address
    finally:
        emulator.stop()


@contextlib.contextmanager
def client_on(data: Path, **options: Any) -> Iterator[Any]:
    """Google's client on such an emulator."""
    with running(data, **options) as address:
        client = connected(address)
        yield client
        client.close()


@contextlib.contextmanager
def raw_on(data: Path, **options: Any) -> Iterator[Raw]:
    with running(data, **options) as address, Raw(address) as raw:
        yield raw


def content_files(data: Path) -> list[Path]:
    return sorted((data / "content").iterdir())


def killed(data: Path, work: Callable[[str], None], after: Callable[[], None]) -> None:
    """Runs a process on `data`, `work` with its address, and kills it once `after` returns in between."""
    command = [sys.executable, "-m", "emulators.storage", "--bucket", "kept", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            work(process.stdout.readline().split()[-1])
            after()
        finally:
            process.send_signal(signal.SIGKILL)
