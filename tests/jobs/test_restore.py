"""A restore brings back exactly what was asked for, touches nothing else, and tells the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from content import State, client_of, fill, state_of
from world import Fuse, World, entries

from shared.contents import ENTRIES
from shared.errors import BadInput
from shared.jobs.ports import Place, Report
from shared.models.collections import SYSTEM_COLLECTIONS

NewWorld = Callable[..., World]


def backed_up(new_world: NewWorld, limit: timedelta | None = None) -> tuple[World, State]:
    world = new_world(None, limit)
    fill(client_of(world.settings.project))
    before = state_of(world.settings.project)
    world.snapshot("b1")
    return world, before


def damage(client: Any) -> None:
    """Fields lost, types changed, documents gone, documents that should not be."""
    batch = client.batch()
    for number in range(0, 40, 2):
        batch.set(client.document(f"users/u{number:03}"), {"name": 5})
    for number in range(1, 40, 7):
        batch.delete(client.document(f"users/u{number:03}"))
    batch.delete(client.document("types/all"))
    batch.delete(client.document("ghosts/g1/logs/l1"))
    batch.set(client.document("users/junk"), {"bad": True})
    batch.set(client.document("junk/a/b/c"), {"bad": True})
    batch.commit()


def facts(reports: list[Report]) -> dict[str, Any]:
    return dict(reports[-1].facts)


def test_everything_comes_back_and_what_should_not_be_there_stays_unless_asked(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    damage(client_of(world.settings.project))
    told = facts(world.restore("r1", "b1"))
    after = state_of(world.settings.project)
    assert after.keys() - before.keys() == {"users/junk", "junk/a/b/c"}
    assert {path: after[path] for path in before} == before
    assert told["deleted"] == 0
    assert told["extra"] == 2
    recovery = world.ports().catalog.recovery("r1")
    assert recovery.status == "completed"
    assert recovery.validation.verified
    assert recovery.metadata.items == told["created"] + told["updated"]


def test_exact_also_deletes_and_then_nothing_differs(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    damage(client_of(world.settings.project))
    told = facts(world.restore("r1", "b1", exact=True))
    assert state_of(world.settings.project) == before
    assert told["deleted"] == 2
    again = facts(world.restore("r2", "b1", exact=True))
    assert again["created"] + again["updated"] + again["deleted"] == 0
    assert again["unchanged"] == len(before)


def test_an_exact_restore_never_deletes_our_own_documents(new_world: NewWorld) -> None:
    world, _ = backed_up(new_world)
    world.restore("r1", "b1", exact=True)
    client = client_of(world.settings.project)
    assert client.document("backups/old").get().exists
    assert client.document("backups/b1").get().exists
    assert client.document("recoveries/r1").get().exists


def test_a_prefix_or_a_document_alone_comes_back(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    damage(client_of(world.settings.project))
    damaged = state_of(world.settings.project)
    world.restore(
        "r1", "b1", selection=entries("ghosts"), documents=("users/u001", "users/u002", "types/all")
    )
    after = state_of(world.settings.project)
    for path in ("ghosts/g1/logs/l1", "users/u001", "users/u002", "types/all"):
        assert after[path] == before[path]
    rest = after.keys() - {"ghosts/g1/logs/l1", "users/u001", "users/u002", "types/all"}
    assert {path: after[path] for path in rest} == {path: damaged[path] for path in rest if path in damaged}


def test_without_overwrite_only_what_is_missing_is_written(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    damage(client_of(world.settings.project))
    damaged = state_of(world.settings.project)
    told = facts(world.restore("r1", "b1", overwrite=False))
    after = state_of(world.settings.project)
    assert after.keys() == before.keys() | damaged.keys()
    assert {path: after[path] for path in damaged} == damaged
    assert told["kept"] > 0
    assert told["updated"] == 0


@pytest.mark.parametrize("target", [("demo-elsewhere", "(default)"), (None, "scratch")])
def test_elsewhere_references_point_there(new_world: NewWorld, target: tuple[str | None, str]) -> None:
    world, before = backed_up(new_world)
    project, database = target[0] or world.settings.project, target[1]
    world.restore("r1", "b1", target={"project": project, "database": database})
    after = state_of(project, database)
    here = f"projects/{world.settings.project}/databases/(default)/".encode()
    assert after.keys() == before.keys()
    assert {path: after[path] for path in before if path != "types/all"} == {
        path: value for path, value in before.items() if path != "types/all"
    }
    assert here in before["types/all"]
    assert here not in after["types/all"]
    assert f"projects/{project}/databases/{database}/documents/users/u001".encode() in after["types/all"]
    assert world.ports().catalog.recovery("r1").status == "completed"
    assert state_of(world.settings.project) == before


def test_a_record_that_moves_under_the_restore_is_left_and_named(new_world: NewWorld) -> None:
    world, _ = backed_up(new_world)
    client = client_of(world.settings.project)
    damage(client)
    ports = world.ports

    class Moving:
        """A source whose database changes between the look and the write."""

        def __init__(self, source: Any) -> None:
            self._source = source

        def __getattr__(self, name: str) -> Any:
            return getattr(self._source, name)

        def apply(self, writes: Any) -> Any:
            client.document("users/u000").set({"name": "somebody wrote this"})
            return self._source.apply(writes)

    world.ports = lambda: replace(ports(), sources={ENTRIES: Moving(ports().sources[ENTRIES])})  # type: ignore[method-assign]
    told = facts(world.restore("r1", "b1"))
    assert told["conflicts"] == 1
    assert client.document("users/u000").get().to_dict() == {"name": "somebody wrote this"}
    recovery = ports().catalog.recovery("r1")
    assert recovery.status == "failed"
    assert any("users/u000" in error for error in recovery.validation.errors or ())


def test_a_backup_that_does_not_exist_fails_with_its_name(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    world.restore("r1", "nosuch")
    assert "nosuch" in str(world.errors[0])
    assert world.ports().catalog.recovery("r1").status == "failed"
    assert state_of(world.settings.project) == before


def test_what_the_backup_does_not_cover_is_refused(new_world: NewWorld) -> None:
    world = new_world()
    fill(client_of(world.settings.project))
    world.snapshot("b1", selection=entries("users"))
    for number, asked in enumerate(({"selection": entries("shops")}, {"documents": ("backups/old",)})):
        world.restore(f"r{number}", "b1", **asked)
        assert isinstance(world.errors[-1], BadInput)
    before = state_of(world.settings.project)
    world.restore("r9", "b1", exact=True)
    assert state_of(world.settings.project) == before


def test_the_same_recovery_id_for_something_else_is_refused_and_disturbs_nothing(new_world: NewWorld) -> None:
    world, _ = backed_up(new_world)
    world.restore("r1", "b1")
    world.restore("r1", "b1", exact=True)
    assert isinstance(world.errors[-1], BadInput)
    assert world.ports().catalog.recovery("r1").status == "completed"


def test_a_deadline_only_makes_it_take_more_deliveries(new_world: NewWorld) -> None:
    world, before = backed_up(new_world)
    client = client_of(world.settings.project)
    batch = client.batch()
    for number in range(2_500):
        batch.set(client.document(f"more/m{number:05}"), {"n": number})
    batch.commit()
    world.snapshot("b2")
    full = state_of(world.settings.project)
    for document in client.collection("more").limit(1_900).stream():
        document.reference.delete()
    world.limit = timedelta(0)
    world.restore("r1", "b2")
    assert any(report.outcome == "continued" for report in world.reports)
    assert state_of(world.settings.project) == full
    assert before.keys() < full.keys()


def test_an_app_whose_collections_are_named_like_ours_keeps_them(new_world: NewWorld) -> None:
    """With the state in a database of its own, nothing of the app's is left out, or ever lost."""
    world = new_world()
    world.settings = replace(world.settings, state_database="firekeep")
    client = client_of(world.settings.project)
    client.document("backups/mine").set({"app": True})
    client.document("users/u").set({"app": True})
    world.snapshot("b1")
    assert world.repository().manifest("b1").roots["entries"].count == 2
    client.document("backups/mine").delete()
    client.document("backups/junk").set({"junk": True})
    world.restore("r1", "b1", exact=True)
    assert client.document("backups/mine").get().to_dict() == {"app": True}
    assert not client.document("backups/junk").get().exists
    world.restore("r2", "b1", exact=True, target={"project": world.settings.project, "database": "firekeep"})
    assert isinstance(world.errors[-1], BadInput)
    assert client_of(world.settings.project, "firekeep").document("backups/b1").get().exists


def test_a_process_that_lives_on_sees_backups_made_by_others(new_world: NewWorld) -> None:
    world, _ = backed_up(new_world)
    kept = world.ports()
    client = client_of(world.settings.project)
    client.document("users/later").set({"n": 1})
    world.snapshot("b2")
    full = state_of(world.settings.project)
    damage(client)
    world.ports = lambda: kept  # type: ignore[method-assign]
    world.restore("r1", "b2", exact=True)
    assert state_of(world.settings.project) == full


def _run(new_world: NewWorld, moment: int | None) -> World:
    world, before = backed_up(new_world)
    damage(client_of(world.settings.project))
    world.fuse = Fuse(moment)
    world.restore("r1", "b1", exact=True)
    assert state_of(world.settings.project) == before
    assert world.ports().catalog.recovery("r1").status == "completed"
    assert not [error for error in world.errors if not error.retryable]
    return world


def test_dying_before_or_after_any_write_ends_in_the_same_state_sampled(new_world: NewWorld) -> None:
    moments = len(_run(new_world, None).fuse.moments)
    assert moments >= 10
    for moment in range(1, moments + 1, 3):
        assert _run(new_world, moment).crashes == 1


@pytest.mark.slow
def test_dying_before_or_after_every_write_ends_in_the_same_state(new_world: NewWorld) -> None:
    moments = len(_run(new_world, None).fuse.moments)
    for moment in range(1, moments + 1):
        assert _run(new_world, moment).crashes == 1


def test_a_collection_that_has_become_ours_since_the_snapshot_stays_as_it_is(new_world: NewWorld) -> None:
    """A snapshot of a release that knew fewer collections of its own, restored exactly by one that knows more."""
    world = new_world()
    client = client_of(world.settings.project)
    fill(client)
    before, ports = state_of(world.settings.project), world.ports
    elsewhere = Place(world.settings.project, "elsewhere")
    world.ports = lambda: replace(ports(), state=elsewhere)  # type: ignore[method-assign]
    world.snapshot("b1", selection=entries(exclude=SYSTEM_COLLECTIONS))
    world.ports = ports  # type: ignore[method-assign]
    assert world.repository().manifest("b1").excluded == {}
    client.document("users/u001").delete()
    client.document("users/new").set({})
    assert facts(world.restore("r1", "b1", exact=True))["deleted"] == 1
    assert state_of(world.settings.project) == before
    assert client.document("backups/old").get().exists
    world.restore("r2", "b1", documents=("backups/old",))
    assert isinstance(world.errors[-1], BadInput)
