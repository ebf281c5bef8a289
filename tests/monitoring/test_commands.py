"""`firekeep status` and `firekeep stats`: what they say, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from monitor_scene import Scene

from cli.app import app
from emulators.firestore import FirestoreEmulator

Run = Callable[..., Result]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """With a backup of an hour ago; its clock is the real one's hour."""
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    os.environ["FIRESTORE_EMULATOR_HOST"] = address = emulator.start()
    scene = Scene(tmp_path, address, "demo-status")
    scene.clock.at = datetime.now(UTC) - timedelta(hours=1)
    scene.configure()
    scene.backup("b1", items=1_234, size=56_000_000)
    yield scene
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    emulator.stop()


@pytest.fixture
def run(scene: Scene) -> Run:
    env = {
        "FIRESTORE_EMULATOR_HOST": scene.settings.firestore_emulator,
        "FIREKEEP_PROJECT": scene.settings.project,
        "FIREKEEP_REPOSITORY": scene.settings.repository,
        "FIREKEEP_KEY_FILE": str(scene.settings.key_file),
        "FIREKEEP_CONTENTS": "entries",
    }
    return lambda *words: CliRunner().invoke(app, list(words), env=env)


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_status_of_a_system_that_is_well(scene: Scene, run: Run) -> None:
    scene.tick()
    result = run("status")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("All is well.\n")
    assert "1 h 00 min old, at most 26 h 00 min is meant" in result.stdout
    assert "no restore has proved one yet" in result.stdout


def test_status_before_the_first_tick_knows_the_backup_and_writes_nothing(scene: Scene, run: Run) -> None:
    result = run("status")
    assert result.exit_code == 0
    assert "1 h 00 min old" in result.stdout
    assert scene.store.health() is None
    assert scene.store.known(["b1"]) == set()


def test_status_ends_with_13_when_something_is_wrong(scene: Scene, run: Run) -> None:
    scene.fail("b2", "incomplete \x1b[2J fewer records arrived")
    result = run("status")
    assert result.exit_code == 13
    assert "ATTENTION" in result.stdout
    assert "b2, incomplete \\x1b[2J fewer" in result.stdout


def test_status_for_programs(scene: Scene, run: Run) -> None:
    scene.fail("b2")
    result = run("status", "--json")
    assert result.exit_code == 13
    told = answer(result)
    assert (told["state"], told["proven"], told["objective"]) == ("attention", None, 26 * 3_600)
    assert [one["kind"] for one in told["alerts"]] == ["failed"]
    assert told["completedId"] == "b1"


def test_a_monitor_that_fell_silent_wants_attention(scene: Scene, run: Run) -> None:
    scene.clock.at = datetime.now(UTC) - timedelta(hours=3)
    scene.tick()
    result = run("status")
    assert result.exit_code == 13
    assert "the monitor has not looked since" in result.stdout
    told = answer(run("status", "--json"))
    assert (told["state"], told["alerts"]) == ("attention", [])


FUNCTION = "from functions.monitor import handle; handle(None)"


def test_the_function_looks_tells_and_logs(scene: Scene, run: Run) -> None:
    scene.fail("b2")
    env = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": scene.settings.firestore_emulator,
        "FIREKEEP_PROJECT": scene.settings.project,
        "FIREKEEP_REPOSITORY": scene.settings.repository,
        "FIREKEEP_KEY_FILE": str(scene.settings.key_file),
        "FIREKEEP_CONTENTS": "entries",
        "FIREKEEP_NOTIFY_MAIL": "ops@example.com",
        "OTEL_METRICS_EXPORTER": "console",
    }
    for times in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", FUNCTION], env=env, capture_output=True, text=True, check=True, timeout=60
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"severity"')]
        alerts = [("WARNING", "the last backup failed: b2, incomplete")] if times == 1 else []
        assert [(one["severity"], one["message"]) for one in lines] == [*alerts, ("INFO", "attention")]
        assert "firekeep.recovery_point.age" in done.stdout
    (mail,) = scene.client.collection("mail").stream()
    assert mail.to_dict()["message"]["subject"] == "firekeep demo-status: failed"


def test_stats_show_each_backup_and_the_sums(scene: Scene, run: Run) -> None:
    result = run("stats")
    assert result.exit_code == 0, result.output
    assert "1,234  56.0 MB  5.6 MB  1 min 00 s" in result.stdout
    assert "1 backup, 5.6 MB stored, about $0.00; 0 recoveries" in result.stdout
    told = answer(run("stats", "--days", "1", "--json"))
    assert [one["id"] for one in told["runs"]] == ["b1"]
    assert told["sums"]["stored"] == 5_600_000


def test_stats_of_nothing(scene: Scene, run: Run) -> None:
    (Path(scene.settings.repository) / "snapshots" / "b1").unlink()
    result = run("stats")
    assert (result.exit_code, result.stdout) == (
        0,
        "Nothing has been backed up or restored in that time.\n",
    )
