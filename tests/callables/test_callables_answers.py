"""What each callable does, for whom, how often; and what is told when something is wrong inside."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Queue, Site
from signing import Signer, id_claims, unsigned

from functions.callable.limit import REMEMBERED, RateLimit
from functions.callable.operations import operations
from functions.callable.protocol import Call
from functions.callable.serve import serve
from shared.errors import Corrupt, FirekeepError, Unavailable
from shared.identity.firebase import FirebaseIdentity
from shared.jobs.documents import new_backup
from shared.jobs.snapshot import start_snapshot
from shared.models import Backup
from shared.models.callables import CALLABLES, ROLES, Nothing
from shared.models.jobs import RestoreRequest, SnapshotRequest

START = datetime(2024, 3, 1, tzinfo=UTC)
CONFIG: dict[str, Any] = {
    "automatic": {
        "enabled": True,
        "schedule": {"frequency": "daily", "time": "03:30", "timezone": "Europe/Berlin"},
        "retention": {"days": 30, "maxBackups": 30, "cleanupStrategy": "oldest"},
        "storage": {"provider": "local", "path": "backups", "compression": True, "encryption": True},
    },
    "manual": {"enabled": True, "maxSize": 0, "formats": [], "validation": False, "encryption": True},
    "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": False},
}
GIVEN: dict[str, Any] = {
    "getStatus": {"id": "b0"},
    "cancelBackup": {"id": "job-snapshot"},
    "cancelRestore": {"id": "job-restore"},
    "requestRestore": {"backupId": "b0"},
    "saveSet": {"name": "shop", "selection": {"entries": {"include": ["orders"]}}},
    "deleteSet": {"name": "shop"},
    "saveTemplate": {"name": "weekly", "options": {"validation": "data"}},
    "deleteTemplate": {"name": "weekly"},
    "setConfig": {"backup": CONFIG},
}


def backups(site: Site, count: int, **changed: Any) -> list[Backup]:
    made = []
    for number in range(count):
        fresh = new_backup(site.ports, f"b{number}", "manual", START + timedelta(hours=number // 2))
        meta = fresh.metadata.changed(
            completed_at=fresh.metadata.created_at + timedelta(seconds=90), size=1_000, items=7
        )
        made.append(fresh.changed(**{"status": "completed", "metadata": meta, **changed}))
        site.ports.catalog.save_backup(made[-1])
    return made


def test_every_callable_has_its_operation(site: Site) -> None:
    assert list(operations(site.ports)) == [spec.name for spec in CALLABLES]


def test_every_role_does_what_it_may_and_nothing_more(site: Site) -> None:
    backups(site, 1)
    for kind in ("snapshot", "restore"):
        request = RestoreRequest(recovery_id=f"job-{kind}", backup_id="b0").to_message().decode()
        site.ports.ledger.create(
            f"job-{kind}", {"kind": kind, "type": "manual", "startedAt": START, "request": request}
        )
    for spec in CALLABLES:
        for role in (None, "", "owner", "Admin", "viewer ", *ROLES):
            status, told = site.call(spec.name, GIVEN.get(spec.name), role)
            if role in ROLES and ROLES.index(role) >= ROLES.index(spec.role):
                # The admin deletes what the operator has deleted already.
                assert status == 200 or (role == "admin" and told["status"] == "NOT_FOUND"), (
                    spec.name,
                    role,
                    told,
                )
            else:
                assert (status, told["status"]) == (403, "PERMISSION_DENIED"), (spec.name, role)


def test_without_a_valid_token_no_callable_answers(site: Site) -> None:
    for spec in CALLABLES:
        for token in (
            None,
            unsigned({"alg": "none"}, id_claims(role="admin")),
            Signer().id_token(role="admin"),
        ):
            answer = site.send(spec.name, b'{"data": null}', token)
            assert (answer.status, json.loads(answer.body)["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert not site.queue.sent


def test_app_check_when_it_is_switched_on_is_asked_of_everybody(site: Site, app: Any, signer: Signer) -> None:
    site.service = replace(site.service, identity=FirebaseIdentity(app, app_check=True, check_revoked=False))
    assert site.call("listSets")[0] == 401
    headers = {"x-firebase-appcheck": signer.app_token()}
    assert site.send("listSets", b'{"data": null}', signer.id_token(role="viewer"), **headers).status == 200


@pytest.mark.parametrize("name", ["", "nothing", "../listSets", "listsets", "__class__", "listSets/more"])
def test_what_is_no_callable_is_not_found_by_those_who_are_signed_in(site: Site, name: str) -> None:
    assert site.call(name)[0] == 404
    assert site.send(name, b'{"data": null}', None).status == 401


def test_a_backup_is_asked_for_in_the_name_of_who_asks(site: Site) -> None:
    status, told = site.call(
        "requestBackup", {"selection": {"entries": {"include": ["orders"]}}}, "operator", "grace"
    )
    assert status == 200
    ((topic, message),) = site.queue.sent
    request = SnapshotRequest.from_message(json.dumps(message))
    assert (topic, request.backup_id, request.requested_by) == ("backup-snapshot", told["id"], "uid:grace")
    assert request.type == "manual"
    _, status_told = site.call("getStatus", {"id": told["id"]}, "viewer")
    assert status_told["backup"]["status"] == "pending"


def test_what_cannot_be_backed_up_is_refused_before_anything_is_begun(site: Site) -> None:
    for given, status in (
        ({"set": "none"}, "NOT_FOUND"),
        ({"template": "none"}, "NOT_FOUND"),
        ({"set": "a", "template": "b"}, "INVALID_ARGUMENT"),
        ({"selection": {}}, "INVALID_ARGUMENT"),
        ({"selection": {"users": {}}}, "INVALID_ARGUMENT"),
    ):
        assert site.call("requestBackup", given)[1]["status"] == status, given
    switched_off = {**CONFIG, "manual": {**CONFIG["manual"], "enabled": False}}
    assert site.call("setConfig", {"backup": switched_off})[0] == 200
    assert site.call("requestBackup")[1]["status"] == "FAILED_PRECONDITION"
    assert not site.queue.sent
    assert site.call("listBackups")[1] == {"backups": []}


class Down(Queue):
    def publish(self, topic: str, messages: Any) -> None:
        raise Unavailable(f"publishing to {topic} failed", hint="try again")


def test_what_could_not_be_sent_shows_as_failed(site: Site) -> None:
    backups(site, 1)
    site.service = replace(site.service, operations=operations(replace(site.ports, publisher=Down())))
    assert site.call("requestBackup")[1]["status"] == "UNAVAILABLE"
    assert site.call("requestRestore", {"backupId": "b0"})[1]["status"] == "UNAVAILABLE"
    assert site.call("listBackups", {"limit": 1})[1]["backups"][0]["status"] == "failed"
    assert site.call("listRecoveries")[1]["recoveries"][0]["status"] == "failed"


def test_a_restore_is_asked_for_in_place_and_of_a_complete_backup_only(site: Site) -> None:
    backups(site, 1)
    status, told = site.call("requestRestore", {"backupId": "b0", "documents": ["orders/7"], "exact": True})
    ((topic, message),) = site.queue.sent
    request = RestoreRequest.from_message(json.dumps(message))
    assert (status, topic, request.recovery_id) == (200, "backup-restore", told["id"])
    assert (request.documents, request.exact, request.target) == (("orders/7",), True, None)
    listed = site.call("listRecoveries", None, "viewer")[1]["recoveries"]
    assert [(one["id"], one["status"]) for one in listed] == [(told["id"], "pending")]
    assert site.call("getStatus", {"id": told["id"]})[1]["recovery"]["backupId"] == "b0"
    assert site.call("requestRestore", {"backupId": "gone"})[1]["status"] == "NOT_FOUND"
    elsewhere = {"backupId": "b0", "target": {"project": "other-project"}}
    assert "target" in site.call("requestRestore", elsewhere)[1]["message"]
    backups(site, 1, status="failed")
    assert site.call("requestRestore", {"backupId": "b0"})[1]["status"] == "FAILED_PRECONDITION"
    assert len(site.queue.sent) == 1


def test_recovery_that_is_switched_off_is_not_begun(site: Site) -> None:
    backups(site, 1)
    off = {**CONFIG, "recovery": {**CONFIG["recovery"], "enabled": False}}
    site.call("setConfig", {"backup": off})
    assert site.call("requestRestore", {"backupId": "b0"})[1]["status"] == "FAILED_PRECONDITION"
    assert not site.queue.sent


def test_a_backup_is_cancelled_and_a_restore_is_not_cancelled_as_one(site: Site) -> None:
    site.ports.catalog._client.document("orders/one").set({"total": 7})  # type: ignore[attr-defined]
    asked = site.call("requestBackup")[1]["id"]
    assert site.call("cancelBackup", {"id": asked})[1]["status"] == "NOT_FOUND"
    _, message = site.queue.sent[-1]
    start_snapshot(site.ports, SnapshotRequest.from_message(json.dumps(message)))
    assert site.call("cancelRestore", {"id": asked})[1]["status"] == "NOT_FOUND"
    assert site.call("cancelBackup", {"id": asked}, "operator")[1] == {"outcome": "cancelled"}
    assert site.call("cancelBackup", {"id": asked}, "operator")[1] == {"outcome": "cancelled"}
    told = site.call("getStatus", {"id": asked})[1]
    assert (told["backup"]["status"], told["progress"]["state"]) == ("failed", "failed")
    assert "cancelled by uid:ada" in told["backup"]["validation"]["errors"][0]


def test_pages_hold_every_backup_once_the_newest_first_though_dates_are_equal(site: Site) -> None:
    made = backups(site, 7)
    given: dict[str, Any] = {"limit": 3}
    found: list[dict[str, Any]] = []
    while True:
        page = site.call("listBackups", given, "viewer")[1]
        found += page["backups"]
        if "next" not in page:
            break
        given = {"limit": 3, "after": page["next"]}
    assert {one["id"] for one in found} == {one.id for one in made}
    assert len(found) == 7
    dates = [one["metadata"]["createdAt"] for one in found]
    assert dates == sorted(dates, reverse=True)
    assert site.call("listBackups", {"after": "gone"})[1]["status"] == "NOT_FOUND"


def test_statistics_are_of_what_there_is(site: Site) -> None:
    assert site.call("getStatistics")[1]["points"] == []
    backups(site, 3)
    told = site.call("getStatistics", None, "viewer")[1]
    assert (told["completed"], told["failed"], told["underWay"], told["bytes"]) == (3, 0, 0, 3_000)
    assert told["points"][0]["seconds"] == 90
    assert told["newestCompletedAt"] == "2024-03-01T01:00:00Z"
    assert "newestVerifiedAt" not in told


def test_an_estimate_is_told(site: Site) -> None:
    told = site.call("estimateBackup", {"selection": {"entries": {}}}, "operator")[1]
    assert [one["content"] for one in told["contents"]] == ["entries"]
    assert told["exactness"] == "exact"


def test_what_is_saved_is_listed_until_it_is_deleted(site: Site) -> None:
    assert site.call("saveSet", GIVEN["saveSet"])[0] == 200
    assert site.call("listSets")[1]["sets"] == [
        {
            **GIVEN["saveSet"],
            "description": "",
            "selection": {"entries": {"include": ["orders"], "exclude": []}},
        }
    ]
    assert site.call("saveTemplate", {"name": "t", "set": "none"})[1]["status"] == "NOT_FOUND"
    assert site.call("saveTemplate", {"name": "t", "set": "shop"})[0] == 200
    assert [one["name"] for one in site.call("listTemplates")[1]["templates"]] == ["t"]
    assert site.call("deleteTemplate", {"name": "t"})[0] == site.call("deleteSet", {"name": "shop"})[0] == 200
    assert site.call("listSets")[1] == {"sets": []}


def test_a_configuration_is_validated_and_set_as_a_whole_or_not_at_all(site: Site) -> None:
    assert site.call("getConfig")[1] == {}
    retention = {"floor": 5}
    wrong = {
        "backup": {**CONFIG, "manual": {**CONFIG["manual"], "encryption": False}},
        "retention": retention,
    }
    status, told = site.call("setConfig", wrong)
    assert (status, told["status"]) == (400, "INVALID_ARGUMENT")
    assert "manual.encryption" in told["message"]
    zone = {**CONFIG["automatic"]["schedule"], "timezone": "Mars/Olympus"}
    status, told = site.call(
        "setConfig", {"backup": {**CONFIG, "automatic": {**CONFIG["automatic"], "schedule": zone}}}
    )
    assert "backup.automatic.schedule.timezone" in told["message"]
    assert "Olympus" not in told["message"]
    assert site.call("getConfig")[1] == {}
    assert site.call("setConfig", {"backup": CONFIG, "retention": retention})[0] == 200
    found = site.call("getConfig")[1]
    assert (found["backup"], found["retention"]["floor"]) == (CONFIG, 5)
    assert site.call("setConfig", {"retention": {"floor": 6}})[0] == 200
    assert site.call("getConfig")[1]["backup"] == CONFIG


def test_a_stored_document_that_is_not_valid_is_not_the_caller_s_bad_input(site: Site) -> None:
    client = site.ports.catalog._client  # type: ignore[attr-defined]
    client.document("backups/odd").set({"metadata": {"createdAt": START}, "secret": "hunter2"})
    client.document("backupConfig/main").set({"secret": "hunter2"})
    for name in ("listBackups", "getStatistics", "getConfig", "requestBackup"):
        status, told = site.call(name)
        assert (status, told["status"]) == (400, "FAILED_PRECONDITION"), name
        assert "hunter2" not in json.dumps(told)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("hunter2"), "INTERNAL"),
        (KeyError("hunter2"), "INTERNAL"),
        (RecursionError(), "INTERNAL"),
        (Corrupt("reading the pack hunter2"), "INTERNAL"),
        (Unavailable("reaching hunter2"), "UNAVAILABLE"),
    ],
)
def test_what_is_not_the_caller_s_to_know_is_an_id_and_the_log_has_it(
    site: Site, error: Exception, status: str
) -> None:
    def broken(*_: Any) -> Nothing:
        raise error

    site.service = replace(site.service, operations={**site.service.operations, "listSets": broken})
    _, told = site.call("listSets")
    assert told["status"] == status
    assert "hunter2" not in json.dumps(told)
    (line,) = [line for line in site.log if line.get("errorId") == told["details"]["errorId"]]
    assert line["at"][-1].startswith("broken:")
    assert ("hunter2" in json.dumps(line)) == isinstance(error, FirekeepError)


def test_a_token_never_reaches_the_log(site: Site, signer: Signer) -> None:
    token = signer.id_token(role="viewer")
    for name in ("listSets", "nothing", "getConfig"):
        site.send(name, b'{"data": null}', token)
    site.send("listSets", b'{"data": null}', token[:-4])
    assert len(site.log) == 4
    assert not any(part in json.dumps(site.log) for part in token.split("."))


def test_an_account_that_calls_too_often_has_to_wait_and_others_have_not(site: Site) -> None:
    site.service = replace(site.service, limit=RateLimit(site.ports.clock, 12))
    assert [site.call("listSets")[0] for _ in range(2)] == [200, 200]
    assert site.call("estimateBackup")[0] == 200
    status, told = site.call("listSets")
    assert (status, told["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert 1 <= told["details"]["retryAfterSeconds"] <= 5
    assert site.call("listSets", uid="grace")[0] == 200


class Stepping:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_bucket_fills_again_and_never_beyond_its_size() -> None:
    clock = Stepping()
    limit = RateLimit(clock, 60)
    assert [limit.take("a", 1) for _ in range(60)] == [0.0] * 60
    assert limit.take("a", 5) == pytest.approx(5)
    clock.sleep(4.9)
    assert limit.take("a", 5) > 0
    clock.sleep(0.2)
    assert limit.take("a", 5) == 0
    clock.sleep(10_000)
    assert sum(limit.take("a", 1) == 0 for _ in range(100)) == 60


def test_a_call_dearer_than_a_bucket_needs_a_full_one() -> None:
    limit = RateLimit(Stepping(), 3)
    assert limit.take("a", 10) == 0
    assert limit.take("a", 1) == pytest.approx(20)


def test_the_memory_of_a_limit_is_bounded() -> None:
    limit = RateLimit(Stepping(), 1)
    for number in range(REMEMBERED + 50):
        limit.take(str(number), 1)
    assert len(limit._buckets) == REMEMBERED
    assert limit.take(str(REMEMBERED), 1) > 0


def test_a_preflight_needs_no_token(site: Site) -> None:
    assert serve(site.service, Call("OPTIONS", "/listSets", {})).status == 204
