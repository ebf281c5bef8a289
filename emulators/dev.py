"""`firekeep dev`: the local stack until Ctrl-C, or around one command.

Promises: whatever ends it (the command, Ctrl-C, SIGTERM, a closed terminal, an emulator that dies), everything
it started is stopped; with a command, the answer is the command's exit status, 128 + N after signal N.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, TextIO

from emulators.chaos.report import report
from emulators.foreground import foreground
from emulators.processes import kill_group
from emulators.sojourn import Sojourn
from emulators.stack import Stack, StackOptions
from functions.table import DocumentTrigger, HttpTrigger, ObjectTrigger, TopicTrigger
from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from functions.table import FunctionSpec

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 5.0

# What the main thread waits for: ("signal", number), ("exit", status) or ("death", name of an emulator).
Inbox = SimpleQueue[tuple[str, int | str]]


def run_dev(
    exec_command: str | None,
    options: StackOptions,
    out: TextIO | None = None,
    sojourn: Sojourn | None = None,
) -> int:
    """Runs the stack and answers an exit status. Called in the main thread.

    What runs is printed to `out`: standard output, or standard error when a command uses the former. `sojourn` says
    what becomes of the state.
    """
    out = out or (sys.stdout if exec_command is None else sys.stderr)
    inbox: Inbox = SimpleQueue()
    options = replace(options, on_death=lambda name: inbox.put(("death", name)))
    with (
        _signals_to(inbox),
        (sojourn or Sojourn()).directory() as data,
        _told(Stack(replace(options, data=data))) as stack,
    ):
        out.write(describe(stack))
        out.flush()
        if exec_command is None:
            return _wait(inbox)
        return _execute(exec_command, stack, inbox)


@contextlib.contextmanager
def _told(stack: Stack) -> Iterator[Stack]:
    """The stack, started; once it has stopped, standard error is told what was done to whom."""
    try:
        with stack:
            yield stack
    finally:
        if stack.options.chaos is not None:
            sys.stderr.write(report(stack.options.chaos.seed, stack.fired()))


def describe(stack: Stack) -> str:
    """What is running as comments and the variables as `export` lines: fit to be read by a shell."""
    functions = "".join(f"#   {stack.url}/{spec.name}  {_trigger(spec)}\n" for spec in stack.options.table)
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in stack.env.items())
    return f"# The local stack of project {stack.options.project} is ready. Functions:\n{functions}{exports}"


def _trigger(spec: FunctionSpec) -> str:
    match spec.trigger:
        case TopicTrigger(topic):
            return f"on topic {topic}"
        case DocumentTrigger(event, document, database):
            return f"on {event} {document} in {database}"
        case ObjectTrigger(event, bucket):
            return f"on objects {event} in {bucket}"
        case HttpTrigger():
            return "on requests"


def _wait(inbox: Inbox) -> int:
    kind, value = inbox.get()
    return _death(str(value)) if kind == "death" else 0


def _death(name: str) -> int:
    sys.stderr.write(f"firekeep dev: the {name} emulator ended; stopping\n")
    return Unavailable.exit_status


def _execute(command: str, stack: Stack, inbox: Inbox) -> int:
    process = subprocess.Popen(command, shell=True, env={**os.environ, **stack.env}, process_group=0)
    stack.guard(process.pid)
    threading.Thread(target=lambda: inbox.put(("exit", process.wait())), daemon=True).start()
    with foreground(process.pid):
        status = _attend(process.pid, inbox)
    # What the command has left running in its group ends with it.
    kill_group(process.pid, signal.SIGKILL)
    process.wait()
    stack.unguard(process.pid)
    return status


def _attend(group: int, inbox: Inbox) -> int:
    """Hands signals on to the command until it ends; a second one, or no end in time, kills it."""
    timer: threading.Timer | None = None
    try:
        while True:
            kind, value = inbox.get()
            if kind == "exit":
                return int(value) if int(value) >= 0 else 128 - int(value)
            if kind == "death":
                return _death(str(value))
            if timer is None:
                kill_group(group, signal.Signals(int(value)))
                timer = threading.Timer(_PATIENCE_S, kill_group, (group, signal.SIGKILL))
                timer.start()
            else:
                kill_group(group, signal.SIGKILL)
    finally:
        if timer is not None:
            timer.cancel()


@contextlib.contextmanager
def _signals_to(inbox: Inbox) -> Iterator[None]:
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, lambda received, _: inbox.put(("signal", received)))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
