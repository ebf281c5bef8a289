"""`firekeep repair` and `firekeep cancel` from the outside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Desk, firestore, new_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host:
        yield new_desk(tmp_path_factory.mktemp("desk"), host, every=2000)


def test_repair_brings_back_from_a_copy_and_says_what_is_left(desk: Desk, tmp_path: Path) -> None:
    desk.json("backup", "--id", "mended")
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(desk.env["FIREKEEP_REPOSITORY"], first)
    shutil.copytree(desk.env["FIREKEEP_REPOSITORY"], second)
    here = ("--repository", str(first))
    for path in (first / "packs").rglob("*"):
        if path.is_file():
            path.unlink()
    left = desk.json("repair", "mended", *here, status=10)
    assert left["left"]
    done = desk.json("repair", "mended", *here, "--from", str(second))
    assert done["copied"]
    assert done["left"] == []
    assert desk.json("verify", "mended", "--depth", "data", *here)["verified"] == ["mended"]
    assert "Everything is whole." in desk.done("repair", "--all", *here)


def test_cancel_says_what_became_of_it(desk: Desk) -> None:
    desk.json("backup", "--id", "ended")
    assert desk.json("cancel", "ended")["outcome"] == "already done"
    assert desk.run("cancel", "never-was").exit_code == 3
