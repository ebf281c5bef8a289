"""Runs the steps of a deployment as processes: exact arguments, no shell, and nothing after the first failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cli.deployment.command import Arguments, Command, Step
from shared.errors import FirekeepError, NotFound, Unavailable

_HINTS = {
    "gcloud": "install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install",
    "npx": "install Node, which brings npx: https://nodejs.org",
}
_ABSENT = ("not_found", "not found", "does not exist", "404")
_TOLD_LINES = 20


def check_programs(todo: list[Step]) -> None:
    """NotFound, before anything is done, for a program that is needed and not there."""
    for program in sorted({str(command.argv[0]) for step in todo for command in step.commands}):
        _found(program)


def run_step(step: Step, source: Path, told: Callable[[str], None]) -> None:
    """Run a step's commands in `source`; `told` gets a line for each. Unavailable for the first that fails."""
    for command in step.commands:
        _run(command, source, told)


def _run(command: Command, source: Path, told: Callable[[str], None]) -> None:
    if command.exists and _exists(command.exists, source):
        if command.update:
            told(_brief(command.update))
            _done(command.update, source)
        return
    told(_brief(command.argv))
    _done(command.argv, source, command.settled)


def _exists(argv: Arguments, source: Path) -> bool:
    """Whether it succeeds. What fails for another reason than absence is a failure: it would fail again."""
    asked = _started(_resolved(argv, source), source)
    if asked.returncode == 0:
        return True
    if any(word in asked.stderr.lower() for word in _ABSENT):
        return False
    raise _failure(argv, asked)


def _done(argv: Arguments, source: Path, settled: tuple[int, ...] = (0,)) -> str:
    done = _started(_resolved(argv, source), source)
    if done.returncode not in settled:
        raise _failure(argv, done)
    return done.stdout.strip()


def _resolved(argv: Arguments, source: Path) -> list[str]:
    words = []
    for argument in argv:
        if isinstance(argument, str):
            words.append(argument)
            continue
        value = _done(argument.argv, source)
        if not value:
            raise NotFound(f"`{_brief(argument.argv)}` told nothing", hint="deploy the function again")
        words.append(f"{argument.before}{value}{argument.after}")
    return words


def _started(words: list[str], source: Path) -> subprocess.CompletedProcess[str]:
    program = _found(words[0])
    return subprocess.run(  # noqa: S603  # exact arguments, and no shell
        [program, *words[1:]],
        cwd=source,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None and program == "firekeep":
        # Called by its path, it need not be on the path of programs.
        found = shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        raise NotFound(f"the program {program} is not to be found", hint=_HINTS.get(program, "look at PATH"))
    return found


def _failure(argv: Arguments, done: subprocess.CompletedProcess[str]) -> FirekeepError:
    said = "\n".join(done.stderr.strip().splitlines()[-_TOLD_LINES:])
    return Unavailable(f"`{_brief(argv)}` failed with status {done.returncode}:\n{said}")


def _brief(argv: Arguments) -> str:
    return Command(argv).shell()
