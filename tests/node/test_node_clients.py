"""Google's clients for Node, firebase-admin and the web client, work against the local stack, each service once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.stack import Stack, StackOptions
from functions.table import FunctionSpec, HttpTrigger

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    table = (FunctionSpec("greet", HttpTrigger(), "x"),)
    options = StackOptions(HERE / "app" / "main.py", table, storage_port=0, auth_port=0)
    with Stack(options) as found:
        yield found


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.cjs")))
def test_node_client(stack: Stack, name: str) -> None:
    modules = {"NODE_PATH": str(ROOT / "node" / "node_modules"), "METADATA_SERVER_DETECTION": "none"}
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", name],
        cwd=HERE,
        env={**os.environ, **stack.env, **modules},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A file without tests would pass as well.
    assert "fail 0" in done.stdout
    assert "tests 0\n" not in done.stdout
