"""A job that nobody works on any more is found, and taken up again or ended with a reason, where people look."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from content import client_of, fill, state_of
from world import LEASE, Fuse, World

from shared.errors import Unavailable
from shared.jobs.letters import bury
from shared.jobs.ports import Report
from shared.jobs.sweep import QUIET, REVIVALS, sweep
from shared.models.jobs import PartRequest, RestoreRequest, SnapshotRequest, VerifyRequest
from shared.state.contract import TaskId, TaskState

NewWorld = Callable[..., World]


def begun(new_world: NewWorld, fuse: Fuse | None = None) -> World:
    """A snapshot is planned; the messages of its parts wait."""
    world = new_world(fuse)
    fill(client_of(world.settings.project))
    world._deliver("backup-snapshot", SnapshotRequest(backup_id="b1", type="automatic").to_message())
    return world


def later(world: World, delay: timedelta = QUIET) -> Report:
    """A sweep after some quiet."""
    world.clock.sleep(delay.total_seconds() + 1)
    return sweep(world.ports())


def deliver_all(world: World) -> None:
    """What waits, and what follows from it."""
    topic, message = world.queue.waiting.popleft()
    world.run(topic, message)


def state(world: World, job: str) -> TaskState:
    return world.ports().ledger.load(TaskId(job)).state


def test_lost_messages_of_parts_are_sent_again_and_the_backup_completes(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.queue.waiting.clear()
    assert later(world).facts["revived"] == ["b1"]
    deliver_all(world)
    backup = world.ports().catalog.backup("b1")
    assert (backup.status, backup.type) == ("completed", "automatic")
    assert backup.metadata.items == len(state_of(world.settings.project))


def test_a_job_whose_request_was_lost_before_it_was_planned_is_planned(new_world: NewWorld) -> None:
    fuse = Fuse()
    world = new_world(fuse)
    fill(client_of(world.settings.project))
    fuse.at = 5
    with pytest.raises(BaseException, match="claim"):
        world._deliver("backup-snapshot", SnapshotRequest(backup_id="b1").to_message())
    assert later(world).facts["revived"] == ["b1"]
    deliver_all(world)
    assert world.ports().catalog.backup("b1").status == "completed"


def test_a_job_that_moves_or_is_held_is_left_alone(new_world: NewWorld) -> None:
    world = begun(new_world)
    waiting = list(world.queue.waiting)
    assert sweep(world.ports()).facts == {"open": 1}
    world.clock.sleep(QUIET.total_seconds() - LEASE.total_seconds())
    part = TaskId("b1", 0)
    world.ports().ledger.claim(part, "somebody")
    assert later(world, QUIET - LEASE).facts == {"open": 1}
    assert list(world.queue.waiting) == waiting


def test_two_sweeps_at_once_send_once(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.queue.waiting.clear()
    assert "revived" in later(world).facts
    sent = len(world.queue.waiting)
    assert sweep(world.ports()).facts == {"open": 1}
    assert len(world.queue.waiting) == sent


def test_a_job_that_gets_no_further_fails_with_a_reason_and_stays_failed(new_world: NewWorld) -> None:
    world = begun(new_world)
    for _ in range(REVIVALS):
        world.queue.waiting.clear()
        assert later(world).facts["revived"] == ["b1"]
    assert later(world).facts["failed"] == ["b1"]
    backup = world.ports().catalog.backup("b1")
    assert backup.status == "failed"
    assert backup.validation.errors is not None
    assert "taken up again 3 times" in backup.validation.errors[0]
    deliver_all(world)
    assert state(world, "b1") is TaskState.FAILED
    assert list(world.repository().snapshots()) == []
    assert later(world).facts == {"open": 0}


def test_restores_and_checks_are_taken_up_again_too(new_world: NewWorld) -> None:
    world = begun(new_world)
    deliver_all(world)
    ports = world.ports()
    client_of(world.settings.project).document("users/u001").delete()
    restore = RestoreRequest(recovery_id="r1", backup_id="b1")
    verify = VerifyRequest(verify_id="v1", backup_id="b1", depth="data")
    for job, kind, message in (("r1", "restore", restore), ("v1", "verify", verify)):
        asked = {"kind": kind, "request": message.to_message().decode(), "startedAt": ports.clock.now()}
        ports.ledger.create(job, asked)
    assert later(world).facts["revived"] == ["r1", "v1"]
    deliver_all(world)
    assert state(world, "r1") is state(world, "v1") is TaskState.DONE
    assert client_of(world.settings.project).document("users/u001").get().exists


def test_a_death_between_the_end_and_the_document_is_mended(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.ports().ledger.fail("b1", {"error": "it went wrong", "code": "denied"})
    assert world.ports().catalog.backup("b1").status == "in_progress"
    assert sweep(world.ports()).facts["told"] == ["b1"]
    backup = world.ports().catalog.backup("b1")
    assert (backup.status, backup.validation.errors) == ("failed", ("it went wrong",))
    assert sweep(world.ports()).facts == {"open": 0}


def test_a_part_that_was_given_up_fails_its_backup_at_once(new_world: NewWorld) -> None:
    world = begun(new_world)
    letter = PartRequest(backup_id="b1", part=0).to_message()
    assert bury(world.ports(), letter).outcome == "failed"
    backup = world.ports().catalog.backup("b1")
    assert backup.status == "failed"
    assert backup.validation.errors is not None
    assert "job b1 part 0 was given up" in backup.validation.errors[0]
    assert bury(world.ports(), letter).outcome == "already failed"
    deliver_all(world)
    assert list(world.repository().snapshots()) == []


def test_a_dead_letter_does_not_end_what_is_worked_on_or_has_ended(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.ports().ledger.claim(TaskId("b1", 0), "somebody")
    assert bury(world.ports(), PartRequest(backup_id="b1", part=0).to_message()).outcome == "still worked on"
    assert bury(world.ports(), SnapshotRequest(backup_id="b1").to_message()).outcome == "still worked on"
    world.ports().ledger.release(TaskId("b1", 0), "somebody")
    deliver_all(world)
    assert bury(world.ports(), PartRequest(backup_id="b1", part=0).to_message()).outcome == "already done"
    assert world.ports().catalog.backup("b1").status == "completed"


def test_what_never_began_is_shown_as_failed_too(new_world: NewWorld) -> None:
    world = new_world()
    ports = world.ports()
    assert bury(ports, SnapshotRequest(backup_id="b9", type="automatic").to_message()).outcome == "failed"
    assert bury(ports, RestoreRequest(recovery_id="r9", backup_id="b1").to_message()).outcome == "failed"
    assert bury(ports, VerifyRequest(verify_id="v9").to_message()).outcome == "failed"
    assert (ports.catalog.backup("b9").status, ports.catalog.backup("b9").type) == ("failed", "automatic")
    assert ports.catalog.recovery("r9").status == "failed"
    assert state(world, "v9") is TaskState.FAILED


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b'"b1"', b'{"backupId": 1}', b'{"backupId": "a/b"}', b'{"backupId": ""}',
        json.dumps({"backupId": "b1", "part": "0"}).encode(), json.dumps({"recoveryId": "r1"}).encode(),
        json.dumps({"backupId": "x" * 200}).encode(),
    ],
)  # fmt: skip
def test_a_dead_letter_that_names_no_job_is_only_reported(new_world: NewWorld, text: bytes) -> None:
    world = new_world()
    assert bury(world.ports(), text).outcome == "names no job"
    assert world.ports().catalog.unfinished() == []


def test_trouble_with_one_job_does_not_keep_a_sweep_from_the_others(new_world: NewWorld) -> None:
    world = new_world()
    fill(client_of(world.settings.project))
    broken = {"kind": "restore", "request": "{", "startedAt": world.clock.now()}
    world.ports().ledger.create("a-broken", broken)
    for _ in range(REVIVALS):
        later(world)
    world._deliver("backup-snapshot", SnapshotRequest(backup_id="b1").to_message())
    world.queue.waiting.clear()
    with pytest.raises(Exception, match="not valid") as raised:
        later(world)
    assert not isinstance(raised.value, Unavailable)
    assert [topic for topic, _ in world.queue.waiting] == ["backup-part", "backup-part"]
