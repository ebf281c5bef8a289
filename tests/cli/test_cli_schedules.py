"""Schedules, saved, listed and deleted from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from cli_desk import PROJECT, Desk, firestore, new_desk
from click.testing import CliRunner
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as google_firestore

from cli.app import app


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host:
        yield new_desk(tmp_path_factory.mktemp("desk"), host, every=400)


def write(desk: Desk, path: str, document: dict[str, Any] | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", desk.env["FIRESTORE_EMULATOR_HOST"])
        client = google_firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
        if document is None:
            client.document(path).delete()
        else:
            client.document(path).set(document)


@pytest.mark.parametrize("name", ["save", "list", "next", "delete"])
def test_each_has_its_own_help(name: str) -> None:
    result = CliRunner().invoke(app, ["schedule", name, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output


def test_a_schedule_is_saved_listed_told_and_deleted(desk: Desk) -> None:
    for words in (("list",), ("next",)):
        assert "There are no schedules yet" in desk.done("schedule", *words)
    desk.done("set", "save", "air", "--prefix", "airports")
    saved = desk.json(
        "schedule", "save", "air", "--daily", "03:30", "--zone", "Asia/Kathmandu", "--set", "air",
        "--description", "größe",
    )  # fmt: skip
    assert saved == {
        "name": "air",
        "description": "größe",
        "enabled": True,
        "schedule": {"frequency": "daily", "time": "03:30", "timezone": "Asia/Kathmandu"},
        "backup": {"set": "air"},
    }
    listed = desk.done("schedule", "list")
    assert "daily 03:30 Asia/Kathmandu" in listed
    assert "backs up the set air" in listed
    (told,) = desk.json("schedule", "next")["schedules"]
    at = datetime.fromisoformat(told["next"])
    assert (at.hour, at.minute) == (21, 45)
    assert " 03:30 +0545" in told["there"]
    assert told["last"] == "none yet"
    assert " 03:30 +0545" in desk.done("schedule", "next", TZ="America/New_York")
    assert "schedule air" in desk.json("set", "delete", "air", status=4)["error"]["message"]
    desk.done("template", "save", "air")
    desk.done("schedule", "save", "monthly", "--monthly", "00:00", "--template", "air")
    assert "schedule monthly" in desk.json("template", "delete", "air", status=4)["error"]["message"]
    desk.done("schedule", "delete", "monthly")
    desk.done("template", "delete", "air")
    desk.done("schedule", "delete", "air")
    assert desk.json("schedule", "delete", "air", status=3)["error"]["code"] == "not_found"
    desk.done("set", "delete", "air")


def test_a_recovery_goes_elsewhere(desk: Desk) -> None:
    saved = desk.json(
        "schedule", "save", "staging", "--weekly", "05:00", "--restore-to", "demo-staging/copy", "--exact",
        "--only", "entries=airports", "--off",
    )  # fmt: skip
    assert saved["recovery"]["target"] == {"project": "demo-staging", "database": "copy", "buckets": []}
    assert (saved["recovery"]["of"], saved["recovery"]["exact"], saved["enabled"]) == (
        "automatic",
        True,
        False,
    )
    assert "restores automatic into demo-staging/copy" in desk.done("schedule", "list")
    assert "switched off" in desk.done("schedule", "next")
    desk.done("schedule", "delete", "staging")


def test_the_configuration_s_schedule_and_what_came_of_it_are_told(desk: Desk) -> None:
    schedule = {"frequency": "monthly", "time": "03:30", "timezone": "UTC"}
    storage = {"provider": "local", "path": "backups", "compression": True, "encryption": True}
    retention = {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"}
    manual = {"enabled": True, "maxSize": 0, "formats": [], "validation": False, "encryption": True}
    automatic = {"enabled": True, "schedule": schedule, "retention": retention, "storage": storage}
    recovery = {"enabled": True, "maxVersions": 3, "validation": True, "testing": True}
    write(desk, "backupConfig/main", {"automatic": automatic, "manual": manual, "recovery": recovery})
    now = datetime.fromisoformat("2026-11-01T03:30:01+00:00")
    state = {
        "since": now - timedelta(days=1),
        "decidedAt": now,
        "last": now,
        "ran": now,
        "run": "automatic-x",
    }
    write(desk, "backupScheduleState/automatic", {**state, "outcome": "due", "reason": "planned"})
    (told,) = desk.json("schedule", "next")["schedules"]
    assert (told["name"], told["last"]) == ("automatic", "started automatic-x")
    assert told["there"].endswith("-01 03:30 UTC")
    write(desk, "backupConfig/main", {"manual": 5})
    write(desk, "backupSchedules/bad", {"name": "bad\u001b[2J"})
    listed = desk.done("schedule", "list")
    assert "BackupConfig is not valid" in listed
    assert "\u001b" not in listed
    for path in ("backupConfig/main", "backupScheduleState/automatic", "backupSchedules/bad"):
        write(desk, path, None)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("a",), 2, "one time"),
        (("a", "--daily", "03:30", "--weekly", "03:30"), 2, "one time"),
        (("a", "--daily", "3:30"), 2, "schedule.time"),
        (("a", "--daily", "03:30", "--zone", "CEST/Berlin"), 2, "schedule.timezone"),
        (("automatic", "--daily", "03:30"), 2, "name: "),
        (("a/b", "--daily", "03:30"), 2, "name: "),
        (("a" * 101, "--daily", "03:30"), 2, "name: "),
        (("a", "--daily", "03:30", "--set", "nothing"), 3, "backup set 'nothing'"),
        (("a", "--daily", "03:30", "--template", "nothing"), 3, "backup template 'nothing'"),
        (("a", "--daily", "03:30", "--exact"), 2, "about a recovery"),
        (("a", "--daily", "03:30", "--restore-to", PROJECT), 2, "would overwrite"),
        (("a", "--daily", "03:30", "--restore-to", f"{PROJECT}/(default)"), 2, "would overwrite"),
        (("a", "--daily", "03:30", "--restore-to", "X"), 2, "--project"),
        (("a", "--daily", "03:30", "--restore-to", "demo-staging", "--set", "b"), 2, "set or template"),
        (("a", "--daily", "03:30", "--restore-to", "demo-staging", "--bucket", "b"), 2, "target.buckets"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    desk: Desk, words: tuple[str, ...], status: int, told: str
) -> None:
    assert told in desk.json("schedule", "save", *words, status=status)["error"]["message"]
    assert desk.json("schedule", "list")["schedules"] == []
