"""Several copies, and the configuration's rules, as a person at the command line meets them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_desk import PROJECT, Desk, firestore, new_desk
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as cloud

MANUAL = {"enabled": True, "maxSize": 0, "formats": ["jsonl"], "validation": False, "encryption": True}
AUTOMATIC = {
    "enabled": False,
    "schedule": {"frequency": "daily", "time": "03:00", "timezone": "UTC"},
    "retention": {"days": 7, "maxBackups": 7, "cleanupStrategy": "oldest"},
    "storage": {"provider": "local", "path": "backups", "compression": True, "encryption": True},
}
RECOVERY = {"enabled": True, "maxVersions": 1, "validation": True, "testing": False}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with firestore() as address:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
        yield new_desk(tmp_path, address, every=2000)


def client() -> Any:
    return cloud.Client(project=PROJECT, credentials=AnonymousCredentials())


def test_a_lagging_place_is_told_and_brought_up_to_date(desk: Desk) -> None:
    first, second = desk.env["FIREKEEP_REPOSITORY"], desk.folder / "second"
    desk.done("migrate", first, str(second))
    both = {"FIREKEEP_REPOSITORY": f"{first} {second}", "FIREKEEP_REQUIRED_COPIES": "1"}
    assert desk.json("backup", "--id", "one", **both)["lagging"] == []
    shutil.rmtree(second / "packs")
    (second / "packs").write_text("a file, where a folder must be")
    client().document("new/one").set({"data": "x" * 100})
    assert desk.json("backup", "--id", "two", **both)["lagging"] == [str(second)]
    (second / "packs").unlink()
    desk.done("migrate", "--sync", **both)
    found = desk.json("verify", "--depth", "data", "--repository", str(second))
    assert (found["verified"], found["damaged"]) == (["one", "two"], [])


def test_a_form_that_the_configuration_does_not_allow_is_not_exported(desk: Desk) -> None:
    desk.done("backup", "--id", "one")
    client().document("backupConfig/main").set(
        {"automatic": AUTOMATIC, "manual": MANUAL, "recovery": RECOVERY}
    )
    output = str(desk.folder / "exported")
    refused = desk.json("export", "one", "--format", "zip", "--output", output, status=2)
    assert "zip is not allowed" in refused["error"]["message"]
    assert not Path(output).exists()
    desk.done("export", "one", "--format", "jsonl", "--output", output)
    offline = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:9", "FIREKEEP_PROJECT": PROJECT}
    told = desk.run("export", "one", "--format", "zip", "--output", f"{output}.zip", **offline)
    assert told.exit_code == 0, told.output
    assert "the configuration cannot be read" in told.stderr
