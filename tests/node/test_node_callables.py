"""The generated client is well typed, and works over the real web SDK, signed in through the Auth emulator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands.dev import MAIN
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS
from shared import wiring
from shared.format.config import Options
from shared.keys.local import create_key_file
from shared.settings import Settings

HERE = Path(__file__).parent / "callables"
ROOT = HERE.parents[2]
MODULES = ROOT / "node" / "node_modules"
pytestmark = pytest.mark.node


def node(*arguments: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        ["node", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client in JavaScript; everything it is compiled with is strict, and its use is compiled too."""
    folder = tmp_path_factory.mktemp("client")
    options = {
        "strict": True,
        "target": "es2022",
        "module": "commonjs",
        "moduleResolution": "node10",
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "skipLibCheck": True,
        "types": [],
        "lib": ["es2022", "dom"],
        "rootDir": str(ROOT),
        "outDir": str(folder),
        "baseUrl": str(ROOT),
        "paths": {"firebase/*": [str(MODULES / "firebase" / "*")]},
    }
    files = [str(ROOT / "web/client/firekeep.ts"), str(HERE / "uses.ts")]
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": files}))
    node(MODULES / "typescript/bin/tsc", "--project", folder, cwd=folder)
    return folder / "web/client/firekeep.js"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("repository")
    repository, key = folder / "repository", folder / "key"
    create_key_file(key, os.urandom)
    wiring.create_repository(
        Settings(project="demo-firekeep", repository=str(repository), key_file=key), Options()
    )
    env = {
        "FIREKEEP_REPOSITORY": str(repository),
        "FIREKEEP_KEY_FILE": str(key),
        "FIREKEEP_CONTENTS": "entries",
    }
    table = tuple(spec for spec in FUNCTIONS if spec.name in ("api", "snapshot", "part", "restore"))
    with Stack(StackOptions(MAIN, table, auth_port=0, env=env)) as found:
        yield found


def test_the_client_is_well_typed_and_refuses_what_the_models_refuse(client: Path) -> None:
    assert client.is_file()


def test_the_client_calls_the_deployed_functions(client: Path, stack: Stack) -> None:
    env = {
        **stack.env,
        "NODE_PATH": str(MODULES),
        "METADATA_SERVER_DETECTION": "none",
        "FIREKEEP_CLIENT": str(client),
    }
    told = node("--test", "--test-reporter=spec", "callables.test.cjs", cwd=HERE, env=env)
    assert "fail 0" in told
    assert "tests 6\n" in told
