"""Rotation: what the rules say is dropped, everything else restores, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from content import client_of, fill
from world import Fuse, World, entries

from shared.jobs.ports import Report
from shared.repository.check import ALL, check_data
from shared.repository.collect import Manner, collect
from shared.repository.pins import Pin, pin, read_pin, unpin

NewWorld = Callable[..., World]
DAY = timedelta(days=1)


def configure(world: World, name: str = "main", **fields: Any) -> None:
    client_of(world.settings.project).document(f"backupConfig/{name}").set(fields)


def automatic(
    days: int = 365, most: int = 100, strategy: str = "oldest", enabled: bool = True
) -> dict[str, Any]:
    destination = {"provider": "local", "path": "x", "compression": True, "encryption": True}
    return {
        "automatic": {
            "enabled": enabled,
            "schedule": {"frequency": "daily", "time": "03:30", "timezone": "UTC"},
            "retention": {"days": days, "maxBackups": most, "cleanupStrategy": strategy},
            "storage": destination,
        },
        "manual": {"enabled": True, "maxSize": 10**9, "formats": [], "validation": False, "encryption": True},
        "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": False},
    }


def days(world: World, names: Iterable[str], **fields: Any) -> None:
    """A snapshot a day, of a database that changes."""
    client = client_of(world.settings.project)
    for name in names:
        client.document(f"users/{name}").set({"filler": name * 200})
        world.snapshot(name, **{"type": "automatic", **fields})
        world.clock.sleep(DAY.total_seconds())


def seeded(new_world: NewWorld, fuse: Fuse | None = None) -> World:
    world = new_world(fuse)
    fill(client_of(world.settings.project))
    return world


def listed(world: World) -> list[str]:
    return sorted(world.repository().snapshots())


def cataloged(world: World) -> list[str]:
    found = client_of(world.settings.project).collection("backups").stream()
    return sorted(one.id for one in found if one.get("status") == "completed")


def rules(report: Report) -> dict[str, tuple[bool, str]]:
    return {one["id"]: (one["keep"], one["rule"]) for one in report.facts["decisions"]}


def assert_sound(world: World) -> None:
    assert list(check_data(world.repository(), ALL)) == []


def test_old_backups_are_dropped_and_freed_and_the_others_restore(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, **automatic(most=3))
    days(world, "abcdef")
    world.snapshot("manual")
    planned = world.rotate("plan", dry_run=True)[-1]
    assert planned.outcome == "planned"
    assert sorted(planned.facts["freed"]) == ["a", "b", "c"]
    assert len(listed(world)) == 7
    first = world.rotate("r1")[-1]
    assert first.facts["decisions"] == planned.facts["decisions"]
    assert first.facts["dropped"] == ["a", "b", "c"]
    assert rules(first)["a"] == (False, "more than 3 automatic backups, oldest first")
    assert rules(first)["manual"] == (True, "newest")
    assert listed(world) == cataloged(world) == ["d", "e", "f", "manual"]
    size = world.repository().usage()["packs"].bytes
    world.clock.sleep(DAY.total_seconds())
    assert world.rotate("r2")[-1].facts["collected"]["packs"]
    assert world.repository().usage()["packs"].bytes < size
    assert_sound(world)
    assert world.restore("back", "d", exact=True)[-1].outcome == "completed"


def test_without_rules_nothing_is_dropped(new_world: NewWorld) -> None:
    world = seeded(new_world)
    days(world, "abcde")
    assert "dropped" not in world.rotate("r1")[-1].facts
    configure(world, **automatic(days=1, most=1, enabled=False))
    assert "dropped" not in world.rotate("r2")[-1].facts
    assert listed(world) == [*"abcde"]


@pytest.mark.parametrize(
    ("name", "fields", "why"),
    [
        ("main", {"automatic": {"enabled": True}}, "not valid"),
        ("storage", {"provider": "local"}, "not valid"),
        ("retention", {"daily": -1}, "not valid"),
        ("main", automatic(days=1, most=1, strategy="custom"), "backupConfig/retention does not exist"),
    ],
)
def test_a_configuration_that_fails_keeps_all(
    new_world: NewWorld, name: str, fields: dict[str, Any], why: str
) -> None:
    world = seeded(new_world)
    configure(world, **automatic(days=1, most=1))
    configure(world, name, **fields)
    days(world, "abcde")
    report = world.rotate("r1")[-1]
    assert all(keep and why in rule for keep, rule in rules(report).values())
    assert listed(world) == [*"abcde"]


def test_custom_and_pins_and_the_floor(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, **automatic(days=1, most=1, strategy="custom"))
    configure(world, "retention", floor=1, last=2)
    days(world, "abcde")
    repository = world.repository()
    assert pin(repository, Pin("b", world.clock.now(), "somebody", "before the migration"))
    assert not pin(repository, Pin("b", world.clock.now(), "another", ""))
    assert read_pin(repository, "b").reason == "before the migration"
    world.rotate("r1")
    assert listed(world) == [*"bde"]
    unpin(repository, "b")
    world.rotate("r2")
    assert listed(world) == [*"de"]


def test_what_an_unfinished_job_reads_stays(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, **automatic(days=1))
    configure(world, "retention", floor=1)
    days(world, "abcd")
    ledger = world.ports().ledger
    begun = {"kind": "restore", "request": '{"backupId":"a"}', "startedAt": world.clock.now()}
    ledger.create("under-way", begun)
    ledger.create("next", {"kind": "snapshot", "parent": "b", "startedAt": world.clock.now()})
    report = world.rotate("r1")[-1]
    assert rules(report)["a"] == rules(report)["b"] == (True, "in use by a job")
    assert listed(world) == [*"abd"]
    world.clock.sleep(8 * DAY.total_seconds())
    world.rotate("r2")
    assert listed(world) == ["d"]


@pytest.mark.parametrize("harm", ["gone", "overwritten"])
def test_rotation_stops_when_most_of_the_data_is_gone_or_overwritten(new_world: NewWorld, harm: str) -> None:
    world = seeded(new_world)
    configure(world, **automatic(most=1))
    configure(world, "retention", floor=1, gate={"least": 20})
    days(world, "abc")
    client = client_of(world.settings.project)
    for document in [*client.collection("users").stream(), *client.collection_group("items").stream()]:
        document.reference.delete() if harm == "gone" else document.reference.set({"encrypted": "pay us"})
    days(world, "x")
    frozen = world.rotate("r1")[-1]
    assert frozen.outcome == "frozen"
    assert harm in frozen.facts["frozen"]
    days(world, "yz")
    assert world.rotate("r2")[-1].outcome == "frozen"
    assert listed(world) == [*"abcxyz"]
    assert read_pin(world.repository(), "c").by == "rotation"
    state = client.document("backupConfig/rotation").get().to_dict()
    assert (state["frozen"], state["snapshot"]) == (True, "c")
    assert world.rotate("look", dry_run=True, unfreeze=True)[-1].facts["freed"].keys() == {*"abxy"}
    assert listed(world) == [*"abcxyz"]
    assert world.rotate("r3", unfreeze=True)[-1].outcome == "rotated"
    assert listed(world) == ["c", "z"]


def test_harm_is_seen_behind_newer_snapshots(new_world: NewWorld) -> None:
    """Two backups were taken since the last rotation: it happened before the first of them."""
    world = seeded(new_world)
    configure(world, **automatic(most=1))
    configure(world, "retention", floor=1, gate={"least": 20})
    days(world, "ab")
    world.rotate("r1")
    client = client_of(world.settings.project)
    for document in [*client.collection("users").stream(), *client.collection_group("items").stream()]:
        document.reference.delete()
    days(world, "cd")
    assert world.rotate("r2")[-1].outcome == "frozen"
    assert listed(world) == [*"bcd"]


def test_a_part_of_the_data_is_not_compared_with_all_of_it(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, "retention", gate={"least": 10})
    days(world, "ab")
    days(world, "c", selection=entries("odd"), type="manual")
    assert world.rotate("r1")[-1].outcome == "rotated"


def test_a_snapshot_that_the_store_holds_stays_in_the_catalog(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, **automatic(days=1))
    configure(world, "retention", floor=1)
    days(world, "abc")
    world.repository().store.provider.hold("snapshots/a", world.clock.now() + 9 * DAY)
    report = world.rotate("r1")[-1]
    assert (report.facts["held"], report.facts["dropped"]) == (["a"], ["b"])
    assert listed(world) == cataloged(world) == ["a", "c"]
    assert_sound(world)


def test_delivered_twice_it_is_done_once(new_world: NewWorld) -> None:
    world = seeded(new_world)
    configure(world, **automatic(most=1))
    configure(world, "retention", floor=1)
    days(world, "abc")
    assert [report.outcome for report in world.rotate("r1") + world.rotate("r1")][-1] == "already done"
    assert listed(world) == ["c"]


def _to_rotate(new_world: NewWorld) -> World:
    """One drop marked long ago, to be carried out; another to be made; and what is not to be touched."""
    world = seeded(new_world)
    configure(world, **automatic(most=2))
    configure(world, "retention", floor=1)
    days(world, "abc")
    world.rotate("before")
    days(world, "de")
    return world


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_rotation_that_dies_anywhere_is_finished_by_the_next_delivery(
    new_world: NewWorld, every: int
) -> None:
    moments = _to_rotate(new_world)
    moments.fuse = Fuse()
    moments.rotate("r")
    count = len(moments.fuse.moments)
    assert count > 20
    crashes = 0
    for at in range(1, count + 1, every):
        world = _to_rotate(new_world)
        world.fuse = Fuse(at)
        world.on_crash = lambda world=world: assert_sound(world)  # type: ignore[misc]
        world.rotate("r")
        assert not world.errors
        crashes += world.crashes
        assert listed(world) == cataloged(world) == ["d", "e"]
        assert_sound(world)
        for extra in (2, 3, 4):
            done = collect(world.repository(), world.clock.now() + extra * DAY, Manner(live=lambda _: False))
        assert (done.packs, done.marked_packs) == (0, 0)
        assert_sound(world)
    # How many packs there are is a matter of chance, and so how late the last moment comes.
    assert crashes >= (count - 8) // every
