"""Backup sets and templates, saved, used and deleted from the command line."""

from __future__ import annotations

from collections.abc import Iterator

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


def airports(desk: Desk) -> int:
    return sum(path.startswith("airports/") for path in desk.loaded)


@pytest.mark.parametrize("group", ["set", "template"])
@pytest.mark.parametrize("name", ["save", "list", "show", "delete"])
def test_each_has_its_own_help(group: str, name: str) -> None:
    result = CliRunner().invoke(app, [group, name, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output


def test_a_set_is_saved_shown_used_and_deleted(desk: Desk) -> None:
    assert "There are no backup sets yet" in desk.done("set", "list")
    desk.done("set", "save", "air", "--prefix", "airports", "--description", "größe")
    assert "entries: airports" in desk.done("set", "show", "air")
    assert [one["name"] for one in desk.json("set", "list")["sets"]] == ["air"]
    facts = desk.json("backup", "--set", "air")
    assert (facts["items"], list(facts["contents"])) == (airports(desk), ["entries"])
    desk.done("set", "delete", "air")
    assert desk.json("set", "show", "air", status=3)["error"]["code"] == "not_found"


def test_a_template_says_what_and_how(desk: Desk) -> None:
    desk.done("set", "save", "air", "--prefix", "airports")
    saved = desk.json(
        "template", "save", "weekly", "--set", "air", "--validation", "data", "--max-size", "0.5 GB",
        "--format", "jsonl", "--note", "because", "--type", "automatic",
    )  # fmt: skip
    assert saved["options"] == {
        "validation": "data", "formats": ["jsonl"], "maxSize": 500_000_000, "note": "because"
    }  # fmt: skip
    shown = desk.done("template", "show", "weekly")
    assert "the backup set air" in shown
    assert "500 MB" in shown
    facts = desk.json("backup", "--template", "weekly")
    assert (facts["items"], facts["validation"], facts["verified"]) == (airports(desk), "data", True)
    assert "check      data verified" in desk.done("backup", "--template", "weekly")
    refused = desk.json("set", "delete", "air", status=4)
    assert "weekly" in refused["error"]["message"]
    desk.done("template", "delete", "weekly")
    desk.done("set", "delete", "air")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("backup", "--set", "nothing"), 3, "backup set 'nothing'"),
        (("backup", "--template", "nothing"), 3, "backup template 'nothing'"),
        (("backup", "--template", "nothing", "--via-functions"), 3, "backup template 'nothing'"),
        (("backup", "--set", "a", "--template", "b"), 2, "exclude one another"),
        (("backup", "--set", "a", "--only", "entries"), 2, "exclude one another"),
        (("set", "save", "a"), 2, "without a choice"),
        (("set", "save", "a/b", "--only", "entries"), 2, "name: "),
        (("set", "save", "a", "--only", "entries=a\\"), 2, "pattern"),
        (("set", "show", "a/b"), 2, "cannot be a name"),
        (("set", "delete", ".."), 2, "cannot be a name"),
        (("template", "save", "a", "--set", "nothing"), 3, "backup set 'nothing'"),
        (("template", "save", "a", "--max-size", "much"), 2, "--max-size"),
        (("template", "save", "a", "--max-size", "0"), 2, "options.maxSize"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    desk: Desk, words: tuple[str, ...], status: int, told: str
) -> None:
    error = desk.json(*words, status=status)["error"]
    assert told in error["message"]


def test_a_configuration_without_manual_backups_is_told(desk: Desk) -> None:
    manual = {"enabled": False, "maxSize": 0, "formats": [], "validation": False, "encryption": True}
    storage = {"provider": "local", "path": "backups", "compression": True, "encryption": True}
    schedule = {"frequency": "daily", "time": "03:30", "timezone": "UTC"}
    retention = {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"}
    document = {
        "automatic": {"enabled": True, "schedule": schedule, "retention": retention, "storage": storage},
        "manual": manual,
        "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": True},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", desk.env["FIRESTORE_EMULATOR_HOST"])
        client = google_firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
        client.document("backupConfig/main").set(document)
        error = desk.json("backup", status=5)["error"]
        client.document("backupConfig/main").delete()
    assert "switched off" in error["message"]
