"""What the tests of the commands work with: an emulator with real data, a repository, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cli.app import app
from emulators.datasets.load import Database, Loaded, load_world

EVERY = 40
PROJECT = "demo-firekeep"
SILENCED = (
    "FIREKEEP_PASSPHRASE_FILE",
    "FIREKEEP_PART_DOCUMENTS",
    "PUBSUB_EMULATOR_HOST",
    "GOOGLE_CLOUD_PROJECT",
)


@contextmanager
def firestore() -> Iterator[str]:
    """A Firestore emulator in a process of its own: HOST:PORT."""
    command = [sys.executable, "-m", "emulators.firestore", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@dataclass
class Desk:
    """Somebody's terminal: their variables, and what they see."""

    folder: Path
    database: Database
    env: Mapping[str, str]
    loaded: Loaded = field(default_factory=dict)

    def run(self, *words: str, answer: str | None = None, **env: str) -> Result:
        silenced = dict.fromkeys(SILENCED, "")
        return CliRunner().invoke(app, list(words), env={**silenced, **self.env, **env}, input=answer)

    def done(self, *words: str, **env: str) -> str:
        """Standard output of a command that must succeed."""
        result = self.run(*words, **env)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, status: int = 0, **env: str) -> dict[str, Any]:
        """The one object that a command prints, and nothing else."""
        result = self.run(*words, "--json", **env)
        assert (result.exit_code, result.stderr) == (status, ""), result.output
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def start(self, *words: str, stderr: int = subprocess.PIPE, **env: str) -> subprocess.Popen[str]:
        """The real program, as a process of its own."""
        command = [sys.executable, "-c", "from cli.app import main; main()", *words]
        variables = {**os.environ, **dict.fromkeys(SILENCED, ""), **self.env, **env}
        return subprocess.Popen(
            command,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )


def new_desk(folder: Path, host: str, *, every: int = EVERY) -> Desk:
    """A desk with data loaded and an empty repository made."""
    database = Database(host, PROJECT)
    env = {
        "FIRESTORE_EMULATOR_HOST": host,
        "FIREKEEP_PROJECT": PROJECT,
        "FIREKEEP_REPOSITORY": str(folder / "repository"),
        "FIREKEEP_KEY_FILE": str(folder / "key"),
        "FIREKEEP_LEASE_SECONDS": "5",
    }
    desk = Desk(folder, database, env, load_world(database, every))
    desk.done("init")
    return desk
