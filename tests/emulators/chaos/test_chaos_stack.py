"""One plan for the processes of a stack, and `firekeep dev --chaos SEED`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from emulators.chaos import Fault, FaultNeverFired, Plan, check_fired
from emulators.stack import Stack, StackOptions
from functions.table import DocumentTrigger, FunctionSpec

HOST_APP = Path(__file__).parent.parent / "host" / "app" / "main.py"
ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
client = firestore.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"], credentials=AnonymousCredentials())
for number in range(150):
    client.document(f"a/{number}").set({"n": number})
"""


def options(plan: Plan | None, seen: Path, *table: FunctionSpec) -> StackOptions:
    return StackOptions(HOST_APP, table, chaos=plan, log=lambda *_: None, env={"SEEN_DIR": str(seen)})


def test_faults_fire_in_every_process_and_the_stack_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(
        (
            Fault("firestore", "fail", "Commit", nth=1, times=2),
            Fault("events", "duplicate", "other", nth=1),
            Fault("auth", "slow", nth=1),
        )
    )
    function = FunctionSpec("other", DocumentTrigger("written", "a/{id}"), "x")
    with Stack(options(plan, tmp_path, function)) as stack:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.env["FIRESTORE_EMULATOR_HOST"])
        client = firestore.Client(project=stack.options.project, credentials=AnonymousCredentials())
        client.document("a/b").set({"n": 1})
        client.close()
        end = time.monotonic() + 15
        while len(list(tmp_path.glob("other-*.json"))) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        assert len(list(tmp_path.glob("other-*.json"))) == 2
    assert sorted(record.fault for record in stack.fired()) == [0, 0, 1]
    with pytest.raises(FaultNeverFired, match="auth slow") as failed:
        check_fired(plan, stack.fired())
    assert "firestore" not in str(failed.value)


def test_without_a_plan_nothing_fires(tmp_path: Path) -> None:
    with Stack(options(None, tmp_path)) as stack:
        assert stack.fired() == []
    assert stack.fired() == []


def dev(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cli.app import main; main()", "dev", *words]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def reported(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr[done.stderr.index("chaos ") :]


def test_dev_tells_at_the_end_what_was_done_to_whom_and_does_it_again(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(PROGRAM)
    command = f"{sys.executable} -W ignore {tmp_path / 'work.py'}; exit 3"
    first, second = dev("--chaos", "7", "--exec", command), dev("--chaos", "7", "--exec", command)
    assert (first.returncode, first.stdout) == (3, "")
    assert reported(first).startswith("chaos 7 struck:\n  firestore  ")
    assert reported(first) == reported(second)
    assert "chaos" not in dev("--exec", "true").stderr


def test_dev_that_meets_no_call_says_that_nothing_was_struck() -> None:
    assert reported(dev("--chaos", "calm", "--exec", "true")) == "chaos calm: nothing was struck\n"


@pytest.mark.parametrize("service", ["firestore", "pubsub", "storage", "auth"])
def test_an_emulator_refuses_a_plan_it_cannot_read(service: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"faults": [{"service": "disk", "kind": "slow", "nth": 1}]}')
    done = subprocess.run(
        [sys.executable, "-m", f"emulators.{service}", "--port", "0", "--chaos", str(wrong)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "the services are" in done.stderr
