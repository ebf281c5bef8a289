"""Databases and places as they should not be, and are: backed up and restored all the same, or refused in words."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from content import client_of, state_of
from world import World

from shared.contents import ENTRIES
from shared.errors import StorageFull, WrongKey
from shared.keys.local import create_key_file
from shared.models.jobs import VerifyRequest
from shared.sources.contract import Method

NewWorld = Callable[..., World]


def round_trip(world: World) -> None:
    """Back up, lose everything, restore, and have what was there."""
    project = world.settings.project
    before = state_of(project)
    world.settings = replace(world.settings, page_size=300)
    world.snapshot("b1")
    assert world.repository().manifest("b1").roots[ENTRIES].count == len(before)
    client = client_of(project)
    paths = list(before)
    for first in range(0, len(paths), 500):
        batch = client.batch()
        for path in paths[first : first + 500]:
            batch.delete(client.document(path))
        batch.commit()
    assert state_of(project) == {}
    world.restore("r1", "b1", exact=True)
    assert state_of(project) == before
    assert world.ports().catalog.recovery("r1").validation.verified
    assert not world.errors


def test_five_thousand_subcollections_under_missing_parents(new_world: NewWorld) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    for first in range(0, 5_000, 500):
        batch = client.batch()
        for number in range(first, first + 500):
            batch.set(client.document(f"ghosts/g{number:05}/only/child"), {"n": number})
        batch.commit()
    round_trip(world)


def test_documents_of_a_mebibyte(new_world: NewWorld) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    for number in range(4):
        client.document(f"large/d{number}").set({"blob": secrets.token_bytes(1_048_000), "n": number})
        client.document(f"large/d{number}/small/s").set({"n": number})
    client.document("large/text").set({"text": "ä" * 500_000})
    round_trip(world)


def test_ids_that_look_alike_stay_apart(new_world: NewWorld) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    names = [
        "é", "e\u0301", "__id1__", "__id-1__", "1", "01", "a", "a ", "a\u00a0", "a.b", "a b", "ab", "\U0001f9ef",
        "x" * 1_500, "A", "%2F", "%252F", "..a", "a'b", 'a"b', "a\\b", "\u202e", "\ufeff", "~", "!",
    ]  # fmt: skip
    for name in names:
        client.collection("ids").document(name).set({"name": name})
        client.collection("ids").document(name).collection(name[:400].replace("__", "_")).document("d").set(
            {"under": name}
        )
    round_trip(world)


def test_names_too_long_to_list_do_not_stop_a_job(new_world: NewWorld) -> None:
    """What the catalog cannot hold is cut there, and whole in the repository."""
    world = new_world()
    client = client_of(world.settings.project)
    batch = client.batch()
    for number in range(150):
        batch.set(client.collection(f"{number:03}" + "x" * 1_490).document("d" * 1_490), {"n": number})
    batch.commit()
    round_trip(world)
    assert world.ports().catalog.backup("b1").content.entries[-1].endswith(" more)")
    paths = list(state_of(world.settings.project))
    for path in paths:
        client.document(path).set({"n": "changed"})
    world.restore("r2", "b1", overwrite=False, documents=tuple(paths[:40]))
    assert world.ports().catalog.recovery("r2").status == "completed"


def test_deep_paths_and_deep_values(new_world: NewWorld) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    path = "deep"
    value: Any = "bottom"
    for level in range(30):
        path += f"/d{level}"
        client.document(path).set({"level": level})
        path += f"/c{level}"
    for level in range(9):
        value = {"in": [value]} if level % 2 else {"in": value}
    client.document("deep/value").set({"v": value})
    round_trip(world)


def test_a_full_disk_delays_a_snapshot_and_loses_nothing(new_world: NewWorld) -> None:
    world = new_world()
    client_of(world.settings.project).document("a/b").set({"n": 1})
    ports, refusals = world.ports, iter(range(3))

    class Full:
        """A provider on a disk that is full at first."""

        def __init__(self, provider: Any) -> None:
            self._provider = provider

        def __getattr__(self, name: str) -> Any:
            return getattr(self._provider, name)

        def put(self, *args: Any) -> Any:
            if next(refusals, None) is not None:
                raise StorageFull("storing the object failed: the disk is full", hint="make room")
            return self._provider.put(*args)

    def with_full_disk() -> Any:
        made = ports()
        repository = made.repository()
        repository.store.provider = Full(repository.store.provider)
        return replace(made, repository=lambda: repository)

    world.ports = with_full_disk  # type: ignore[method-assign]
    world.snapshot("b1")
    assert {error.code for error in world.errors} == {"storage_full"}
    assert ports().catalog.backup("b1").status == "completed"
    assert world.repository().manifest("b1").roots[ENTRIES].count == 1


def test_with_the_wrong_key_nothing_is_written_and_the_reason_is_told(new_world: NewWorld) -> None:
    world = new_world()
    client_of(world.settings.project).document("a/b").set({"n": 1})
    assert world.settings.key_file is not None
    other = world.settings.key_file.with_name("other")
    create_key_file(other, os.urandom)
    right = world.settings
    world.settings = replace(right, key_file=other)
    with pytest.raises(WrongKey):
        world.repository()
    world.snapshot("b1")
    backup = world.ports().catalog.backup("b1")
    assert (backup.status, len(world.errors)) == ("failed", 1)
    assert isinstance(world.errors[0], WrongKey)
    world.settings = right
    assert list(world.repository().snapshots()) == []


def test_a_source_that_loses_a_document_is_found_out_and_read_in_the_way_that_always_works(
    new_world: NewWorld,
) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    for number in range(30):
        client.document(f"flat/d{number:02}").set({"n": number})
    ports = world.ports

    class Forgetful:
        """A source whose pages miss a document, without an error."""

        def __init__(self, source: Any) -> None:
            self._source = source

        def __getattr__(self, name: str) -> Any:
            return getattr(self._source, name)

        def read(self, part: Any, after: bytes = b"") -> Any:
            for keys, values in self._source.read(part, after):
                lost = part.method is Method.PAGES
                yield keys[lost:], values[lost:]

    world.ports = lambda: replace(ports(), sources={ENTRIES: Forgetful(ports().sources[ENTRIES])})  # type: ignore[method-assign]
    world.snapshot("b1")
    assert world.repository().manifest("b1").roots[ENTRIES].count == 30
    assert ports().catalog.backup("b1").status == "completed"


def test_damage_is_found_told_and_named_in_the_catalog(new_world: NewWorld) -> None:
    world = new_world()
    client = client_of(world.settings.project)
    for number in range(50):
        client.document(f"flat/d{number:02}").set({"text": secrets.token_hex(200)})
    world.snapshot("b1")
    for depth, verified in (("structure", True), ("data", True)):
        request = VerifyRequest(verify_id=f"v-{depth}", backup_id="b1", depth=depth)
        world.run("backup-verify", request.to_message())
        assert world.ports().catalog.backup("b1").validation.verified is verified
    repository = world.repository()
    pack = next(found.key for found in repository.store.provider.list("packs/"))
    with (Path(world.settings.repository) / pack).open("r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    request = VerifyRequest(verify_id="v-after", backup_id="b1", depth="data")
    report = world.run("backup-verify", request.to_message())[-1]
    assert report.outcome == "damaged"
    validation = world.ports().catalog.backup("b1").validation
    assert not validation.verified
    assert any(pack in error for error in validation.errors or ())


@pytest.mark.parametrize("kind", ["config", "keys", "index", "snapshots", "packs"])
def test_damage_of_any_kind_of_object_is_a_result_and_unverifies_the_backup(
    new_world: NewWorld, kind: str
) -> None:
    world = new_world()
    client_of(world.settings.project).document("a/b").set({"n": 1})
    world.snapshot("b1")
    world.run("backup-verify", VerifyRequest(verify_id="v1", backup_id="b1").to_message())
    assert world.ports().catalog.backup("b1").validation.verified
    place = Path(world.settings.repository)
    target = next(found for found in [place / kind, *sorted((place / kind).rglob("*"))] if found.is_file())
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    request = VerifyRequest(verify_id="v2", backup_id="b1", depth="data")
    assert world.run("backup-verify", request.to_message())[-1].outcome == "damaged"
    assert not world.ports().catalog.backup("b1").validation.verified


def test_verifying_what_is_not_there_fails(new_world: NewWorld) -> None:
    world = new_world()
    report = world.run("backup-verify", VerifyRequest(verify_id="v1", backup_id="nosuch").to_message())[-1]
    assert report.outcome == "damaged"
    report = world.run("backup-verify", VerifyRequest(verify_id="v2").to_message())[-1]
    assert report.outcome == "damaged", "a check that read nothing must not pass"
