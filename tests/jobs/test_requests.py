"""A request shows what became of it on its own document; a configuration is answered beside, and a bad one is not
in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from content import client_of, fill
from world import Crash, Fuse, Fused, World

from shared.errors import BadInput, Busy, FirekeepError
from shared.jobs.configuration import check_configuration
from shared.jobs.request import accept_request
from shared.models.answers import RequestAnswer, without_answer
from shared.models.jobs import BackupRequest

NewWorld = Callable[..., World]
GOOD: dict[str, Any] = {
    "automatic": {
        "enabled": True,
        "schedule": {"frequency": "daily", "time": "03:30", "timezone": "UTC"},
        "retention": {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"},
        "storage": {"provider": "local", "path": "backups", "compression": True, "encryption": True},
    },
    "manual": {"enabled": True, "maxSize": 0, "formats": [], "validation": False, "encryption": True},
    "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": True},
}
STORAGE: dict[str, Any] = {
    "provider": "local",
    "settings": {"path": "backups", "maxSize": 0, "compression": True, "encryption": True},
    "rotation": {"enabled": True, "strategy": "time", "maxAge": 30, "maxSize": 0, "maxCount": 0},
    "monitoring": {"enabled": True, "alerts": True, "metrics": True, "logging": True},
}


class Office:
    """Where documents are written by people and answered by functions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = client_of(world.settings.project)
        fill(self.client)

    def write(self, path: str, document: dict[str, Any]) -> None:
        self.client.document(path).set(document)

    def read(self, path: str) -> dict[str, Any]:
        return self.client.document(path).get().to_dict() or {}

    def ask(self, request_id: str, **fields: Any) -> None:
        document = {"requestedBy": "uid", "requestedAt": self.world.clock.now(), **fields}
        self.write(f"backupRequests/{request_id}", document)

    def accept(self, request_id: str) -> str:
        return accept_request(self.world.ports(), request_id).outcome

    def work(self) -> None:
        while self.world.queue.waiting:
            self.world.run(*self.world.queue.waiting.popleft())

    def answer(self, request_id: str) -> dict[str, Any]:
        found = self.read(f"backupRequests/{request_id}")
        return {name: found.get(name) for name in ("status", "reason", "backupId") if name in found}

    def configure(self, document: dict[str, Any], name: str = "main") -> str:
        self.write(f"backupConfig/{name}", document)
        return check_configuration(self.world.ports(), name).outcome

    def status(self, name: str = "main") -> dict[str, Any]:
        return self.read(f"backupConfigStatus/{name}")


@pytest.fixture
def office(new_world: NewWorld) -> Office:
    return Office(new_world())


def test_a_request_is_accepted_and_then_done_with_its_backup(office: Office) -> None:
    office.ask("r1")
    assert office.accept("r1") == "accepted"
    assert office.answer("r1") == {"status": "accepted", "backupId": "r1"}
    office.work()
    assert office.answer("r1") == {"status": "done", "backupId": "r1"}
    assert office.read("backups/r1")["status"] == "completed"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"set": "nothing"}, "no backup set 'nothing'"),
        ({"set": "a", "template": "b"}, "exclude one another"),
        ({"everything": True}, "everything: unknown field"),
        ({"requestedBy": ""}, "requestedBy"),
        ({"status": "done"}, "status: unknown field"),
        ({"options": {"formats": ["csv"]}}, "csv is not allowed"),
        ({"selection": {"media": {"include": []}}}, "media"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_the_reason(
    office: Office, fields: dict[str, Any], told: str
) -> None:
    office.write("backupConfig/main", GOOD)
    office.ask("r1", **fields)
    try:
        office.accept("r1")
    except FirekeepError as error:
        assert not error.retryable  # acknowledged
    office.work()
    answer = office.answer("r1")
    assert answer["status"] == "refused"
    assert told in answer["reason"]
    assert office.read("backups/r1")["status"] == "failed"
    assert list(office.world.repository().snapshots()) == []


def test_a_request_whose_id_no_backup_can_have_is_refused_on_its_document(office: Office) -> None:
    office.ask("größe")
    with pytest.raises(BadInput, match="cannot be the id"):
        office.accept("größe")
    assert office.answer("größe")["status"] == "refused"
    assert office.read("backups/größe") == {}


def test_delivered_again_a_request_is_the_same_backup_and_its_answer_never_goes_back(office: Office) -> None:
    office.ask("r1")
    for _ in range(2):
        assert office.accept("r1") == "accepted"
    office.work()
    before = office.read("backupRequests/r1")
    assert office.accept("r1") == "accepted"
    office.work()
    assert office.read("backupRequests/r1") == before
    assert before["status"] == "done"
    assert list(office.world.repository().snapshots()) == ["r1"]


def test_a_backup_that_fails_on_the_way_is_told_as_failed(office: Office) -> None:
    office.write("backupConfig/main", GOOD)
    office.ask("r1", options={"maxSize": 10})
    office.accept("r1")
    office.work()
    assert office.answer("r1")["status"] == "failed"
    assert "maxSize" in office.answer("r1")["reason"]


def test_a_request_that_was_deleted_is_not_made_anew_by_its_answer(office: Office) -> None:
    office.ask("r1")
    office.accept("r1")
    office.client.document("backupRequests/r1").delete()
    office.work()
    assert not office.client.document("backupRequests/r1").get().exists
    assert office.read("backups/r1")["status"] == "completed"
    assert office.accept("r1") == "gone"


def test_a_backup_that_nobody_asked_for_so_is_answered_nowhere(office: Office) -> None:
    office.world.snapshot("b1")
    assert list(office.client.collection("backupRequests").stream()) == []


def test_killed_around_its_answer_a_request_still_ends_as_done(new_world: NewWorld) -> None:
    for moment in range(1, 5):
        office = Office(new_world())
        office.ask("r1")
        fuse = Fuse(moment)
        ports = office.world.ports()
        fused = replace(
            ports,
            answers=Fused(ports.answers, fuse, ("answer_request",)),
            publisher=Fused(office.world.queue, fuse, ("publish",)),
        )
        with pytest.raises(Crash):
            accept_request(fused, "r1")
        assert office.accept("r1") == "accepted"
        office.work()
        assert office.answer("r1") == {"status": "done", "backupId": "r1"}


def test_an_answer_is_no_part_of_what_was_asked() -> None:
    document = {"requestedBy": "uid", "status": "done"}
    assert without_answer(document) == document
    assert "status" not in BackupRequest.model_json_schema()["properties"]


def test_a_good_configuration_is_told_as_valid_and_kept(office: Office) -> None:
    assert office.configure(GOOD) == "valid"
    status = office.status()
    assert (status["state"], status["errors"], status["lastGood"]) == ("valid", [], GOOD)
    assert check_configuration(office.world.ports(), "main").outcome == "already valid"
    assert office.status() == status


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"manual": {**GOOD["manual"], "maxSize": -1}}, ["manual.maxSize"]),
        ({"manual": {**GOOD["manual"], "maxSize": "5 GB"}, "extra": 1}, ["manual.maxSize", "extra"]),
        ({"manual": None}, ["manual"]),
        ({"manual": {**GOOD["manual"], "encryption": False}}, ["manual.encryption"]),
        (
            {"automatic": {**GOOD["automatic"], "schedule": {"frequency": "hourly", "time": "3:30"}}},
            ["automatic.schedule.frequency", "automatic.schedule.time", "automatic.schedule.timezone"],
        ),
    ],
)
def test_a_bad_configuration_is_answered_by_field_and_the_last_good_one_stays_in_force(
    office: Office, changed: dict[str, Any], errors: list[str]
) -> None:
    good = {**GOOD, "manual": {**GOOD["manual"], "validation": True}}
    office.configure(good)
    assert office.configure(GOOD | changed) == "invalid"
    told = office.status()["errors"]
    assert [line.split(":")[0].split(" ")[0] for line in told] == errors
    catalog = office.world.ports().catalog
    config = catalog.config()
    assert config is not None
    assert config.to_document() == good
    office.ask("r1")
    office.accept("r1")
    office.work()
    assert office.answer("r1")["status"] == "done"
    assert office.configure(GOOD) == "valid"
    assert catalog.config() != config


def test_a_configuration_that_cannot_be_read_is_not_in_force_even_before_it_was_checked(
    office: Office,
) -> None:
    office.configure(GOOD)
    office.write("backupConfig/main", {"manual": 5})
    config = office.world.ports().catalog.config()
    assert config is not None
    assert config.to_document() == GOOD


def test_a_configuration_that_was_mended_is_in_force_before_it_was_checked(office: Office) -> None:
    office.configure(GOOD)
    office.configure(GOOD | {"manual": {**GOOD["manual"], "encryption": False}})
    mended = GOOD | {"manual": {**GOOD["manual"], "maxSize": 7}}
    office.write("backupConfig/main", mended)
    config = office.world.ports().catalog.config()
    assert config is not None
    assert config.to_document() == mended


def test_the_first_configuration_that_is_bad_has_nothing_before_it(office: Office) -> None:
    assert office.configure({"manual": 5}) == "invalid"
    assert "lastGood" not in office.status()
    with pytest.raises(BadInput, match="manual"):
        office.world.ports().catalog.config()
    office.write("backupConfig/main", GOOD)
    assert office.world.ports().catalog.config() is not None


def test_a_configuration_that_is_deleted_is_gone_with_its_past(office: Office) -> None:
    office.configure(GOOD)
    office.client.document("backupConfig/main").delete()
    assert check_configuration(office.world.ports(), "main").outcome == "gone"
    assert office.status() == {}
    assert office.world.ports().catalog.config() is None


def test_other_configurations_are_checked_as_what_they_are(office: Office) -> None:
    assert office.configure(STORAGE, "storage") == "valid"
    assert office.configure(STORAGE | {"provider": "tape"}, "storage") == "invalid"
    assert office.status("storage")["errors"][0].startswith("provider: ")
    found = office.world.ports().catalog.storage_config()
    assert found is not None
    assert found.to_document() == STORAGE
    assert office.configure({"floor": 0}, "retention") == "invalid"
    assert office.configure({"floor": 3}, "retention") == "valid"
    assert office.configure(GOOD, "mian") == "invalid"
    assert "there are main, storage, retention" in office.status("mian")["errors"][0]
    assert office.configure({"frozen": True}, "rotation") == "ours"
    assert office.status("rotation") == {}


def test_of_two_checks_at_once_the_one_that_is_late_looks_again(office: Office) -> None:
    office.configure(GOOD)
    answers = office.world.ports().answers
    office.write("backupConfig/main", {"manual": 5})

    def late(_: Any) -> list[str]:
        assert office.configure({"manual": 6}) == "invalid"
        return ["manual: of an older version"]

    with pytest.raises(Busy):
        answers.judge_config("main", office.world.clock.now(), late)
    assert "older" not in str(office.status()["errors"])
    assert check_configuration(office.world.ports(), "main").outcome == "already invalid"


def test_the_first_end_of_a_request_stays(office: Office) -> None:
    office.ask("r1")
    ports = office.world.ports()
    now = office.world.clock.now()
    for status in ("failed", "done", "accepted"):
        ports.answers.answer_request("r1", RequestAnswer(status=status, answered_at=now))
    assert office.answer("r1")["status"] == "failed"
