"""What a check found, and who is asked: the shape of an examination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from functions.table import FUNCTIONS, FunctionSpec

if TYPE_CHECKING:
    from cli.doctor.google import Google
    from shared.settings import Settings


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and there is something better."""
    FAILED = "failed"
    UNCHECKED = "unchecked"
    """It could not be looked at here; nothing is known."""


@dataclass(frozen=True)
class Finding:
    """`name` is stable, for machines; `fix` is what to do, empty where nothing is."""

    name: str
    state: State
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Patient:
    """What is examined. `scratch` is where the store's promises are tried; empty for the repository itself."""

    chosen: Settings
    google: Google
    now: datetime
    scratch: str = ""
    table: tuple[FunctionSpec, ...] = field(default=FUNCTIONS)

    @property
    def project(self) -> str:
        return self.chosen.needed_project()

    @property
    def emulated(self) -> bool:
        return bool(self.chosen.firestore_emulator)


Findings = Iterator[Finding]


@dataclass(frozen=True)
class Check:
    """`cloud` for what no emulator has: on a local stack it is not checked."""

    name: str
    run: Callable[[Patient], Findings]
    cloud: bool = False


def fine(name: str, what: str) -> Finding:
    return Finding(name, State.OK, what)


def wrong(name: str, what: str, fix: str) -> Finding:
    return Finding(name, State.FAILED, what, fix)


def better(name: str, what: str, fix: str) -> Finding:
    return Finding(name, State.WARNING, what, fix)


def unknown(name: str, what: str, fix: str = "") -> Finding:
    return Finding(name, State.UNCHECKED, what, fix)
