"""The programs that stand in for the official suite's archives, and the variables that make firebase-tools use them."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ARCHIVE = (
    "Not an archive: a name by which the `java` beside it knows that the Firestore of firekeep is meant.\n"
)


def write_programs(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Writes `java` and `pubsub-emulator` into a folder. Answers the variables, over `environment`, that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    _script(folder / "java", "emulators.official.java")
    _script(folder / "pubsub-emulator", "emulators.official.pubsub")
    archive = folder / "firekeep-firestore.jar"
    archive.write_text(_ARCHIVE, encoding="utf-8")
    return {
        "FIRESTORE_EMULATOR_BINARY_PATH": str(archive),
        "PUBSUB_EMULATOR_BINARY_PATH": str(folder / "pubsub-emulator"),
        "PATH": os.pathsep.join([str(folder), environment.get("PATH", os.defpath)]),
    }


def _script(path: Path, module: str) -> None:
    """A program that runs a module of this source tree with this Python; its own path is the first argument."""
    command = f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m {module} "$0" "$@"'
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)
