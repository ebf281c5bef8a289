"""Ctrl-C keeps what was done, says how to go on, and what is resumed ends as if nothing had happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from cli_desk import Desk, firestore, new_desk
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as client_library

from cli.demo.reader import compare
from emulators.datasets.load import commit_writes
from emulators.datasets.wire import deletion

SLOW = {"FIREKEEP_PAGE_SIZE": "1"}
"""A call for each document, so that there is time to interrupt."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host:
        yield new_desk(tmp_path_factory.mktemp("desk"), host, every=10)


def waited(desk: Desk, condition: Callable[[object], bool]) -> None:
    """Return once the documents of some job fulfil the condition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", desk.database.host)
        client = client_library.Client(project=desk.database.project, credentials=AnonymousCredentials())
    try:
        end = time.monotonic() + 30
        while not condition(client):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        client.close()


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=60)


def test_an_interrupted_backup_goes_on_where_it_was(desk: Desk) -> None:
    process = desk.start("backup", "--id", "cut", **SLOW)

    def begun(client: object) -> bool:
        parts = client.collection("backupJobs").document("cut").collection("parts").stream()  # type: ignore[attr-defined]
        return any(part.to_dict()["data"].get("liveItems", 0) > 0 for part in parts)

    waited(desk, begun)
    out, err = interrupt(process)
    assert (process.returncode, out) == (130, ""), err
    assert "go on with: firekeep backup --resume cut" in err
    assert "Traceback" not in err
    assert desk.json("show", "cut", status=3)["error"]["code"] == "not_found"
    assert {row["id"]: row["status"] for row in desk.json("ls")["backups"]} == {"cut": "in_progress"}

    facts = desk.json("backup", "--resume", "cut")
    assert facts["items"] == len(desk.loaded)
    assert facts["root"] == desk.json("backup", "--id", "uncut")["root"]
    assert desk.json("verify", "cut", "--depth", "data")["verified"] == ["cut"]


def test_an_interrupted_restore_goes_on_where_it_was(desk: Desk) -> None:
    backup_id = desk.json("backup", "--id", "whole")["id"]
    commit_writes(desk.database, (deletion(f"{desk.database.root}/{path}") for path in desk.loaded))
    process = desk.start("restore", backup_id, "--yes", FIREKEEP_RAMP="on")

    def begun(client: object) -> bool:
        return any(
            job.to_dict()["data"].get("kind") == "restore" and job.to_dict()["state"] == "running"
            for job in client.collection("backupJobs").stream()  # type: ignore[attr-defined]
        )

    waited(desk, begun)
    _, err = interrupt(process)
    assert process.returncode == 130, err
    found = re.search(r"firekeep restore --resume (\S+)", err)
    assert found, err
    facts = desk.json("restore", "--resume", found[1])
    assert facts["status"] == "completed"
    assert compare(desk.loaded, desk.database).identical


def test_ctrl_c_while_asked_changes_nothing(desk: Desk) -> None:
    desk.json("backup", "--id", "asked")
    process = desk.start("verify", "--depth", "data")
    time.sleep(0.2)
    out, err = interrupt(process)
    assert process.returncode in (0, 130)
    assert "Traceback" not in out + err
