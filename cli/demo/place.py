"""Where the demonstration happens: a temporary folder with a repository, and a local stack of its own.

Nothing is left of either, except the log of a run that failed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from cli.commands.dev import MAIN
from cli.demo.app import Services
from cli.interrupt import Interrupted
from cli.output import Output
from emulators.datasets.auth import Auth
from emulators.datasets.bucket import Bucket
from emulators.datasets.load import Database
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS, FunctionSpec
from shared import settings, wiring
from shared.format.config import Options

PROJECT = "demo-firekeep"
_LEASE_S = 20


@dataclass(frozen=True)
class Place:
    """The stack that runs, the settings that lead to it and to the repository, and the services of the app."""

    stack: Stack
    chosen: settings.Settings
    services: Services


@contextmanager
def demo_place(out: Output) -> Iterator[Place]:
    """A started place. When the work in it fails, the stack's log is kept and named."""
    folder = Path(tempfile.mkdtemp(prefix="firekeep-demo-"))
    try:
        with (folder / "log").open("w", encoding="utf-8") as log:
            try:
                with _started(folder, log) as place:
                    yield place
            except Exception as error:
                if isinstance(error, Interrupted):
                    raise
                log.flush()
                out.note(f"the log of the stack is kept: {_kept(folder / 'log')}")
                raise
    finally:
        shutil.rmtree(folder)


@contextmanager
def _started(folder: Path, log: TextIO) -> Iterator[Place]:
    def write(name: str, line: str) -> None:
        log.write(f"[{name}] {line}\n")

    variables = {
        "FIREKEEP_PROJECT": PROJECT,
        "FIREKEEP_REPOSITORY": str(folder / "repository"),
        "FIREKEEP_KEY_FILE": str(folder / "repository.key"),
        "FIREKEEP_SETTINGS_COLLECTIONS": "config",
        "FIREKEEP_LEASE_SECONDS": str(_LEASE_S),
        # When the emulators end, grpc would tell of connections that ended with them.
        "GRPC_VERBOSITY": "NONE",
    }
    env = {**_silenced(), **variables}
    options = StackOptions(
        source=MAIN, project=PROJECT, env=env, table=_table(), storage_port=0, auth_port=0, log=write
    )
    with Stack(options) as stack, _environment(stack.env):
        chosen = settings.load()
        wiring.make_key_file(folder / "repository.key")
        wiring.create_repository(chosen, Options())
        yield Place(stack, chosen, _services(stack.env, chosen))


def _services(env: Mapping[str, str], chosen: settings.Settings) -> Services:
    return Services(
        Database(env["FIRESTORE_EMULATOR_HOST"], PROJECT),
        Bucket(env["FIREBASE_STORAGE_EMULATOR_HOST"], chosen.media_buckets[0]),
        Auth(env["FIREBASE_AUTH_EMULATOR_HOST"], PROJECT),
    )


def _table() -> tuple[FunctionSpec, ...]:
    """No more workers than this machine has processors: more would only wait for one another."""
    most = os.cpu_count() or 1
    return tuple(replace(spec, workers=min(spec.workers, most)) for spec in FUNCTIONS)


def _silenced() -> dict[str, str]:
    """Every setting of the user's own, emptied: the demonstration is about nothing that is real."""
    return dict.fromkeys((name for name in os.environ if name.startswith("FIREKEEP_")), "")  # noqa: TID251  # names only


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets them for a while: Google's client libraries find emulators through the environment only."""
    environment = os.environ  # noqa: TID251  # written, not read
    before = {name: environment.get(name) for name in variables}
    environment.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value


def _kept(log: Path) -> Path:
    kept = Path(tempfile.gettempdir()) / f"firekeep-demo-{secrets.token_hex(4)}.log"
    shutil.copyfile(log, kept)
    return kept
