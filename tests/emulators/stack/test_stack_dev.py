"""`run_dev` as a process of its own: its status, its output, and what it leaves behind: nothing."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from stack_helpers import alive, descendants, until

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ENV = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}


OWN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def dev(seen: Path, *command: str, wrap: str = "", **more: Any) -> Iterator[subprocess.Popen[str]]:
    program = [sys.executable, str(HERE / "dev_program.py"), str(seen), *command]
    program = [sys.executable, "-c", wrap, *program] if wrap else program
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(program, env=ENV, text=True, **{**pipes, **more}) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str], stream: Any) -> dict[str, str]:
    """Reads what is printed at the start, and answers the variables in it."""
    variables = {}
    for line in stream:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            variables[name] = value
        if "GCLOUD_PROJECT" in line or line == "":
            break
    return variables


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_status_is_the_commands_and_its_output_is_all_there_is(tmp_path: Path, status: int) -> None:
    with dev(tmp_path, f'echo "$PUBSUB_EMULATOR_HOST $GOOGLE_CLOUD_PROJECT"; exit {status}') as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == status
    host, project = out.split()
    assert host.startswith("127.0.0.1:")
    assert project == "demo-firekeep"
    assert f"export PUBSUB_EMULATOR_HOST={host}" in err


def test_a_command_killed_by_a_signal_is_128_and_the_signal(tmp_path: Path) -> None:
    with dev(tmp_path, "kill -9 $$") as process:
        process.communicate(timeout=30)
    assert process.returncode == 137


def test_a_command_that_is_not_there_is_127(tmp_path: Path) -> None:
    with dev(tmp_path, "/no/such/command") as process:
        process.communicate(timeout=30)
    assert process.returncode == 127


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_without_a_command_it_runs_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    with dev(tmp_path) as process:
        variables = ready(process, process.stdout)
        assert set(variables) >= {
            "FIRESTORE_EMULATOR_HOST",
            "PUBSUB_EMULATOR_HOST",
            "FUNCTIONS_EMULATOR_HOST",
        }
        mine = descendants(process.pid)
        assert len(mine) >= 2
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - start < 2
        assert not any(alive(pid) for pid in mine)
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_interrupt_goes_on_to_the_command_and_its_answer_counts(tmp_path: Path) -> None:
    with dev(tmp_path, "trap 'echo interrupted; exit 3' INT; sleep 60 & wait") as process:
        ready(process, process.stderr)
        mine = descendants(process.pid)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        assert (process.returncode, out) == (3, "interrupted\n")
        until(lambda: not any(alive(pid) for pid in mine))


def test_a_second_interrupt_ends_a_command_that_does_not_listen(tmp_path: Path) -> None:
    with dev(tmp_path, "trap '' INT; echo deaf; while :; do sleep 0.1; done") as process:
        ready(process, process.stderr)
        assert process.stdout is not None
        assert process.stdout.readline() == "deaf\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 137


def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    with dev(tmp_path, "sleep 600 >/dev/null 2>&1 & echo $!") as process:
        out, _ = process.communicate(timeout=30)
    until(lambda: not alive(int(out)))


def test_killed_with_sigkill_it_leaves_no_process_behind(tmp_path: Path) -> None:
    """Emulators, idle workers, a worker at work and its own child, the command and its children."""
    publish = f"{sys.executable} {HERE / 'dev_publish.py'} echo hang; sleep 600 & sleep 601"
    with dev(tmp_path, publish) as process:
        ready(process, process.stderr)
        until(lambda: list(tmp_path.glob("hang-*.json")) and list(tmp_path.glob("echo-*.json")))
        until(lambda: sum("sleep" in command(pid) for pid in descendants(process.pid)) >= 3)
        mine = descendants(process.pid)
        assert len(mine) >= 7
        process.kill()
        until(lambda: not any(alive(pid) for pid in mine), 3)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_without_its_guardian_its_own_processes_end_with_it_all_the_same(tmp_path: Path, how: str) -> None:
    publish = f"{sys.executable} {HERE / 'dev_publish.py'} echo hang; exec sleep 600"
    with dev(tmp_path, publish) as process:
        ready(process, process.stderr)
        until(lambda: list(tmp_path.glob("hang-*.json")) and list(tmp_path.glob("echo-*.json")))
        until(lambda: any(command(pid).startswith("sleep") for pid in descendants(process.pid)))
        (guardian,) = [pid for pid in descendants(process.pid) if "guardian" in command(pid)]
        (sleeper,) = [pid for pid in descendants(process.pid) if command(pid).startswith("sleep")]
        mine = [pid for pid in descendants(process.pid) if "emulators." in command(pid)]
        assert len(mine) == 3
        os.kill(guardian, signal.SIGKILL)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM if how == "stopped" else signal.SIGKILL)
        assert process.wait(10) == (143 if how == "stopped" else -9)
        until(lambda: not any(alive(pid) for pid in mine), 3)
        # What they had started themselves was the guardian's to end.
        calls = [json.loads(name.read_text()) for name in tmp_path.glob("hang-*.json")]
        for pid in filter(alive, [sleeper, *(call["child"] for call in calls)]):
            os.kill(pid, signal.SIGKILL)


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_when_an_emulator_dies_everything_stops_with_an_error(tmp_path: Path) -> None:
    with dev(tmp_path) as process:
        ready(process, process.stdout)
        mine = descendants(process.pid)
        (pubsub,) = [pid for pid in mine if "emulators.pubsub" in command(pid)]
        os.kill(pubsub, signal.SIGKILL)
        assert process.wait(10) == 6
        assert process.stderr is not None
        assert "the pubsub emulator ended" in process.stderr.read()
        assert not any(alive(pid) for pid in mine)


def test_a_command_may_read_from_the_terminal_and_gets_its_ctrl_c(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = "trap 'echo interrupted; exit 3' INT; read line; echo got $line; while :; do sleep 0.1; done"
    with dev(tmp_path, program, wrap=OWN_TERMINAL, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"typed\n")
        seen = b""
        while b"got typed" not in seen:
            seen += os.read(ours, 65536)
        os.write(ours, b"\x03")
        assert process.wait(10) == 3
    os.close(ours)
