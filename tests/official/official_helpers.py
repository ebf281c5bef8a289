"""A running suite: the official emulators with ours in it, the tests' own functions and the system's."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROJECT = "demo-official"
# The official Auth emulator alone takes ten seconds of a processor to start.
READY_S = 180
EMULATORS = ("auth", "functions", "firestore", "pubsub", "storage", "eventarc", "tasks", "hub", "logging")
# Runs inside of the suite: tells its variables, and lasts until the tests are done.
INSIDE = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "draft").write_text(json.dumps(dict(os.environ)))
(folder / "draft").rename(folder / "ready")
while not (folder / "done").exists():
    time.sleep(0.05)
"""


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """The condition's first answer that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return found


@dataclass
class Suite:
    """`env` is what a command in the suite sees, `folder` the project's, `process` the program `firekeep suite`."""

    folder: Path
    process: subprocess.Popen[bytes]
    env: dict[str, str]

    def notes(self, function: str) -> list[dict[str, Any]]:
        """What the calls of a function have left."""
        return [json.loads(path.read_text()) for path in (self.folder / "seen").glob(f"{function}-*.json")]

    def noted(self, function: str, count: int = 1) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        self.until(lambda: len(self.notes(function)) >= count)
        return self.notes(function)

    def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """The condition's first answer that is true; what the suite has printed, when there is none."""
        try:
            return until(condition, seconds)
        except AssertionError as problem:
            raise AssertionError(self.log()) from problem

    def processes(self) -> list[int]:
        """Every process that was started by this suite, wherever it has gone: they share a variable."""
        mark = f"SEEN_DIR={self.folder / 'seen'}".encode()
        found = (path for path in Path("/proc").iterdir() if path.name.isdigit())
        return [int(path.name) for path in found if mark in environment(path)]

    def log(self) -> str:
        return (self.folder / "suite.log").read_text(errors="replace")


def environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def free_ports(count: int) -> list[int]:
    """Below the ports that a system hands out by itself: they must still be free seconds later."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 50 * count):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("there are hardly any free ports")


def lay_out(folder: Path, *without: str) -> None:
    """A project with two sets of functions: the tests' own, and the system's, by the files that are deployed.

    Some of the emulators may be left out, and the system's functions, as `system`.
    """
    shutil.copytree(HERE / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    system = folder / "system"
    for name in ("functions", "shared"):
        shutil.copytree(ROOT / name, system / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.py", "requirements.txt", "functions.yaml"):
        shutil.copy(ROOT / name, system / name)
    *ports, websocket = free_ports(len(EMULATORS) + 1)
    emulators: dict[str, Any] = {
        name: {"host": "127.0.0.1", "port": port}
        for name, port in zip(EMULATORS, ports, strict=True)
        if name not in without
    }
    emulators["firestore"]["websocketPort"] = websocket
    config = {
        "functions": [
            {"source": name, "codebase": name, "runtime": "python311"}
            for name in ("app", "system")
            if name not in without
        ],
        "firestore": {"rules": "firestore.rules"},
        "emulators": {**emulators, "singleProjectMode": True, "ui": {"enabled": False}},
    }
    shutil.copy(ROOT / "firestore.rules", folder / "firestore.rules")
    (folder / "firebase.json").write_text(json.dumps(config))
    (folder / "seen").mkdir()


@contextmanager
def running(folder: Path, *without: str, **env: str) -> Iterator[Suite]:
    """A suite that is ready. Killed at the end if it still runs, but not asked to stop."""
    lay_out(folder, *without)
    command = f"{sys.executable} -c '{INSIDE}' {folder}"
    program = [sys.executable, "-c", "from cli.app import main; main()"]
    program += ["suite", "--project", PROJECT, "--exec", command]
    # Written to a file: a process that is left behind must not hold up the tests by an open pipe.
    with (folder / "suite.log").open("wb") as log:
        process = subprocess.Popen(
            program,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SEEN_DIR": str(folder / "seen"), **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    suite = Suite(folder, process, {})
    try:
        until(lambda: (folder / "ready").exists() or process.poll() is not None, READY_S)
        assert process.poll() is None, suite.log()
        suite.env = json.loads((folder / "ready").read_text())
        yield suite
    finally:
        process.kill()
        process.wait()


def stop(suite: Suite, how: signal.Signals | None) -> int:
    """Ends the suite by a signal, or by ending its command; answers the exit status."""
    if how is None:
        (suite.folder / "done").touch()
    else:
        suite.process.send_signal(how)
    return suite.process.wait(60)
