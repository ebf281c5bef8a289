"""A cancelled job stops, says so, leaves things clean, and stays cancelled; of cancelling and ending, one wins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from content import client_of, fill, state_of
from world import LEASE, World

from shared.clock import Deadline
from shared.contents import ENTRIES
from shared.errors import Cancelled, Conflict, NotFound
from shared.jobs.cancel import cancel_job, settle
from shared.jobs.part import run_part
from shared.jobs.ports import Ports
from shared.jobs.restore import run_restore
from shared.jobs.sweep import sweep
from shared.models.jobs import PartRequest, RestoreRequest, SnapshotRequest, VerifyRequest
from shared.state.contract import TaskId, TaskState

NewWorld = Callable[..., World]


class Slow:
    """A source that waits in the middle until it is let go on."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.reached, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, *args: Any) -> Iterator[Any]:
        for batch in self._source.read(*args):
            yield batch
            self.reached.set()
            self.go.wait(20)


def begun(new_world: NewWorld) -> World:
    world = new_world()
    fill(client_of(world.settings.project))
    world._deliver("backup-snapshot", SnapshotRequest(backup_id="b1").to_message())
    return world


def deliver_all(world: World) -> None:
    while world.queue.waiting:
        topic, message = world.queue.waiting.popleft()
        world._deliver(topic, message)


def slowed(world: World) -> tuple[Ports, Slow]:
    ports = replace(world.ports(), heartbeat_s=0.05)
    slow = Slow(ports.sources[ENTRIES])
    return replace(ports, sources={**ports.sources, ENTRIES: slow}), slow


def test_a_cancelled_backup_fails_at_once_when_nobody_works_on_it_and_stays_so(new_world: NewWorld) -> None:
    world = begun(new_world)
    assert cancel_job(world.ports(), "b1", "ada").outcome == "cancelled"
    assert cancel_job(world.ports(), "b1", "bob").outcome == "cancelled"
    backup = world.ports().catalog.backup("b1")
    assert backup.status == "failed"
    assert backup.validation.errors is not None
    assert "cancelled by ada" in backup.validation.errors[0]
    deliver_all(world)
    world.snapshot("b1")
    assert {report.outcome for report in world.reports} == {"already failed"}
    assert list(world.repository().snapshots()) == []


def test_a_worker_stops_at_its_next_beat_and_nothing_is_visible(new_world: NewWorld) -> None:
    world = begun(new_world)
    ports, slow = slowed(world)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run_part(ports, PartRequest(backup_id="b1", part=0), Deadline(world.clock, None))
        except BaseException as error:  # looked at below
            raised.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert slow.reached.wait(20)
    assert cancel_job(world.ports(), "b1", "ada").outcome == "cancelling"
    limit = threading.Event()
    for _ in range(400):
        if world.ports().ledger.load(TaskId("b1")).ended:
            break
        limit.wait(0.05)
        slow.go.set()
    worker.join(20)
    assert [type(error) for error in raised] == [Cancelled]
    assert world.ports().catalog.backup("b1").status == "failed"
    deliver_all(world)
    assert list(world.repository().snapshots()) == []


def test_what_is_settled_can_be_cancelled_no_more_and_completes(new_world: NewWorld) -> None:
    world = begun(new_world)
    settle(world.ports(), "b1")
    with pytest.raises(Conflict, match="about to be completed"):
        cancel_job(world.ports(), "b1", "ada")
    deliver_all(world)
    assert world.ports().catalog.backup("b1").status == "completed"
    assert cancel_job(world.ports(), "b1", "ada").outcome == "already done"


def test_what_is_cancelled_cannot_be_settled(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.ports().ledger.claim(TaskId("b1"), "somebody")
    assert cancel_job(world.ports(), "b1", "ada").outcome == "cancelling"
    with pytest.raises(Cancelled):
        settle(world.ports(), "b1")


def test_however_late_it_is_cancelled_the_backup_is_there_whole_or_not_at_all(new_world: NewWorld) -> None:
    """A cancel between any two steps of the work, seen by whoever works on."""
    outcomes = set()
    for step in range(1, 12):
        world = begun(new_world)
        for _ in range(step):
            if world.queue.waiting:
                topic, message = world.queue.waiting.popleft()
                world._deliver(topic, message)
        cancel_job(world.ports(), "b1", "ada")
        deliver_all(world)
        status = world.ports().catalog.backup("b1").status
        outcomes.add(status)
        assert list(world.repository().snapshots()) == (["b1"] if status == "completed" else [])
    assert outcomes == {"completed", "failed"}


def test_a_cancelled_restore_leaves_what_it_wrote_and_says_how_much(new_world: NewWorld) -> None:
    world = begun(new_world)
    deliver_all(world)
    before = state_of(world.settings.project)
    client = client_of(world.settings.project)
    for number in range(20):
        client.document(f"users/u{number:03}").delete()
    world.ports().ledger.create(
        "r1",
        {
            "kind": "restore",
            "request": RestoreRequest(recovery_id="r1", backup_id="b1").to_message().decode(),
            "startedAt": world.clock.now(),
            "created": 7,
            "size": 70,
        },
    )
    assert cancel_job(world.ports(), "r1", "ada").outcome == "cancelled"
    recovery = world.ports().catalog.recovery("r1")
    assert (recovery.status, recovery.metadata.items, recovery.metadata.size) == ("failed", 7, 70)
    assert recovery.validation.errors is not None
    assert "7 created, 0 updated" in recovery.validation.errors[0]
    report = run_restore(
        world.ports(), RestoreRequest(recovery_id="r1", backup_id="b1"), Deadline(world.clock, None)
    )
    assert report.outcome == "already failed"
    world.restore("r2", "b1")
    assert state_of(world.settings.project) == before


def test_a_restore_that_is_being_written_stops_with_its_counts_saved(new_world: NewWorld) -> None:
    world = begun(new_world)
    deliver_all(world)
    client = client_of(world.settings.project)
    for number in range(20):
        client.document(f"users/u{number:03}").delete()
    ports, slow = slowed(world)

    def cancel() -> None:
        assert slow.reached.wait(20)
        assert cancel_job(world.ports(), "r1", "ada").outcome == "cancelling"
        threading.Event().wait(0.5)
        slow.go.set()

    other = threading.Thread(target=cancel)
    other.start()
    with pytest.raises(Cancelled, match="20 created"):
        run_restore(ports, RestoreRequest(recovery_id="r1", backup_id="b1"), Deadline(world.clock, None))
    other.join(20)
    recovery = world.ports().catalog.recovery("r1")
    assert (recovery.status, recovery.metadata.items) == ("failed", 20)


def test_a_check_is_cancelled_too(new_world: NewWorld) -> None:
    world = begun(new_world)
    deliver_all(world)
    asked = VerifyRequest(verify_id="v1", backup_id="b1")
    world.ports().ledger.create("v1", {"kind": "verify", "request": asked.to_message().decode()})
    world.ports().ledger.claim(TaskId("v1"), "dead")
    assert cancel_job(world.ports(), "v1", "ada").outcome == "cancelling"
    world.clock.sleep(LEASE.total_seconds() + 1)
    world.run("backup-verify", asked.to_message())
    assert [error.code for error in world.errors] == ["cancelled"]
    assert world.ports().ledger.load(TaskId("v1")).state is TaskState.FAILED
    assert not world.ports().catalog.backup("b1").validation.verified


def test_a_sweep_ends_what_was_cancelled_when_its_worker_died_meanwhile(new_world: NewWorld) -> None:
    world = begun(new_world)
    world.ports().ledger.claim(TaskId("b1", 0), "dead")
    cancel_job(world.ports(), "b1", "ada")
    world.clock.sleep((LEASE + timedelta(minutes=3)).total_seconds())
    assert sweep(world.ports()).facts["failed"] == ["b1"]
    assert world.ports().catalog.backup("b1").status == "failed"


def test_there_must_be_a_job_to_cancel(new_world: NewWorld) -> None:
    with pytest.raises(NotFound):
        cancel_job(new_world().ports(), "b9", "ada")
