"""The demonstration succeeds, leaves nothing behind, and fails when it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo.damage import damage, edit, tamper
from cli.demo.reader import Comparison, compare
from emulators.datasets.load import Database, load_world
from emulators.firestore import FirestoreEmulator


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run in a world where everything of the user's own points to something that must not be touched."""
    trap = {
        "TMPDIR": str(folder),
        "FIREKEEP_PROJECT": "my-production",
        "FIREKEEP_DATABASE": "precious",
        "FIREKEEP_REPOSITORY": str(folder / "mine"),
        "FIREKEEP_PASSPHRASE_FILE": str(folder / "mine too"),
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    }
    command = [sys.executable, "-c", "from cli.app import main; main()", "demo", *words]
    return subprocess.run(
        command, env={**os.environ, **trap}, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_demo_proves_that_everything_came_back(tmp_path: Path) -> None:
    done = demo(tmp_path, "--small")
    assert done.returncode == 0, done.stderr
    assert "IDENTICAL: all " in done.stdout
    assert "10/10  read everything again" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_whole_demo_for_programs(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["identical"] is True
    assert facts["documents"] > 80_000
    assert facts["damagedDocuments"] > 35_000
    assert facts["secondBackupBytes"] < facts["firstBackupBytes"] / 20
    assert len(facts["verified"]) == 2
    assert facts["seconds"] < 100
    assert list(tmp_path.iterdir()) == []


def test_the_demo_fails_when_one_number_in_one_document_is_wrong(tmp_path: Path) -> None:
    done = demo(tmp_path, "--small", "--tamper")
    assert done.returncode == 10, done.stderr
    assert "NOT IDENTICAL: 1 document wrong; countries/" in done.stdout
    assert "error: after the restore 1 document" in done.stderr


@pytest.fixture(scope="module")
def database() -> Database:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    return Database(emulator.start(), "demo-firekeep")


def test_the_comparison_sees_each_kind_of_difference(database: Database) -> None:
    documents = load_world(database, 50)
    assert compare(documents, database).identical
    edited = edit(database, documents)
    assert compare(edited, database).identical
    assert compare(documents, database).wrong == sum(documents[path] != edited[path] for path in edited) > 0
    tamper(database, edited)
    assert compare(edited, database).wrong == 1
    done = damage(database, edited)
    after = compare(edited, database)
    assert len(after.missing) == done.dropped + done.deleted
    assert len(after.different) == done.rewritten
    assert len(after.unexpected) == done.added


def test_comparing_nothing_is_not_success() -> None:
    assert not Comparison().identical


def test_every_document_of_the_data_set_is_different_data(database: Database) -> None:
    """Hostile data: look-alike ids, both unicode forms, numeric-looking ids, missing parents."""
    documents = load_world(database, 1_000)
    assert {"ids/__id7__", "ids/7", "ids/Zu\u0308rich", "ids/Z\u00fcrich", "missing/nobody/kept/one"} <= set(
        documents
    )
    assert "missing/nobody" not in documents


def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.app import main; main()", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "start the local stack" in process.stderr.readline()
    started = children_of(process.pid)
    assert started
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "error: the demo was stopped; nothing is left of it")
    assert list(tmp_path.iterdir()) == []
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def children_of(parent: int) -> list[int]:
    """Linux tells, thread by thread."""
    listed = [file.read_text() for file in Path(f"/proc/{parent}/task").glob("*/children")]
    return [int(pid) for line in listed for pid in line.split()]
