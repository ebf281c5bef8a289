"""Commands of a deployment: exact arguments, never text for a shell, and how they read in a shell.

Every command may be run again: what is there is asked for first, and then left as it is, or set to the same.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """What a command prints, as an argument of another, after `before`."""

    argv: Arguments
    before: str = ""
    after: str = ""


Arguments = tuple["str | Value", ...]


@dataclass(frozen=True)
class Command:
    """`argv` is run; with `exists`, only when that fails, and else `update` if there is one.

    `settled` are the exit statuses that mean it is done, or was before.
    """

    argv: Arguments
    exists: Arguments = ()
    update: Arguments = ()
    settled: tuple[int, ...] = (0,)

    def shell(self) -> str:
        """One line of a POSIX shell that does the same."""
        run = _line(self.argv)
        if self.exists and self.update:
            return f"if {_line(self.exists)} >/dev/null 2>&1; then {_line(self.update)}; else {run}; fi"
        if self.exists:
            return f"{_line(self.exists)} >/dev/null 2>&1 || {run}"
        others = [status for status in self.settled if status]
        return run + "".join(f" || [ $? -eq {status} ]" for status in others)


@dataclass(frozen=True)
class Step:
    """Commands that belong together. `name` is for going on from it, `why` is for people."""

    name: str
    why: str
    commands: tuple[Command, ...]
    alone: bool = False
    """Whether it needs nothing of the steps beside it that are alone too."""
    image: str = "gcloud"
    """What the commands need: gcloud, node or python."""


def _line(argv: Arguments) -> str:
    return " ".join(_word(argument) for argument in argv)


def _word(argument: str | Value) -> str:
    if isinstance(argument, str):
        return shlex.quote(argument)
    before, after = (shlex.quote(text) if text else "" for text in (argument.before, argument.after))
    return f'{before}"$({_line(argument.argv)})"{after}'
