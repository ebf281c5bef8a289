"""What a tick of the scheduler asks for: each planned time once, whatever is killed, delivered twice or not valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from content import client_of, fill
from world import Crash, Fuse, Fused, World

from shared.errors import BadInput, Busy, FirekeepError, NotFound
from shared.jobs.ports import Ports, Report
from shared.jobs.tick import run_id, tick
from shared.models.config import Schedule
from shared.models.jobs import Asked, RestoreRequest, SnapshotRequest, Target
from shared.models.schedules import BackupSchedule, ScheduledRecovery
from shared.models.sets import BackupOptions, BackupSet

NewWorld = Callable[..., World]

NIGHT = Schedule(frequency="daily", time="03:30", timezone="UTC")
START = datetime(2027, 5, 5, 14, tzinfo=UTC)
CONFIG: dict[str, Any] = {
    "automatic": {
        "enabled": True,
        "schedule": NIGHT.to_document(),
        "retention": {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"},
        "storage": {"provider": "local", "path": "backups", "compression": True, "encryption": True},
    },
    "manual": {"enabled": True, "maxSize": 0, "formats": [], "validation": False, "encryption": True},
    "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": True},
}
ELSEWHERE = Target(project="demo-staging")


class Hands:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Ticking:
    """A world whose scheduler ticks when it is told to."""

    def __init__(self, world: World, **automatic: Any) -> None:
        self.world = world
        self.clock = Hands(START)
        self.client = client_of(world.settings.project)
        self.configure(automatic=CONFIG["automatic"] | automatic)

    def configure(self, **changed: Any) -> None:
        self.client.document("backupConfig/main").set(CONFIG | changed)

    def save(self, name: str, **fields: Any) -> None:
        kind = {} if "recovery" in fields else {"backup": Asked()}
        fields = {"schedule": NIGHT, **kind, **fields}
        self.world.ports().catalog.save_preset(BackupSchedule(name=name, **fields))

    def ports(self, fuse: Fuse | None = None) -> Ports:
        ports = replace(self.world.ports(), clock=self.clock)
        if fuse is None:
            return ports
        return replace(
            ports,
            publisher=Fused(self.world.queue, fuse, ("publish",)),
            schedules=Fused(ports.schedules, fuse, ("save_state", "drop_state")),
        )

    def at(self, text: str, fuse: Fuse | None = None) -> Report:
        self.clock.at = datetime.fromisoformat(text).astimezone(UTC)
        return tick(self.ports(fuse))

    def sent(self) -> list[SnapshotRequest | RestoreRequest]:
        """What waits in the topics; they are empty then."""
        found = []
        while self.world.queue.waiting:
            topic, message = self.world.queue.waiting.popleft()
            kind = SnapshotRequest if topic == "backup-snapshot" else RestoreRequest
            found.append(kind.from_message(message))
        return found

    def state(self, name: str) -> dict[str, Any]:
        return self.client.document(f"backupScheduleState/{name}").get().to_dict() or {}

    def done(self, backup_id: str, status: str = "completed") -> None:
        """As if the backup had run."""
        world = self.world
        world.snapshot(backup_id)
        world.queue.waiting.clear()
        self.client.document(f"backups/{backup_id}").update({"status": status})


@pytest.fixture
def ticking(new_world: NewWorld) -> Ticking:
    return Ticking(new_world())


def test_a_new_schedule_begins_with_its_next_time_and_runs_once_for_each(ticking: Ticking) -> None:
    assert ticking.at("2027-05-05T14:00Z").facts == {"automatic": "first seen"}
    assert ticking.at("2027-05-06T03:25Z").facts == {"automatic": "waiting"}
    assert ticking.sent() == []
    assert ticking.at("2027-05-06T03:30Z").outcome == "1 started"
    assert ticking.sent() == [
        SnapshotRequest(
            backup_id="automatic-20270506T033000Z", type="automatic", requested_by="schedule automatic"
        )
    ]
    for late in ("03:30", "03:30", "03:35", "23:59"):
        assert ticking.at(f"2027-05-06T{late}Z").facts == {"automatic": "waiting"}
    assert ticking.sent() == []


def test_what_a_tick_asks_for_becomes_a_backup(new_world: NewWorld) -> None:
    world = new_world()
    ticking = Ticking(world)
    fill(ticking.client)
    ticking.at("2026-11-23T14:00Z")
    ticking.at("2026-11-24T04:00Z")
    world.run(*world.queue.waiting.popleft())
    backup = world.ports().catalog.backup("automatic-20261124T033000Z")
    assert (backup.type, backup.status) == ("automatic", "completed")
    assert not any(name.startswith("backup") for name in backup.content.entries)


def test_days_without_a_tick_are_made_up_for_once(ticking: Ticking) -> None:
    ticking.at("2027-05-05T14:00Z")
    ticking.at("2027-05-06T03:30Z")
    ticking.at("2027-05-16T20:00Z")
    ticking.at("2027-05-17T03:30Z")
    assert [one.backup_id for one in ticking.sent()] == [
        "automatic-20270506T033000Z",
        "automatic-20270516T033000Z",
        "automatic-20270517T033000Z",
    ]
    assert ticking.state("automatic")["reason"] == "planned for 2027-05-17T03:30:00Z"


def test_what_is_switched_off_passes_over_its_times(ticking: Ticking) -> None:
    ticking.at("2027-05-05T14:00Z")
    ticking.configure(automatic=CONFIG["automatic"] | {"enabled": False})
    assert ticking.at("2027-05-06T04:00Z").facts == {"automatic": "off"}
    assert ticking.state("automatic")["outcome"] == "off"
    ticking.configure()
    assert ticking.at("2027-05-06T14:00Z").facts == {"automatic": "waiting"}
    assert ticking.at("2027-05-07T03:30Z").outcome == "1 started"


@pytest.mark.parametrize(
    ("status", "outcome"), [("in_progress", "overlap"), ("pending", "overlap"), ("failed", "due")]
)
def test_a_run_that_still_goes_on_is_not_joined_by_another(
    ticking: Ticking, status: str, outcome: str
) -> None:
    ticking.at("2027-05-05T14:00Z")
    ticking.at("2027-05-06T03:30Z")
    ticking.done("automatic-20270506T033000Z", status)
    assert ticking.at("2027-05-07T03:30Z").facts == {"automatic": outcome}
    assert ticking.state("automatic")["outcome"] == outcome
    assert ticking.at("2027-05-07T03:35Z").facts == {"automatic": "waiting"}


def test_a_run_that_never_ended_does_not_stop_the_schedule_for_ever(ticking: Ticking) -> None:
    ticking.at("2027-05-05T14:00Z")
    ticking.at("2027-05-06T03:30Z")
    ticking.done("automatic-20270506T033000Z", "in_progress")
    assert ticking.at("2027-05-07T03:30Z").facts == {"automatic": "overlap"}
    assert ticking.at("2027-05-08T03:30Z").facts == {"automatic": "due"}


def test_each_schedule_asks_for_its_own_and_counts_as_automatic(ticking: Ticking) -> None:
    options = BackupOptions(validation="data")
    ticking.save("shop", backup=Asked(set="shop", options=options))
    ticking.save("off", enabled=False)
    ticking.save("x" * 100, schedule=NIGHT.changed(timezone="Asia/Kathmandu"))
    ticking.at("2027-05-05T14:00Z")
    facts = ticking.at("2027-05-06T03:30Z").facts
    assert facts == {"automatic": "due", "shop": "due", "off": "off", "x" * 100: "due"}
    asked = {one.backup_id: one for one in ticking.sent()}
    assert list(asked) == [
        "automatic-20270506T033000Z",
        "shop-20270506T033000Z",
        f"{'x' * 100}-20270505T214500Z",
    ]
    shop = asked["shop-20270506T033000Z"]
    assert isinstance(shop, SnapshotRequest)
    assert (shop.set, shop.options, shop.type) == ("shop", options, "automatic")


def test_a_scheduled_recovery_restores_the_newest_complete_run_elsewhere(ticking: Ticking) -> None:
    fill(ticking.client)
    for name in ("automatic-20270504T033000Z", "automatic-20270505T033000Z", "automatic-x-20270506T033000Z"):
        ticking.done(name)
    ticking.done("automatic-20270506T033000Z", "failed")
    ticking.save("staging", recovery=ScheduledRecovery(target=ELSEWHERE, exact=True))
    ticking.at("2027-05-05T14:00Z")
    ticking.at("2027-05-06T03:30Z")
    assert ticking.sent()[1:] == [
        RestoreRequest(
            recovery_id="staging-20270506T033000Z",
            backup_id="automatic-20270505T033000Z",
            target=ELSEWHERE,
            exact=True,
            requested_by="schedule staging",
        )
    ]


def test_a_recovery_without_a_backup_is_refused_once_and_the_next_time_is_another(ticking: Ticking) -> None:
    ticking.save("staging", recovery=ScheduledRecovery(target=ELSEWHERE, of="shop"))
    ticking.at("2027-05-05T14:00Z")
    with pytest.raises(NotFound, match="no backup of the schedule shop is complete"):
        ticking.at("2027-05-06T03:30Z")
    assert [one.backup_id for one in ticking.sent()] == ["automatic-20270506T033000Z"]
    assert ticking.state("staging")["outcome"] == "refused"
    assert "shop" in ticking.state("staging")["reason"]
    assert ticking.at("2027-05-06T03:35Z").facts["staging"] == "waiting"


def test_no_schedule_restores_in_place_and_none_does_where_recovery_is_switched_off(ticking: Ticking) -> None:
    here = Target(project=ticking.world.settings.project)
    ticking.save("here", recovery=ScheduledRecovery(target=here))
    ticking.save("there", recovery=ScheduledRecovery(target=ELSEWHERE))
    ticking.configure(recovery=CONFIG["recovery"] | {"enabled": False})
    for text in ("2027-05-05T14:00Z", "2027-05-06T03:30Z"):
        with pytest.raises(BadInput, match="would overwrite what is backed up"):
            ticking.at(text)
    assert [one.backup_id for one in ticking.sent()] == ["automatic-20270506T033000Z"]
    assert ticking.state("there")["outcome"] == "off"
    assert ticking.state("here") == {}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"name": "bad"}, "schedule: missing"),
        ({"name": "other", "schedule": NIGHT.to_document(), "backup": {}}, "another name"),
        ({"name": "bad", "schedule": NIGHT.to_document()}, "either backup or recovery"),
        ({"name": "bad", "schedule": NIGHT.to_document(), "recovery": {}}, "recovery.target: missing"),
        (
            {"name": "bad", "schedule": NIGHT.to_document() | {"timezone": "Mars/Base"}, "backup": {}},
            "timezone",
        ),
    ],
)
def test_a_schedule_that_is_not_valid_keeps_no_other_from_its_time(
    ticking: Ticking, document: dict[str, Any], told: str
) -> None:
    ticking.client.document("backupSchedules/bad").set(document)
    ticking.save("good")
    for text in ("2027-05-05T14:00Z", "2027-05-06T03:30Z"):
        with pytest.raises(BadInput, match=told):
            ticking.at(text)
    assert [one.backup_id for one in ticking.sent()] == [
        "automatic-20270506T033000Z",
        "good-20270506T033000Z",
    ]


def test_a_configuration_that_was_never_valid_stops_only_its_own_schedule(ticking: Ticking) -> None:
    ticking.configure(manual={})
    ticking.save("good")
    for text in ("2027-05-05T14:00Z", "2027-05-06T03:30Z"):
        with pytest.raises(BadInput, match="manual"):
            ticking.at(text)
    assert [one.backup_id for one in ticking.sent()] == ["good-20270506T033000Z"]


def test_without_a_configuration_there_is_no_automatic_backup(ticking: Ticking) -> None:
    ticking.at("2027-05-05T14:00Z")
    assert ticking.state("automatic")
    ticking.client.document("backupConfig/main").delete()
    assert ticking.at("2027-05-06T03:30Z").facts == {}
    assert (ticking.sent(), ticking.state("automatic")) == ([], {})


def test_a_schedule_that_is_deleted_and_made_again_begins_anew(ticking: Ticking) -> None:
    ticking.save("shop")
    ticking.at("2027-05-05T14:00Z")
    ticking.world.ports().catalog.drop_preset(BackupSchedule, "shop")
    ticking.at("2027-05-05T15:00Z")
    assert ticking.state("shop") == {}
    ticking.save("shop")
    assert ticking.at("2027-05-09T14:00Z").facts["shop"] == "first seen"


def test_what_cannot_be_read_of_the_past_is_begun_anew(ticking: Ticking) -> None:
    ticking.client.document("backupScheduleState/automatic").set({"since": "yesterday"})
    assert ticking.at("2027-05-05T14:00Z").facts == {"automatic": "first seen"}
    assert ticking.at("2027-05-06T03:30Z").facts == {"automatic": "due"}


def outcome_of_killed(new_world: NewWorld, at: int) -> tuple[Fuse, list[str]]:
    """Ticks every five minutes over two nights, killed once, at moment `at`; what was sent, by id."""
    ticking = Ticking(new_world())
    ticking.save("shop", backup=Asked(set="shop"))
    fuse = Fuse(at)
    for text in (
        "05-05T14:00",
        "05-05T14:05",
        "05-06T03:30",
        "05-06T03:35",
        "05-07T03:30",
        "05-07T03:35",
        "05-07T03:40",
    ):
        try:
            ticking.at(f"2027-{text}Z", fuse)
        except Crash:
            continue
    sent = ticking.sent()
    assert all(one == other for one in sent for other in sent if one.backup_id == other.backup_id)
    return fuse, [one.backup_id for one in sent]


def test_killed_at_any_moment_every_run_is_asked_for_and_none_under_two_names(new_world: NewWorld) -> None:
    whole, sent = outcome_of_killed(new_world, 10_000)
    assert len(sent) == 4
    assert len(whole.moments) > 20
    for moment in range(1, len(whole.moments) + 1):
        fuse, found = outcome_of_killed(new_world, moment)
        assert fuse.blown, "nothing was killed: the test proves nothing"
        assert sorted(set(found)) == sorted(sent), fuse.moments[-1]


def test_of_two_ticks_at_once_one_decides(ticking: Ticking) -> None:
    ticking.at("2027-05-05T14:00Z")
    ticking.clock.at = datetime(2027, 5, 6, 3, 30, tzinfo=UTC)
    first = ticking.ports()

    class Slow:
        """Lets another tick run between what it reads and what it writes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(first.schedules, name)

        def states(self) -> Any:
            found = first.schedules.states()
            assert tick(ticking.ports()).facts == {"automatic": "due"}
            return found

    assert tick(replace(first, schedules=Slow())).facts == {"automatic": "left to another tick"}
    assert [one.backup_id for one in ticking.sent()] == ["automatic-20270506T033000Z"]


def test_a_topic_that_cannot_be_reached_is_tried_again_by_the_next_tick(ticking: Ticking) -> None:
    class Down:
        def publish(self, topic: str, messages: Any) -> None:  # the port's signature
            raise Busy("nobody there")

    ticking.save("shop")
    ticking.at("2027-05-05T14:00Z")
    ticking.clock.at = datetime(2027, 5, 6, 3, 30, tzinfo=UTC)
    with pytest.raises(FirekeepError):
        tick(replace(ticking.ports(), publisher=Down()))
    assert ticking.sent() == []
    ticking.at("2027-05-06T03:35Z")
    assert [one.backup_id for one in ticking.sent()] == [
        "automatic-20270506T033000Z",
        "shop-20270506T033000Z",
    ]


def test_a_run_s_name_is_an_id_whatever_the_schedule_s() -> None:
    assert len(run_id("x" * 100, START)) <= 128
    SnapshotRequest(backup_id=run_id("x" * 100, START))
    with pytest.raises(BadInput, match="configuration's own"):
        BackupSchedule.from_document({"name": "automatic", "schedule": NIGHT.to_document(), "backup": {}})


def test_a_set_that_is_gone_shows_as_a_failed_backup_of_its_schedule(ticking: Ticking) -> None:
    ticking.save("shop", backup=Asked(set="shop"))
    ticking.at("2027-05-05T14:00Z")
    ticking.at("2027-05-06T03:30Z")
    world = ticking.world
    message = next(one for one in world.queue.waiting if b"shop-" in one[1])
    world.queue.waiting.clear()
    world.run(*message)
    backup = world.ports().catalog.backup("shop-20270506T033000Z")
    assert (backup.status, backup.type) == ("failed", "automatic")
    assert list(world.ports().catalog.presets(BackupSet)) == []
