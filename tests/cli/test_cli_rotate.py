"""Rotation and pins from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Desk, firestore, new_desk
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as google


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", host)
        desk = new_desk(tmp_path_factory.mktemp("desk"), host, every=400)
        for name in ("a", "b", "c"):
            desk.done("backup", "--id", name)
        yield desk


def test_rotation_is_shown_before_it_is_done_and_a_pin_is_respected(desk: Desk) -> None:
    client = google.Client(project="demo-firekeep", credentials=AnonymousCredentials())
    rotation = {"enabled": True, "strategy": "count", "maxAge": 0, "maxSize": 0, "maxCount": 1}
    client.document("backupConfig/storage").set(
        {
            "provider": "local",
            "settings": {"path": "x", "maxSize": 0, "compression": True, "encryption": True},
            "rotation": rotation,
            "monitoring": {"enabled": False, "alerts": False, "metrics": False, "logging": False},
        }
    )
    client.document("backupConfig/retention").set({"floor": 1})
    assert desk.json("pin", "a", "--reason", "before the migration") == {"pinned": "a", "new": True}
    assert "was pinned already" in desk.done("pin", "a")
    shown = desk.done("rotate", "--dry-run")
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert "pinned" in lines["a"] and " keep " in lines["a"]
    assert "rotation: more than 1 backups" in lines["b"] and " drop " in lines["b"]
    assert "newest" in lines["c"]
    assert "would free" in shown
    assert [one["id"] for one in desk.json("ls")["backups"]] == ["a", "b", "c"]
    assert desk.json("rotate")["dropped"] == ["b"]
    assert [one["id"] for one in desk.json("ls")["backups"]] == ["a", "c"]
    assert desk.done("unpin", "a") == "a: no longer pinned\n"
    assert "dropped" in desk.done("rotate")
    assert [one["id"] for one in desk.json("ls")["backups"]] == ["c"]
    assert desk.json("verify", "c", "--depth", "data")["verified"] == ["c"]


def test_what_does_not_exist_is_told(desk: Desk) -> None:
    assert desk.json("unpin", "latest", status=3)["error"]["code"] == "not_found"
    assert desk.json("pin", "nothing", status=3)["error"]["code"] == "not_found"


def test_the_repository_is_where_the_settings_say(tmp_path: Path, desk: Desk) -> None:
    refused = desk.json("rotate", "--repository", str(tmp_path / "nowhere"), status=3)
    assert refused["error"]["code"] == "not_found"
