"""The rules as the official emulators of Firestore and Storage evaluate them: they need Java 21 and a download."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULES = ROOT / "node" / "node_modules"
pytestmark = pytest.mark.rules


@pytest.mark.timeout(300)
def test_rules_let_clients_do_what_they_may_and_nothing_else() -> None:
    env = {
        **os.environ,
        "NODE_PATH": str(MODULES),
        "FIRESTORE_RULES": str(ROOT / "firestore.rules"),
        "STORAGE_RULES": str(ROOT / "storage.rules"),
    }
    command = f"node --test --test-reporter=spec {HERE / 'rules.test.cjs'}"
    suite = [str(MODULES / ".bin" / "firebase"), "emulators:exec", "--project=demo-firekeep"]
    done = subprocess.run(
        [*suite, "--only=firestore,storage", command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
    assert "tests 0\n" not in done.stdout
