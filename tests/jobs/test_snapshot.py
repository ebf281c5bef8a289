"""A snapshot is whole and exact, or not there at all, whatever dies on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from content import client_of, fill, state_of
from world import Fuse, World, entries

from shared.contents import ENTRIES
from shared.errors import FirekeepError, NotFound
from shared.format.key import path_of
from shared.format.manifest import Selected
from shared.format.record import strip_times
from shared.models.jobs import SnapshotRequest
from shared.repository.check import check_data
from shared.repository.tree import scan

NewWorld = Callable[..., World]


def content_of(world: World, backup_id: str) -> dict[str, bytes]:
    repository = world.repository()
    root = repository.manifest(backup_id).roots[ENTRIES]
    return {
        path_of(key): strip_times(value)
        for keys, values in scan(repository, root)
        for key, value in zip(keys, values, strict=True)
    }


def assert_nothing_incomplete_is_visible(world: World) -> None:
    """What is listed restores; what is called completed is listed."""
    repository = world.repository()
    listed = list(repository.snapshots())
    for snapshot in listed:
        assert not list(check_data(repository, snapshot))
    for document in client_of(world.settings.project).collection("backups").stream():
        assert document.get("status") != "completed" or document.id in listed


def seeded(new_world: NewWorld, fuse: Fuse | None = None, limit: timedelta | None = None) -> World:
    world = new_world(fuse, limit)
    fill(client_of(world.settings.project))
    return world


def test_a_snapshot_holds_every_document_of_the_app_and_none_of_ours(new_world: NewWorld) -> None:
    world = seeded(new_world)
    world.snapshot("b1")
    content = content_of(world, "b1")
    expected = state_of(world.settings.project)
    assert content.keys() == expected.keys()
    backup = world.ports().catalog.backup("b1")
    assert backup.status == "completed"
    assert backup.metadata.items == len(expected)
    assert backup.metadata.completed_at is not None
    assert "users" in backup.content.entries
    assert "backups" not in backup.content.entries
    assert world.repository().manifest("b1").excluded["backups"] >= 1


def test_an_empty_database_is_a_snapshot_too(new_world: NewWorld) -> None:
    world = new_world()
    world.snapshot("b1")
    assert content_of(world, "b1") == {}
    assert world.ports().catalog.backup("b1").status == "completed"


def test_only_what_is_under_the_prefixes_is_covered(new_world: NewWorld) -> None:
    world = seeded(new_world)
    world.snapshot("b1", selection=entries("shops/s1", "ghosts"))
    paths = content_of(world, "b1").keys()
    wanted = {
        path
        for path in state_of(world.settings.project)
        if path == "shops/s1" or path.startswith(("shops/s1/", "ghosts/"))
    }
    assert paths == wanted
    assert world.repository().manifest("b1").selection == {ENTRIES: Selected(("shops/s1", "ghosts"))}


def test_the_cut_is_exact_while_others_write(new_world: NewWorld) -> None:
    """Two counters that always change together are equal in every snapshot."""
    world = seeded(new_world)
    client = client_of(world.settings.project)
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            batch = client.batch()
            batch.set(client.document("users/u000"), {"count": number})
            batch.set(client.document("zebra/last"), {"count": number})
            batch.commit()
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    try:
        for number in range(3):
            world.snapshot(f"b{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        content = content_of(world, f"b{number}")
        assert content["users/u000"] == content["zebra/last"]


def test_the_same_message_twice_makes_one_snapshot(new_world: NewWorld) -> None:
    world = seeded(new_world)
    world.run("backup-snapshot", SnapshotRequest(backup_id="b1").to_message(), twice=True)
    world.snapshot("b1")
    assert list(world.repository().snapshots()) == ["b1"]
    assert not world.errors


def test_a_deadline_only_makes_it_take_more_deliveries(new_world: NewWorld) -> None:
    """With no time at all a worker still gets one checkpoint further each time."""
    world, hurried = seeded(new_world), seeded(new_world, limit=timedelta(0))
    world.snapshot("b1")
    hurried.snapshot("b1")
    assert any(report.outcome == "continued" for report in hurried.reports)
    assert content_of(hurried, "b1").keys() == content_of(world, "b1").keys()


def test_an_instant_that_is_gone_fails_with_the_reason(new_world: NewWorld) -> None:
    world = seeded(new_world)
    world.snapshot("b1", at=world.clock.now() - timedelta(days=40))
    backup = world.ports().catalog.backup("b1")
    assert backup.status == "failed"
    assert backup.validation.errors
    with pytest.raises(NotFound):
        world.repository().manifest("b1")


def _root(world: World) -> Any:
    return world.repository().manifest("b1").roots[ENTRIES]


def _moments(new_world: NewWorld) -> int:
    world = seeded(new_world)
    world.snapshot("b1")
    return len(world.fuse.moments)


def _crash_at(new_world: NewWorld, moment: int) -> None:
    world = seeded(new_world, Fuse(moment))
    world.on_crash = lambda: assert_nothing_incomplete_is_visible(world)
    world.snapshot("b1")
    assert world.crashes == 1, "the planned crash never happened"
    assert_nothing_incomplete_is_visible(world)
    content = content_of(world, "b1")
    assert content.keys() == state_of(world.settings.project).keys()
    assert world.ports().catalog.backup("b1").status == "completed"
    assert not [error for error in world.errors if not error.retryable]


def test_dying_before_or_after_any_write_loses_nothing_sampled(new_world: NewWorld) -> None:
    moments = _moments(new_world)
    assert moments > 20
    for moment in range(1, moments + 1, max(1, moments // 12)):
        _crash_at(new_world, moment)


@pytest.mark.slow
def test_dying_before_or_after_every_write_loses_nothing(new_world: NewWorld) -> None:
    for moment in range(1, _moments(new_world) + 1):
        _crash_at(new_world, moment)


def test_the_root_after_a_crash_is_the_root_without(new_world: NewWorld) -> None:
    """The same database, the same key, the same instant: killed in the middle or not."""
    world = seeded(new_world)
    world.snapshot("b1")
    at = world.repository().manifest("b1").at
    for moment in range(3, len(world.fuse.moments) - 20, 7):
        again = World(world.settings, Fuse(moment))
        again.snapshot(f"again{moment}", at=at)
        root = again.repository().manifest(f"again{moment}").roots[ENTRIES]
        assert again.crashes == 1
        assert root == _root(world)


def test_a_foreign_document_in_the_catalog_stops_no_backup(new_world: NewWorld) -> None:
    world = seeded(new_world)
    client = client_of(world.settings.project)
    client.document("backups/foreign").set({"metadata": {"createdAt": world.clock.now() + timedelta(days=1)}})
    world.snapshot("b1")
    world.snapshot("b2")
    assert not world.errors
    assert world.repository().manifest("b2").parent == "b1"


def test_an_error_names_itself_in_the_catalog(new_world: NewWorld) -> None:
    world = seeded(new_world)
    world.snapshot("b1", at=world.clock.now() + timedelta(days=1))
    assert isinstance(world.errors[0], FirekeepError)
    assert "future" in (world.ports().catalog.backup("b1").validation.errors or ("",))[0]
