"""Settings that only people can restore come out of a backup as a folder, whole, private and never over another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Desk, firestore, new_desk

from emulators.auth import AuthEmulator


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    accounts = AuthEmulator("127.0.0.1", 0)
    host = accounts.start()
    with firestore() as address:
        desk = new_desk(tmp_path, address, every=2000)
        yield Desk(desk.folder, desk.database, {**desk.env, "FIREBASE_AUTH_EMULATOR_HOST": host}, desk.loaded)
    accounts.stop()


def test_settings_are_written_as_files(desk: Desk) -> None:
    facts = desk.json("backup", "--id", "one")
    assert facts["contents"]["settings"]["items"] >= 1
    assert "remote-config" in facts["absent"]
    assert "not there" in desk.done("backup")
    folder = desk.folder / "settings"
    told = desk.json("show", "one", "--settings-files", str(folder))
    assert {file.name for file in folder.iterdir()} == told["files"].keys() >= {"RESTORE.md"}
    assert folder.stat().st_mode & 0o077 == 0
    assert desk.json("show", "one", "--settings-files", str(folder), status=2)["error"]["code"] == "bad_input"
    assert [path.name for path in desk.folder.glob(".*unfinished*")] == []


def test_a_backup_without_settings_says_so(desk: Desk) -> None:
    desk.done("backup", "--id", "two", "--only", "entries")
    answer = desk.json("show", "two", "--settings-files", str(desk.folder / "none"), status=3)
    assert "holds no settings" in answer["error"]["message"]
