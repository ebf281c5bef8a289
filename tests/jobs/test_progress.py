"""While a job is worked on a document tells how far it is; when it has ended, however that was, there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from content import client_of, fill
from world import World

from shared.clock import Deadline
from shared.contents import ENTRIES
from shared.jobs.cancel import cancel_job
from shared.jobs.part import run_part
from shared.jobs.ports import Ports
from shared.jobs.progress import EVERY_S, Teller, reading_of
from shared.jobs.restore import run_restore
from shared.jobs.sweep import sweep
from shared.models.jobs import PartRequest, RestoreRequest, SnapshotRequest
from shared.models.progress import ProgressDocument
from shared.state.contract import Task, TaskId, TaskState

NewWorld = Callable[..., World]


class HandClock:
    """Moves when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Slow:
    """A source whose every batch waits for a look at what is shown."""

    def __init__(self, source: Any, look: Callable[[], None]) -> None:
        self._source = source
        self._look = look

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, *args: Any) -> Iterator[Any]:
        for batch in self._source.read(*args):
            yield batch
            self._look()


def begun(new_world: NewWorld) -> World:
    world = new_world()
    fill(client_of(world.settings.project))
    world._deliver("backup-snapshot", SnapshotRequest(backup_id="b1").to_message())
    return world


def deliver_all(world: World) -> None:
    while world.queue.waiting:
        topic, message = world.queue.waiting.popleft()
        world._deliver(topic, message)


def watched(world: World, job: str, seen: list[ProgressDocument]) -> Ports:
    """Ports whose source waits until something new is shown."""
    ports = replace(world.ports(), heartbeat_s=0.02)

    def look() -> None:
        for _ in range(200):
            shown = ports.board.shown(job)
            if shown is not None:
                seen.append(shown)
                return
            threading.Event().wait(0.02)

    return replace(ports, sources={**ports.sources, ENTRIES: Slow(ports.sources[ENTRIES], look)})


def test_a_backup_shows_its_parts_while_they_are_read_and_nothing_at_the_end(new_world: NewWorld) -> None:
    world, seen = begun(new_world), list[ProgressDocument]()
    run_part(watched(world, "b1", seen), PartRequest(backup_id="b1", part=0), Deadline(world.clock, None))
    shown = seen[-1]
    assert (shown.kind, shown.phase, shown.state) == ("snapshot", "reading", "running")
    assert shown.parts == len(world.ports().ledger.parts("b1"))
    assert shown.parts_done == 0
    assert shown.started_at <= shown.updated_at
    items, size = world.ports().board.read_by_parts("b1")
    done = world.ports().ledger.load(TaskId("b1", 0)).data
    assert (items, size) == (done["items"], done["size"])
    deliver_all(world)
    assert world.ports().board.all_shown() == []
    assert world.ports().board.read_by_parts("b1")[0] == world.ports().catalog.backup("b1").metadata.items


def test_a_restore_shows_what_it_writes_and_of_how_much(new_world: NewWorld) -> None:
    world, seen = begun(new_world), list[ProgressDocument]()
    deliver_all(world)
    client_of(world.settings.project).document("users/u001").delete()
    request = RestoreRequest(recovery_id="r1", backup_id="b1")
    run_restore(watched(world, "r1", seen), request, Deadline(world.clock, None))
    assert seen[0].kind == "restore"
    assert seen[0].phase in ("writing", "checking")
    assert seen[0].total == world.repository().manifest("b1").roots[ENTRIES].count
    assert world.ports().board.all_shown() == []


def test_a_cancelled_job_shows_nothing_any_more(new_world: NewWorld) -> None:
    world = begun(new_world)
    Teller(world.ports())(world.ports().ledger.load(TaskId("b1")))
    assert world.ports().board.all_shown() == ["b1"]
    cancel_job(world.ports(), "b1", "ada")
    assert world.ports().board.all_shown() == []


def test_a_sweep_takes_down_what_a_late_beat_left(new_world: NewWorld) -> None:
    world = begun(new_world)
    Teller(world.ports())(world.ports().ledger.load(TaskId("b1")))
    job = world.ports().ledger.load(TaskId("b1"))
    sweep(world.ports())
    assert world.ports().board.all_shown() == ["b1"]
    deliver_all(world)
    Teller(world.ports())(job)
    Teller(world.ports())(replace(job, id=TaskId("never-was")))
    assert len(world.ports().board.all_shown()) == 2
    sweep(world.ports())
    assert world.ports().board.all_shown() == []


def restoring(applied: int, **data: Any) -> Task:
    return Task(
        TaskId("r1"), TaskState.RUNNING, {"kind": "restore", "liveApplied": applied, "total": 1000, **data}
    )


def test_the_rate_and_the_time_left_are_of_the_present_phase(new_world: NewWorld) -> None:
    clock = HandClock()
    ports = replace(new_world().ports(), clock=clock)
    tell = Teller(ports)
    tell(restoring(100))
    first = ports.board.shown("r1")
    assert first is not None
    assert (first.items, first.rate, first.seconds_left) == (100, None, None)
    clock.sleep(10)
    tell(restoring(300))
    second = ports.board.shown("r1")
    assert second is not None
    assert (second.items, second.rate, second.seconds_left) == (300, 20.0, 35)
    clock.sleep(10)
    tell(restoring(1000, phase="check", liveChecked=40))
    third = ports.board.shown("r1")
    assert third is not None
    assert (third.phase, third.items, third.rate) == ("checking", 40, None)


def test_it_is_told_every_few_seconds_at_most(new_world: NewWorld) -> None:
    clock = HandClock()
    ports = replace(new_world().ports(), clock=clock)
    tell, seen = Teller(ports), set()
    for number in range(100):
        tell(restoring(number))
        shown = ports.board.shown("r1")
        assert shown is not None
        seen.add(shown.items)
        clock.sleep(EVERY_S / 10)
    assert len(seen) == 10


@pytest.mark.parametrize(
    ("kind", "data", "phase"),
    [
        ("verify", {}, "trees"),
        ("verify", {"state": '{"stage": "packs"}'}, "packs"),
        ("rotate", {}, "rotating"),
        ("restore", {}, "writing"),
        ("snapshot", {}, "planning"),
    ],
)
def test_every_kind_of_job_can_be_read_before_it_has_told_anything(
    kind: str, data: dict[str, Any], phase: str
) -> None:
    reading = reading_of(Task(TaskId("j"), TaskState.RUNNING, {"kind": kind, **data}), (0, 0))
    assert (reading.phase, reading.items, reading.total) == (phase, 0, None)
