"""What is saved under a name is what a backup of it holds; what the configuration does not allow is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from content import client_of, fill, state_of
from world import Fuse, World, entries

from shared.errors import BadInput, Denied, FirekeepError, NotFound
from shared.jobs.commit import check_id
from shared.jobs.request import accept_request
from shared.jobs.snapshot import start_snapshot
from shared.models.jobs import SnapshotRequest
from shared.models.sets import BackupOptions, BackupSet, BackupTemplate
from shared.state.contract import Catalog, TaskId, TaskState

NewWorld = Callable[..., World]

CONFIG: dict[str, Any] = {
    "automatic": {
        "enabled": True,
        "schedule": {"frequency": "daily", "time": "03:30", "timezone": "UTC"},
        "retention": {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"},
        "storage": {"provider": "local", "path": "backups", "compression": True, "encryption": True},
    },
    "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": True},
}


def seeded(new_world: NewWorld) -> tuple[World, Catalog]:
    world = new_world()
    fill(client_of(world.settings.project))
    return world, world.ports().catalog


def configured(world: World, **manual: Any) -> None:
    rules = {"enabled": True, "maxSize": 0, "formats": [], "validation": False, "encryption": True}
    document = {**CONFIG, "manual": {**rules, **manual}}
    client_of(world.settings.project).document("backupConfig/main").set(document)


def asked(world: World, backup_id: str, **fields: Any) -> None:
    """As an app would ask."""
    document = {"requestedBy": "uid", "requestedAt": world.clock.now(), **fields}
    client_of(world.settings.project).document(f"backupRequests/{backup_id}").set(document)
    accept_request(world.ports(), backup_id)
    world.run(*world.queue.waiting.popleft())


def refusal(world: World, backup_id: str) -> FirekeepError:
    """Why a backup failed: as its document tells it, and nothing of it is visible."""
    backup = world.ports().catalog.backup(backup_id)
    assert backup.status == "failed"
    assert backup.validation.errors == (str(world.errors[-1])[:1_000],)
    assert backup_id not in list(world.repository().snapshots())
    return world.errors[-1]


def collections(world: World, backup_id: str) -> tuple[str, ...]:
    return world.ports().catalog.backup(backup_id).content.entries


def test_presets_are_kept_by_name_and_told_in_order(new_world: NewWorld) -> None:
    _, catalog = seeded(new_world)
    one, two = (BackupSet(name=name, selection=entries("shops")) for name in ("b", "a"))
    for preset in (one, two, one.changed(description="größer")):
        catalog.save_preset(preset)
    assert list(catalog.presets(BackupSet)) == [two, one.changed(description="größer")]
    assert list(catalog.presets(BackupTemplate)) == []
    catalog.drop_preset(BackupSet, "a")
    with pytest.raises(NotFound, match=r"no backup set 'a'.*there are b"):
        catalog.drop_preset(BackupSet, "a")
    with pytest.raises(NotFound, match=r"no backup template 'b'.*template save"):
        catalog.preset(BackupTemplate, "b")


def test_a_set_under_another_name_than_its_document_s_is_refused(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    document = BackupSet(name="b", selection=entries("shops")).to_document()
    client_of(world.settings.project).document("backupSets/a").set(document)
    with pytest.raises(BadInput, match="another name"):
        catalog.preset(BackupSet, "a")


@pytest.mark.parametrize("way", ["set", "template", "template of a set", "request"])
def test_a_backup_holds_what_is_saved(new_world: NewWorld, way: str) -> None:
    world, catalog = seeded(new_world)
    chosen = entries("shops", "odd", exclude=("shops/*/items",))
    catalog.save_preset(BackupSet(name="some", selection=chosen))
    own = {"set": "some"} if way == "template of a set" else {"selection": chosen}
    catalog.save_preset(BackupTemplate(name="some", **own))
    if way == "request":
        asked(world, "b1", template="some")
    else:
        world.snapshot("b1", **({"set": "some"} if way == "set" else {"template": "some"}))
    assert collections(world, "b1") == ("odd", "shops")
    state = state_of(world.settings.project)
    meant = [path for path in state if path.split("/")[0] in ("shops", "odd") and "/items/" not in path]
    assert catalog.backup("b1").metadata.items == len(meant)


def test_a_job_keeps_what_was_saved_when_it_was_made(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    catalog.save_preset(BackupSet(name="some", selection=entries("shops")))
    request = SnapshotRequest(backup_id="b1", set="some")
    start_snapshot(world.ports(), request)
    catalog.save_preset(BackupSet(name="some", selection=entries("users")))
    start_snapshot(world.ports(), request)
    catalog.drop_preset(BackupSet, "some")
    world.run("backup-snapshot", request.to_message())
    assert world.errors == []
    assert collections(world, "b1") == ("shops",)


def test_a_name_that_is_not_there_fails_with_those_that_are(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    catalog.save_preset(BackupSet(name="some", selection=entries("shops")))
    catalog.save_preset(BackupTemplate(name="broken", set="gone"))
    asked(world, "b1", set="none")
    assert "there are some" in str(refusal(world, "b1"))
    asked(world, "b2", template="broken")
    assert "'gone'" in str(refusal(world, "b2"))
    world.snapshot("b3", template="none", type="automatic")
    assert isinstance(refusal(world, "b3"), NotFound)
    assert catalog.backup("b3").type == "automatic"


def test_a_request_that_asks_twice_is_refused_by_field(new_world: NewWorld) -> None:
    world, _ = seeded(new_world)
    with pytest.raises(BadInput, match="exclude one another"):
        asked(world, "b1", set="some", template="some")
    assert world.ports().catalog.backup("b1").status == "failed"


def test_a_template_says_what_its_backups_count_as_but_not_for_an_app(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    catalog.save_preset(BackupTemplate(name="weekly", selection=entries("odd"), type="automatic"))
    world.snapshot("b1", template="weekly")
    world.snapshot("b2", template="weekly", type="manual")
    asked(world, "b3", template="weekly")
    assert [catalog.backup(one).type for one in ("b1", "b2", "b3")] == ["automatic", "manual", "manual"]


def test_manual_backups_can_be_switched_off(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    configured(world, enabled=False)
    asked(world, "b1")
    assert isinstance(refusal(world, "b1"), Denied)
    world.snapshot("b2", type="automatic")
    assert catalog.backup("b2").status == "completed"


def test_formats_and_encryption_keep_to_the_configuration(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    catalog.save_preset(BackupTemplate(name="t", options=BackupOptions(formats=("jsonl", "csv"))))
    configured(world, formats=["jsonl"])
    asked(world, "b1", template="t")
    assert "export to csv is not allowed" in str(refusal(world, "b1"))
    asked(world, "b2", template="t", options={"formats": ["jsonl", "firekeep/1"]})
    assert catalog.backup("b2").status == "completed"
    configured(world, encryption=False)
    asked(world, "b3")
    assert "the repository is encrypted" in str(refusal(world, "b3"))


def test_a_configuration_that_is_not_valid_is_named_by_its_field(new_world: NewWorld) -> None:
    world, _ = seeded(new_world)
    configured(world, maxSize=-1)
    asked(world, "b1")
    assert "manual.maxSize" in str(refusal(world, "b1"))


@pytest.mark.parametrize(
    ("wished", "options", "depth"),
    [
        (False, {}, None),
        (True, {}, "structure"),
        (True, {"validation": "none"}, "structure"),
        (False, {"validation": "data"}, "data"),
    ],
)
def test_a_backup_is_checked_afterwards_when_that_is_wished(
    new_world: NewWorld, wished: bool, options: dict[str, str], depth: str | None
) -> None:
    world, catalog = seeded(new_world)
    configured(world, validation=wished)
    asked(world, "b1", options=options)
    assert world.errors == []
    assert catalog.backup("b1").validation.verified is (depth is not None)
    if depth:
        check = world.ports().ledger.load(TaskId(check_id("b1")))
        assert check.state is TaskState.DONE
        assert f'"depth":"{depth}"' in check.data["request"]


def noisy(world: World, documents: int) -> None:
    """Documents that no compression makes small."""
    for number in range(documents):
        client_of(world.settings.project).document(f"noise/n{number}").set({"n": secrets.token_bytes(4_000)})


def test_a_backup_that_passes_its_size_while_it_is_read_leaves_nothing_visible(new_world: NewWorld) -> None:
    world, catalog = seeded(new_world)
    noisy(world, 20)
    request = SnapshotRequest(backup_id="b1", options=BackupOptions(max_size=40_000))
    world.run("backup-snapshot", request.to_message())
    assert "has stored" in str(catalog.backup("b1").validation.errors)
    assert "maxSize" in str(world.errors[0])
    assert catalog.backup("b1").status == "failed"
    assert list(world.repository().snapshots()) == []
    world.snapshot("b2", options=BackupOptions(max_size=1_000_000))
    assert list(world.repository().snapshots()) == ["b2"]


def test_a_backup_that_cannot_fit_is_refused_before_anything_is_read(new_world: NewWorld) -> None:
    world, _ = seeded(new_world)
    noisy(world, 20)
    world.snapshot("b1", options=BackupOptions(max_size=1_000))
    assert "nothing was read" in str(refusal(world, "b1"))
    assert world.ports().ledger.parts("b1") == []


def test_of_two_sizes_the_smaller_counts(new_world: NewWorld) -> None:
    world, _ = seeded(new_world)
    configured(world, maxSize=1_000)
    asked(world, "b1", options={"maxSize": 10**9})
    assert "the 1000 that maxSize allows" in str(refusal(world, "b1"))
    world.snapshot("b2", type="automatic", options=BackupOptions(max_size=10**9))
    assert list(world.repository().snapshots()) == ["b2"]


def test_a_backup_that_is_killed_anywhere_is_checked_all_the_same(new_world: NewWorld) -> None:
    whole = Fuse()
    for moment in range(1, 200, 3):
        fuse = Fuse(moment)
        world = new_world(fuse)
        fill(client_of(world.settings.project), flat=5)
        world.snapshot("b1", selection=entries("odd"), options=BackupOptions(validation="structure"))
        assert world.ports().catalog.backup("b1").validation.verified, whole.moments[-1:]
        if not world.crashes:
            break
        whole.moments.append(fuse.moments[-1])
    assert len(whole.moments) > 8
