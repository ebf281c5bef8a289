"""Each finding of the doctor about a real project, provoked in a project that is well otherwise."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stand_in import Answers, stand_in

from cli.deployment.plan import condition, enabled, grants, topics_of
from cli.deployment.roles import ROLES
from cli.doctor.examination import CHECKS, findings
from cli.doctor.finding import Finding, Patient, State
from cli.doctor.google import Google
from cli.doctor.project import target_of
from functions.table import FUNCTIONS, FunctionSpec, TopicTrigger
from shared.contents import CONTENTS
from shared.settings import Settings

NOW = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
P = "my-app-1"
BUCKET = "my-app-1-firekeep"
TABLE = (
    *FUNCTIONS,
    FunctionSpec("dream", TopicTrigger("backup-dream"), "firekeep-dream", schedule="*/5 * * * *"),
)
DATABASE = f"/firestore/v1/projects/{P}/databases/(default)"
STORE = f"/storage/storage/v1/b/{BUCKET}"
SERVICES = f"/serviceusage/v1/projects/{P}/services"
POLICY = f"/cloudresourcemanager/v1/projects/{P}:getIamPolicy"
MAY = f"/cloudresourcemanager/v1/projects/{P}:testIamPermissions"
DEPLOYED = f"/cloudfunctions/v2/projects/{P}/locations/-/functions"
JOBS = f"/cloudscheduler/v1/projects/{P}/locations/europe-west1/jobs"
VERSIONS = f"/secretmanager/v1/projects/{P}/secrets/firekeep-key/versions"
SECRET = f"/secretmanager/v1/projects/{P}/secrets/firekeep-key:getIamPolicy"
FILES = "/storage/storage/v1/b/app-files/iam"
TOPICS = f"/pubsub/v1/projects/{P}/topics"
USERS = f"/identitytoolkit/v1/projects/{P}/accounts:batchGet"
SETTINGS = Settings(
    project=P,
    state_database="firekeep",
    buckets=("app-files",),
    repository=f"gs://{BUCKET}",
    secret=f"projects/{P}/secrets/firekeep-key",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Answers]:
    with stand_in() as answers:
        yield answers


@pytest.fixture
def healthy(server: Answers) -> Answers:
    """A project where nothing is wrong."""
    server.clear()
    patient = Patient(SETTINGS, Google({}), NOW, table=TABLE)
    server.update(copy.deepcopy(well(patient)))
    return server


def well(patient: Patient) -> dict[str, Any]:
    roles = {
        f"/iam/v1/projects/{P}/roles/{role.id}": {"includedPermissions": list(role.permissions)}
        for role in ROLES
    }
    return {
        **roles,
        SERVICES: {"services": [{"name": f"projects/1/services/{name}"} for name in enabled(CONTENTS)]},
        DATABASE: {
            "type": "FIRESTORE_NATIVE",
            "locationId": "eur3",
            "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
            "earliestVersionTime": (NOW - timedelta(days=7)).isoformat().replace("+00:00", "Z"),
            "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
        },
        STORE: {
            "location": "EUROPE-WEST1",
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True},
                "publicAccessPrevention": "enforced",
            },
            "retentionPolicy": {"retentionPeriod": "604800"},
        },
        f"{STORE}/iam/testPermissions": {},
        "/storage/storage/v1/b/app-files/o": {},
        **policies(patient),
        MAY: {},
        DEPLOYED: {"functions": [function(spec) for spec in TABLE]},
        JOBS: {"jobs": [job(spec) for spec in TABLE if spec.schedule]},
        VERSIONS: {"versions": [{"name": "1"}]},
        USERS: {"users": [{"localId": "a", "passwordHash": "c2VjcmV0"}, {"localId": "b"}]},
    }


def job(spec: FunctionSpec) -> dict[str, Any]:
    return {"name": f"{JOBS}/firekeep-{spec.name}", "state": "ENABLED", "schedule": spec.schedule}


def function(spec: FunctionSpec) -> dict[str, Any]:
    return {
        "name": f"projects/{P}/locations/europe-west1/functions/firekeep-{spec.name}",
        "state": "ACTIVE",
        "serviceConfig": {
            "serviceAccountEmail": f"{spec.service_account}@{P}.iam.gserviceaccount.com",
            "timeoutSeconds": spec.timeout_s,
            "maxInstanceCount": spec.workers,
            "availableMemory": f"{spec.memory_mib}Mi",
        },
    }


def policies(patient: Patient) -> dict[str, dict[str, Any]]:
    """Who may do what, by the path that tells it, as a deployment leaves it."""
    target = target_of(patient)
    told: dict[str, dict[str, Any]] = {
        path: {"bindings": []} for path in (POLICY, f"{STORE}/iam", FILES, SECRET)
    }
    told |= {f"{TOPICS}/{topic}:getIamPolicy": {"bindings": []} for topic in topics_of(TABLE)}
    for name in {spec.service_account for spec in TABLE}:
        for grant in grants(name, CONTENTS, TABLE):
            role = grant.role if "/" in grant.role else f"projects/{P}/roles/{grant.role}"
            binding: dict[str, Any] = {"role": role, "members": [f"serviceAccount:{target.email(name)}"]}
            if grant.place in ("app", "state"):
                binding["condition"] = {"expression": condition(target, grant.place)}
            paths = {
                "repository": f"{STORE}/iam",
                "media": FILES,
                "secret": SECRET,
                "topic": f"{TOPICS}/{grant.topic}:getIamPolicy",
            }
            told[paths.get(grant.place, POLICY)]["bindings"].append(binding)
    return told


def found(server: Answers, check: str, **settings: Any) -> list[Finding]:
    chosen = Settings(
        **{**{name: getattr(SETTINGS, name) for name in SETTINGS.__dataclass_fields__}, **settings}
    )
    patient = Patient(chosen, Google(server.stand_ins), NOW, table=TABLE)
    return [one for each in CHECKS if each.name == check for one in findings(each, patient)]


def bad(server: Answers, check: str, **settings: Any) -> dict[str, Finding]:
    """What is not well, by name; each has a fix."""
    told = {
        one.name: one
        for one in found(server, check, **settings)
        if one.state in (State.FAILED, State.WARNING)
    }
    assert all(one.fix and one.what for one in told.values())
    return told


ASKED_HERE = ("bucket", "media", "accounts", *(check.name for check in CHECKS if check.cloud))


@pytest.mark.parametrize("check", ASKED_HERE)
def test_in_a_project_that_is_well_there_is_nothing_to_do(healthy: Answers, check: str) -> None:
    told = found(healthy, check)
    assert told
    assert {one.state for one in told} == {State.OK}, told


@pytest.mark.parametrize("check", ASKED_HERE)
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_cannot_be_asked_is_never_well(server: Answers, check: str, status: int) -> None:
    server.clear()
    for path in well(Patient(SETTINGS, Google({}), NOW, table=TABLE)):
        server[path] = status
    told = found(server, check)
    assert told
    assert not {one.state for one in told} & {State.OK, State.UNCHECKED}


@pytest.mark.parametrize("check", ASKED_HERE)
def test_a_service_that_does_not_answer_is_never_well(check: str) -> None:
    gone = Answers()
    gone.url = "http://127.0.0.1:1"
    assert {one.state for one in found(gone, check)} == {State.FAILED}


def change(server: Answers, path: str, *keys: str | int, to: Any) -> None:
    where = server[path]
    for key in keys[:-1]:
        where = where[key]
    where[keys[-1]] = to


@pytest.mark.parametrize(
    ("check", "name", "path", "keys", "to"),
    [
        ("services", "services", SERVICES, ("services",), []),
        ("window", "database-mode", DATABASE, ("type",), "DATASTORE_MODE"),
        ("window", "window", DATABASE, ("pointInTimeRecoveryEnablement",), "POINT_IN_TIME_RECOVERY_DISABLED"),
        ("window", "window", DATABASE, ("earliestVersionTime",), "2026-03-29T02:00:00Z"),
        ("window", "window", DATABASE, ("earliestVersionTime",), ""),
        ("window", "delete-protection", DATABASE, ("deleteProtectionState",), "DELETE_PROTECTION_DISABLED"),
        ("region", "region", STORE, ("location",), "US"),
        ("region", "region", DATABASE, ("locationId",), "asia-northeast1"),
        ("bucket", "retention", STORE, ("retentionPolicy",), None),
        ("bucket", "public-access", STORE, ("iamConfiguration", "publicAccessPrevention"), "inherited"),
        ("bucket", "uniform-access", STORE, ("iamConfiguration", "uniformBucketLevelAccess"), {}),
        ("bucket", "bucket-permissions", f"{STORE}/iam/testPermissions", ("lacking",), ["storage.objects.create"]),
        ("permissions", "permissions", MAY, ("lacking",), ["firebaseauth.configs.getHashConfig"]),
        ("permissions", "restore-permissions", MAY, ("lacking",), ["datastore.entities.delete"]),
        ("functions", "functions", DEPLOYED, ("functions", 0, "state"), "FAILED"),
        ("functions", "functions", DEPLOYED, ("functions", 1, "serviceConfig", "timeoutSeconds"), 60),
        ("functions", "functions", DEPLOYED, ("functions", 1, "serviceConfig", "maxInstanceCount"), 100),
        ("functions", "functions", DEPLOYED, ("functions", 1, "serviceConfig", "availableMemory"), "256Mi"),
        ("functions", "functions", DEPLOYED, ("functions", 1, "serviceConfig", "serviceAccountEmail"), "1-compute@x"),
        ("functions", "functions", DEPLOYED, ("functions",), []),
        ("schedules", "schedules", JOBS, ("jobs", 0, "state"), "PAUSED"),
        ("schedules", "schedules", JOBS, ("jobs", 0, "schedule"), "0 0 * * *"),
        ("schedules", "schedules", JOBS, ("jobs",), []),
        ("secret", "secret", VERSIONS, ("versions",), []),
        ("accounts", "password-hashes", USERS, ("users", 0, "passwordHash"), "UkVEQUNURUQ="),
        ("identities", "identities", POLICY, ("bindings",), []),
        ("identities", "identities", f"{STORE}/iam", ("bindings",), []),
        ("identities", "identities", FILES, ("bindings",), []),
        ("identities", "identities", SECRET, ("bindings",), []),
        ("identities", "identities", f"{TOPICS}/backup-part:getIamPolicy", ("bindings",), []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_fix(
    healthy: Answers, check: str, name: str, path: str, keys: tuple[str | int, ...], to: Any
) -> None:
    change(healthy, path, *keys, to=to)
    assert set(bad(healthy, check)) == {name}


def member(name: str) -> str:
    return f"serviceAccount:{name}@{P}.iam.gserviceaccount.com"


def test_an_identity_that_may_do_more_than_it_needs_is_named(healthy: Answers) -> None:
    healthy[POLICY]["bindings"].append(
        {"role": "roles/editor", "members": ["user:a@b", member("firekeep-snapshot")]}
    )
    told = bad(healthy, "identities")
    assert set(told) == {"least-privilege"}
    assert "firekeep-snapshot has roles/editor" in told["least-privilege"].what
    assert "remove-iam-policy-binding" in told["least-privilege"].fix


def test_a_snapshot_that_could_delete_backups_is_named(healthy: Answers) -> None:
    healthy[f"{STORE}/iam"]["bindings"].append(
        {"role": "roles/storage.objectAdmin", "members": [member("firekeep-snapshot")]}
    )
    assert f"storage.objectAdmin on gs://{BUCKET}" in bad(healthy, "identities")["least-privilege"].what


def test_a_grant_that_lost_its_condition_is_named(healthy: Answers) -> None:
    for binding in healthy[POLICY]["bindings"]:
        binding.pop("condition", None)
    assert set(bad(healthy, "identities")) == {"identities", "least-privilege"}


def test_a_role_that_was_widened_or_is_gone_is_named(healthy: Answers) -> None:
    path = f"/iam/v1/projects/{P}/roles/{ROLES[0].id}"
    healthy[path]["includedPermissions"].append("datastore.databases.delete")
    assert ROLES[0].id in bad(healthy, "roles")["roles"].what
    del healthy[path]
    assert ROLES[0].id in bad(healthy, "roles")["roles"].what


def test_backups_beside_the_app_s_files_are_named(healthy: Answers) -> None:
    assert set(bad(healthy, "bucket", buckets=(BUCKET,))) == {"bucket-apart"}


def test_state_in_the_app_s_database_is_named(healthy: Answers) -> None:
    assert set(bad(healthy, "state-apart", state_database="(default)")) == {"state-apart"}
    assert bad(healthy, "state-apart") == {}


def test_a_locked_retention_is_told(healthy: Answers) -> None:
    healthy[STORE]["retentionPolicy"]["isLocked"] = True
    assert "nobody can change" in next(
        one.what for one in found(healthy, "bucket") if one.name == "retention"
    )


def test_a_store_that_keeps_everything_is_not_filled_with_probes(healthy: Answers) -> None:
    (told,) = found(healthy, "store")
    assert (told.state, "--scratch" in told.fix) == (State.UNCHECKED, True)


@pytest.mark.parametrize("path", [FILES, SECRET, f"{TOPICS}/backup-restore:getIamPolicy"])
def test_too_much_is_named_wherever_it_is_granted(healthy: Answers, path: str) -> None:
    healthy[path]["bindings"].append({"role": "roles/owner", "members": [member("firekeep-request")]})
    (told,) = bad(healthy, "identities").values()
    assert (told.name, "roles/owner" in told.fix) == ("least-privilege", True)
