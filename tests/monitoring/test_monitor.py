"""The monitor over a month: what is told, once each, whatever is delivered twice, fails, or dies on the way."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from monitor_scene import DAY, HOUR, START, Scene

from emulators.firestore import FirestoreEmulator
from shared.errors import Busy
from shared.format.manifest import Selected
from shared.jobs.monitor import status
from shared.jobs.statistics import statistics
from shared.models import Recovery
from shared.models.collections import HEALTH, MAIN
from shared.models.retention import RotationState

_numbers = itertools.count()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    os.environ["FIRESTORE_EMULATOR_HOST"] = found = emulator.start()
    yield found
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    emulator.stop()


@pytest.fixture
def scene(address: str, tmp_path: Path) -> Scene:
    return Scene(tmp_path, address, f"demo-monitor-{next(_numbers)}")


@pytest.fixture
def running(scene: Scene) -> Scene:
    """With a schedule, and four backups of the last days."""
    scene.configure()
    for number in range(4):
        scene.clock.at = START + number * DAY
        scene.backup(f"b{number}")
    scene.tick()
    return scene


def test_a_month_of_ticks_many_delivered_twice(scene: Scene) -> None:
    """A backup each night at three but on some; a look every six hours."""
    scene.configure()
    heard = scene.ears[0]
    for day in range(31):
        for hour in (3, 9, 15, 21):
            scene.clock.at = START.replace(hour=hour) + day * DAY + timedelta(minutes=5)
            if hour == 3:
                _night(scene, day)
            scene.ears[1].deaf = day == 22
            scene.tick()
            if hour == 3:
                scene.tick()
        assert heard.heard == [] or day >= 10
    assert heard.told == [
        "+late",  # day 10 has no backup
        "+missing",  # neither has the next
        "-late",  # day 13 has one
        "-missing",
        "+failed",  # day 17
        "+late",
        "-failed",
        "-late",
        "+damaged",  # day 20, mended on day 21
        "-damaged",
        "+mass_deletion",  # day 23: nearly all is gone
        "+unusual_size",
        "-mass_deletion",  # day 24: it is back
        "-unusual_size",
    ]
    assert scene.ears[1].told == heard.told
    assert len({notice.id for notice in heard.heard}) == len(heard.heard)
    health = scene.store.health()
    assert health is not None
    assert (health.state, health.alerts, health.completed_id) == ("ok", (), "b30")


def _night(scene: Scene, day: int) -> None:
    if day in (10, 11, 12):
        return
    if day == 17:
        scene.fail("b17")
        return
    if day == 20:
        scene.damage("b19", "corrupt: a pack")
    if day == 21:
        scene.damage("b19")
    small = day == 23
    scene.backup(f"b{day}", items=10 if small else 1_000, size=100_000 if small else 10_000_000 + day)


def test_nothing_is_told_while_all_is_well(running: Scene) -> None:
    assert (running.ears[0].told, running.tick().outcome) == ([], "ok")


def test_the_health_document_tells_how_it_is(running: Scene) -> None:
    running.switch(max_size=1_000_000_000)
    running.clock.at += HOUR
    running.tick()
    health = running.store.health()
    assert health is not None
    assert health.recovery_point == START + 3 * DAY
    assert (health.recovery_point_age, health.objective) == (3_600, 26 * 3_600)
    assert health.next_planned == (START + 4 * DAY).replace(hour=3)
    assert (health.completed_id, health.verified, health.proven) == ("b3", START + 3 * DAY, None)
    assert health.storage is not None
    assert health.storage.bytes > 0
    assert (health.storage.limit, health.storage.per_day) == (1_000_000_000, 1_000_000)
    assert health.cost.last_30_days > 0
    assert [(one.name, one.error) for one in health.channels] == [("first", ""), ("second", "")]


def test_a_proof_that_a_drill_wrote_stays(running: Scene) -> None:
    running.client.collection(HEALTH).document(MAIN).update({"proven": START})
    running.tick()
    health = running.store.health()
    assert health is not None
    assert health.proven == START
    # A drill that ends while a look goes on is not undone by it.
    running.store.save_health(health.changed(proven=None, objective=None))
    after = running.store.health()
    assert after is not None
    assert (after.proven, after.objective) == (START, None)


def test_a_channel_that_fails_is_shown_tried_again_and_stops_nothing(running: Scene) -> None:
    first, second = running.ears
    first.deaf = True
    running.fail("f1")
    running.clock.at += HOUR
    assert running.tick().outcome == "attention"
    assert (first.told, second.told) == ([], ["+failed"])
    health = running.store.health()
    assert health is not None
    assert [(one.name, bool(one.error), one.since) for one in health.channels] == [
        ("first", True, running.clock.at),
        ("second", False, None),
    ]
    first.deaf = False
    running.backup("b4")
    running.tick()
    assert first.told == second.told == ["+failed", "-failed"]
    health = running.store.health()
    assert health is not None
    assert (health.state, {one.error for one in health.channels}) == ("ok", {""})


def test_after_a_day_a_channel_is_not_told_any_more(running: Scene) -> None:
    first, second = running.ears
    first.deaf = True
    running.fail("f1")
    running.tick()
    running.clock.at += DAY
    assert running.tick().facts["untold"] <= 1  # of the backup that is late by now
    first.deaf = False
    running.tick()
    assert "+failed" not in first.told
    assert second.told[0] == "+failed"


def test_two_looks_at_once_tell_once(running: Scene) -> None:
    running.fail("f1")

    class Slow(type(running.ears[0])):  # type: ignore[misc]
        def __call__(self, notice: Any) -> None:
            with pytest.raises(Busy):
                running.tick()
            super().__call__(notice)

    slow = Slow("slow")
    running.channels = lambda: [slow]
    running.tick()
    assert slow.told == ["+failed"]


class Died(BaseException):
    """The process died here."""


class Dying:
    """The store, and the process that dies before or after its n-th write."""

    def __init__(self, store: Any, at: int) -> None:
        self._store = store
        self._left = at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("claim", "save", "save_health", "save_statistics"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._step()
            answer = found(*args, **kwargs)
            self._step()
            return answer

        return call

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Died


def test_a_look_that_dies_anywhere_is_gone_on_with(running: Scene) -> None:
    deaths = 0
    for at in range(1, 40):
        for ear in running.ears:
            ear.heard.clear()
        running.clock.at = START + 3 * DAY + at * 20 * timedelta(minutes=1)
        running.fail(f"f{at}")
        try:
            running.tick(Dying(running.store, at))
        except Died:
            deaths += 1
        running.clock.at += timedelta(minutes=16)
        running.tick()
        for ear in running.ears:
            ids = [one.id for one in ear.heard]
            assert set(ear.told) == {"+failed"}
            assert len(set(ids)) == 1
        # A death between telling one channel and writing it down tells that one again, and nothing else does.
        assert sum(len(ear.heard) for ear in running.ears) <= len(running.ears) + 1
        running.backup(f"good{at}")
        running.tick()
        if deaths < at:
            break
    assert deaths >= 10


def test_switches(running: Scene) -> None:
    running.fail("f1")
    running.switch(enabled=False)
    assert running.tick().outcome == "off"
    running.switch(alerts=False)
    report = running.tick()
    assert (report.outcome, report.facts["began"], running.ears[0].told) == (
        "attention",
        ["the last backup failed: f1, incomplete"],
        [],
    )
    # Switched on again, what is known is not told.
    running.switch(logging=False)
    running.backup("b4")
    assert running.tick().facts["over"] == []
    assert running.ears[0].told == ["-failed"]


def test_a_repository_that_is_away_is_told_when_it_stays_away(running: Scene) -> None:
    folder = Path(running.settings.repository)
    folder.rename(folder.with_name("away"))
    running.clock.at += HOUR
    assert running.tick().outcome == "ok"
    assert status(running.watch()).state == "attention"
    running.tick()
    assert running.ears[0].told == ["+missing"]
    folder.with_name("away").rename(folder)
    running.tick()
    assert running.ears[0].told == ["+missing", "-missing"]


def test_a_backup_that_only_the_catalog_knows_is_told(running: Scene) -> None:
    (Path(running.settings.repository) / "snapshots" / "b1").unlink()
    running.tick()
    assert running.ears[0].told == []
    running.tick()
    assert running.ears[0].told == ["+missing"]
    assert "b1" in running.ears[0].heard[0].message


@pytest.mark.parametrize("contents", [("entries",), ("entries", "users")])
def test_a_backup_of_a_part_is_no_recovery_point(running: Scene, contents: tuple[str, ...]) -> None:
    running.clock.at += 30 * HOUR
    running.backup("part", contents=contents, selection={"entries": Selected(("users",))})
    running.tick()
    assert running.ears[0].told == ["+late"]


def test_rotation_that_stopped_is_told(running: Scene) -> None:
    running.ports.catalog.save_rotation_state(RotationState(frozen=True, reason="60 of 100 entries are gone"))
    running.tick()
    assert running.ears[0].told == ["+mass_deletion"]
    assert "60 of 100 entries" in running.ears[0].heard[0].message


def test_storage_near_its_limit_is_told(running: Scene) -> None:
    health = running.store.health()
    assert health is not None
    assert health.storage is not None
    running.switch(max_size=int(health.storage.bytes / 0.95))
    running.tick()
    assert running.ears[0].told == ["+near_limit"]


def test_status_writes_nothing_and_tells_nobody(running: Scene) -> None:
    running.fail("f1")
    before = running.store.state()
    found = status(running.watch())
    assert ([one.kind for one in found.alerts], found.state) == (["failed"], "attention")
    assert (running.store.state(), running.ears[0].told) == (before, [])


def test_a_system_that_was_just_set_up_is_not_late(scene: Scene) -> None:
    scene.configure()
    assert scene.tick().outcome == "ok"
    scene.clock.at += 25 * HOUR
    assert scene.tick().outcome == "ok"
    scene.clock.at += 2 * HOUR
    scene.tick()
    assert scene.ears[0].told == ["+late"]


def test_without_anything_configured_the_monitor_looks_all_the_same(scene: Scene) -> None:
    assert scene.tick().outcome == "ok"
    assert scene.store.health() is not None


def test_statistics_outlive_their_backups_and_are_the_same_when_made_again(running: Scene) -> None:
    first = statistics(running.ports, running.store, START - DAY)
    assert [one.id for one in first] == ["b0", "b1", "b2", "b3"]
    (Path(running.settings.repository) / "snapshots" / "b0").unlink()
    running.client.collection("backupStatistics").document("b2").delete()
    assert statistics(running.ports, running.store, START - DAY) == first
    assert [one.id for one in statistics(running.ports, running.store, START + 2 * DAY)] == ["b2", "b3"]


def test_recoveries_have_statistics_once_they_have_ended(running: Scene) -> None:
    recovery = Recovery.from_document(
        {
            "id": "r1",
            "backupId": "b1",
            "status": "in_progress",
            "metadata": {"startedAt": START, "items": 7, "size": 70},
            "content": {"entries": [], "media": [], "settings": [], "users": []},
            "validation": {"verified": False, "checksum": ""},
            "rollback": {"enabled": False},
        }
    )
    running.ports.catalog.save_recovery(recovery)
    assert "r1" not in {one.id for one in statistics(running.ports, running.store, START - DAY)}
    ended = recovery.metadata.changed(completed_at=START + HOUR)
    running.ports.catalog.save_recovery(recovery.changed(status="completed", metadata=ended))
    (found,) = (one for one in statistics(running.ports, running.store, START - DAY) if one.id == "r1")
    assert (found.kind, found.items, found.seconds) == ("recovery", 7, 3_600)
