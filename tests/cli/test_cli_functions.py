"""The same commands through functions that run elsewhere: asked over Pub/Sub, watched in Firestore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cli_desk import Desk

from cli.commands.dev import MAIN
from cli.demo.reader import compare
from emulators.datasets.load import Database, commit_writes, load_world
from emulators.datasets.wire import deletion
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("desk")
    env = {
        "FIREKEEP_PROJECT": "demo-firekeep",
        "FIREKEEP_REPOSITORY": str(folder / "repository"),
        "FIREKEEP_KEY_FILE": str(folder / "key"),
        "FIREKEEP_LEASE_SECONDS": "10",
    }
    table = tuple(replace(spec, workers=1) for spec in FUNCTIONS)
    lines: list[str] = []
    options = StackOptions(
        source=MAIN, env=env, table=table, log=lambda name, line: lines.append(f"{name} {line}")
    )
    with Stack(options) as stack:
        database = Database(stack.env["FIRESTORE_EMULATOR_HOST"], "demo-firekeep")
        desk = Desk(folder, database, {**stack.env}, load_world(database, 40))
        desk.done("init")
        yield desk


def ask(desk: Desk, *words: str, status: int = 0) -> dict[str, object]:
    pubsub = desk.env["PUBSUB_EMULATOR_HOST"]
    return desk.json(*words, "--via-functions", status=status, PUBSUB_EMULATOR_HOST=pubsub)


def test_backup_verify_and_restore_through_functions(desk: Desk) -> None:
    facts = ask(desk, "backup", "--id", "asked")
    assert facts["items"] == len(desk.loaded)
    # What functions did, this process finds done.
    assert desk.json("backup", "--resume", "asked")["root"] == facts["root"]
    assert ask(desk, "verify", "asked", "--depth", "data")["verified"] == ["asked"]
    lost = [path for path in desk.loaded if path.startswith(("airports/", "types/"))]
    commit_writes(desk.database, (deletion(f"{desk.database.root}/{path}") for path in lost))
    restored = ask(desk, "restore", "asked", "--exact")
    assert (restored["status"], restored["created"]) == ("completed", len(lost))
    assert compare(desk.loaded, desk.database).identical


def test_an_error_in_a_function_is_the_commands_error(desk: Desk) -> None:
    refused = ask(desk, "backup", "--id", "early", "--at", "2001-01-01", status=8)
    assert refused["error"]["code"] == "too_old"  # type: ignore[index]
