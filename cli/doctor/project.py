"""Checks of a real project that no emulator has: APIs, databases, identities, functions, schedules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from cli.deployment.plan import SECRET, Target, condition, enabled, grants, topics_of
from cli.deployment.roles import ROLES, permissions_of
from cli.doctor.finding import Findings, Patient, better, fine, unknown, wrong
from cli.doctor.repository import GOOGLE, bucket_in
from shared import wiring
from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.errors import NotFound

_SECRET: Final = "the secret"  # noqa: S105  # as people are told
_HOUR: Final = timedelta(hours=1)
_MULTI: Final = {"nam5": "us", "nam7": "us", "eur3": "eu"}
_CALLER: Final = {
    ENTRIES: "firekeepDocumentReader",
    USERS: "firekeepProjectReader",
    SETTINGS: "firekeepProjectReader",
}


def target_of(patient: Patient) -> Target:
    """The installation that the settings describe, as a deployment names it."""
    chosen = patient.chosen
    places = (
        [place for place in wiring.places(chosen) if place.startswith(GOOGLE)] if chosen.repository else []
    )
    bucket = bucket_in(patient, places[0]) if places else ""
    return Target(
        project=patient.project,
        number="",
        region="",
        database=chosen.database,
        state_location="",
        bucket=bucket,
        media=chosen.media_buckets,
        contents=chosen.contents,
    )


def check_services(patient: Patient) -> Findings:
    """Every API that is used is enabled."""
    path = f"/v1/projects/{patient.project}/services"
    found = {
        service["name"].rpartition("/")[2]
        for service in patient.google.pages(
            "serviceusage", path, "services", filter="state:ENABLED", pageSize=200
        )
    }
    missing = sorted(set(enabled(patient.chosen.contents)) - found)
    for service in missing:
        yield wrong(
            "services",
            f"{service} is not enabled",
            f"gcloud services enable {service} --project={patient.project}",
        )
    if not missing:
        yield fine("services", "every API that is used is enabled")


def check_window(patient: Patient) -> Findings:
    """How far back each database can be read, and that it is one that can be backed up."""
    database = _database(patient, patient.chosen.database)
    name, update = patient.chosen.database, f"gcloud firestore databases update --project={patient.project}"
    update += f" '--database={patient.chosen.database}'"
    if database.get("type") == "DATASTORE_MODE":
        yield wrong("database-mode", f"{name} is in Datastore mode", "only Native mode can be backed up")
    earliest = _instant(database.get("earliestVersionTime"))
    reach = patient.now - earliest if earliest else timedelta(0)
    if database.get("pointInTimeRecoveryEnablement") != "POINT_IN_TIME_RECOVERY_ENABLED":
        yield better(
            "window",
            f"{name} can be read as of an hour ago at most: a backup that takes longer fails",
            f"{update} --enable-pitr",
        )
    elif reach <= _HOUR:
        yield better(
            "window",
            f"{name} keeps its past since {earliest:%Y-%m-%d %H:%M} only"
            if earliest
            else f"{name} does not say how far back it can be read",
            "wait: it grows to 7 days",
        )
    else:
        yield fine("window", f"{name} can be read as of {reach.total_seconds() / 3600:.0f} hours ago")
    if database.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED":
        yield better(
            "delete-protection",
            f"the database {name} can be deleted with one command",
            f"{update} --delete-protection",
        )


def check_regions(patient: Patient) -> Findings:
    """Data, functions and backups are near one another, and in the same part of the world."""
    home = str(_database(patient, patient.chosen.database).get("locationId", ""))
    places = {
        f"the function {one['name'].rpartition('/')[2]}": one["name"].split("/")[3]
        for one in _functions(patient)
    }
    bucket = target_of(patient).bucket
    if bucket:
        found = patient.google.get("storage", f"/storage/v1/b/{bucket}")
        places[f"the bucket {bucket}"] = str(found.get("location", "")).lower()
    far = {what: where for what, where in places.items() if _part(where) != _part(home)}
    for what, where in far.items():
        yield wrong(
            "region",
            f"{what} is in {where}, the database in {home}: slow, dear, and another law",
            "deploy there: firekeep setup --region; or firekeep migrate to another bucket",
        )
    if not far:
        yield fine("region", f"everything is near {home}")


def _part(location: str) -> str:
    """The part of the world: `europe-west1`, `eur3` and `eu` are one."""
    known = _MULTI.get(location, location).lower()
    return {"eu": "europe"}.get(known, known.partition("-")[0])


def check_caller(patient: Patient) -> Findings:
    """What whoever asks may do in the project, as this is who backs up from the command line."""
    roles = {role for content, role in _CALLER.items() if content in patient.chosen.contents}
    needed = {name: why for role in sorted(roles) for name, why in permissions_of(role).items()}
    granted = _granted(patient, list(needed))
    for name in sorted(set(needed) - granted):
        yield wrong(
            "permissions",
            f"you lack {name}, to {needed[name]}",
            f"gcloud projects add-iam-policy-binding {patient.project} with a role that has it",
        )
    if set(needed) <= granted:
        yield fine("permissions", f"you have all {len(needed)} permissions that a backup needs")
    writes = [name for name in permissions_of("firekeepDocumentWriter") if name not in needed]
    if lacking := set(writes) - _granted(patient, writes):
        yield better(
            "restore-permissions",
            f"you could not restore from here: {', '.join(sorted(lacking))}",
            "restore through the functions (--via-functions), or have roles/datastore.owner",
        )


def _granted(patient: Patient, names: list[str]) -> set[str]:
    path = f"/v1/projects/{patient.project}:testIamPermissions"
    return set(
        patient.google.post("cloudresourcemanager", path, {"permissions": names}).get("permissions", ())
    )


def check_identities(patient: Patient) -> Findings:
    """Service accounts have exactly the roles of the plan, wherever it grants any."""
    target = target_of(patient)
    held = {place: _held(policy) for place, policy in _policies(patient, target)}
    for name in sorted({spec.service_account for spec in patient.table}):
        member = f"serviceAccount:{target.email(name)}"
        wanted = _wanted(patient, target, name)
        found = {(place, *rest) for place, policy in held.items() for who, *rest in policy if who == member}
        fix = f"firekeep setup --project {patient.project} --from access-{name}"
        for place, role, _ in sorted(wanted - found):
            yield wrong("identities", f"{name} lacks {role} on {place}", fix)
        for place, role, _ in sorted(found - wanted):
            what = f"{name} has {role} on {place}, and needs it not"
            yield wrong("least-privilege", what, _revoke(target, place, member, role))
        if wanted == found:
            yield fine("identities", f"{name} may do what it needs, and nothing else")


def _policies(patient: Patient, target: Target) -> Iterator[tuple[str, dict[str, Any]]]:
    """Who may do what, everywhere that the plan grants something, by the place's name."""
    google, version = patient.google, {"options": {"requestedPolicyVersion": 3}}
    path = f"/v1/projects/{patient.project}"
    yield "the project", google.post("cloudresourcemanager", f"{path}:getIamPolicy", version)
    for bucket in sorted({target.bucket, *_media(target)} - {""}):
        found = google.get("storage", f"/storage/v1/b/{bucket}/iam", optionsRequestedPolicyVersion=3)
        yield f"gs://{bucket}", found
    if patient.chosen.secret:
        yield _SECRET, google.get("secretmanager", f"/v1/{patient.chosen.secret}:getIamPolicy")
    for topic in topics_of(patient.table):
        yield f"the topic {topic}", google.get("pubsub", f"{path}/topics/{topic}:getIamPolicy")


def _media(target: Target) -> tuple[str, ...]:
    return target.media if MEDIA in target.contents else ()


def _wanted(patient: Patient, target: Target, name: str) -> set[tuple[str, ...]]:
    """(place, role, condition) of all that the plan grants and the settings name."""
    wanted = set[tuple[str, ...]]()
    for grant in grants(name, patient.chosen.contents, patient.table):
        role = grant.role if "/" in grant.role else f"projects/{patient.project}/roles/{grant.role}"
        bound = condition(target, grant.place, patient.chosen.state_database)
        places: dict[str, tuple[str, ...]] = {
            "repository": (f"gs://{target.bucket}",) if target.bucket else (),
            "media": tuple(f"gs://{bucket}" for bucket in _media(target)),
            "secret": (_SECRET,) if patient.chosen.secret else (),
            "topic": (f"the topic {grant.topic}",),
        }
        for place in places.get(grant.place, ("the project",)):
            wanted.add((place, role, bound if grant.place in ("app", "state") else ""))
    return wanted


def _held(policy: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (member, binding["role"], binding.get("condition", {}).get("expression", ""))
        for binding in policy.get("bindings", ())
        for member in binding.get("members", ())
    }


def _revoke(target: Target, place: str, member: str, role: str) -> str:
    what = f"--member={member} --role={role}"
    if place.startswith("gs://"):
        return f"gcloud storage buckets remove-iam-policy-binding {place} {what}"
    if place == _SECRET:
        return f"gcloud secrets remove-iam-policy-binding {SECRET} {target.scope} {what}"
    if place != "the project":
        topic = place.removeprefix("the topic ")
        return f"gcloud pubsub topics remove-iam-policy-binding {topic} {target.scope} {what}"
    return f"gcloud projects remove-iam-policy-binding {target.project} {what} --all"


def check_roles(patient: Patient) -> Findings:
    """Roles of our own have the permissions that they were made with."""
    for role in ROLES:
        try:
            found = patient.google.get("iam", f"/v1/projects/{patient.project}/roles/{role.id}")
        except NotFound:
            found = {}
        if set(found.get("includedPermissions", ())) == set(role.permissions) and not found.get("deleted"):
            yield fine("roles", f"{role.id} is as it should be")
        else:
            yield wrong(
                "roles",
                f"the role {role.id} is missing, or has other permissions",
                f"firekeep setup --project {patient.project} --from roles",
            )


def check_functions(patient: Patient) -> Findings:
    """Each function of the table runs, as the identity and within the limits that the table says."""
    found = {one["name"].rpartition("/")[2]: one for one in _functions(patient)}
    for spec in patient.table:
        fix = f"firekeep setup --project {patient.project} --from deploy-{spec.name}"
        one = found.get(f"firekeep-{spec.name}")
        if one is None:
            yield wrong("functions", f"firekeep-{spec.name} is not deployed", fix)
            continue
        service = one.get("serviceConfig", {})
        problems = []
        if one.get("state") != "ACTIVE":
            problems.append(f"is {one.get('state', 'unknown')}")
        if not str(service.get("serviceAccountEmail", "")).startswith(f"{spec.service_account}@"):
            problems.append("runs as another identity")
        if (service.get("timeoutSeconds"), service.get("maxInstanceCount")) != (spec.timeout_s, spec.workers):
            problems.append("has other limits of time or instances")
        if service.get("availableMemory") not in (f"{spec.memory_mib}Mi", f"{spec.memory_mib}M"):
            problems.append("has another memory")
        yield from (wrong("functions", f"firekeep-{spec.name} {problem}", fix) for problem in problems)
        if not problems:
            yield fine("functions", f"firekeep-{spec.name} is deployed as the table says")


def check_schedules(patient: Patient) -> Findings:
    """Each scheduled function has its job, with its schedule, enabled."""
    scheduled = [spec for spec in patient.table if spec.schedule]
    regions = {one["name"].split("/")[3] for one in _functions(patient)} if scheduled else set()
    jobs = {
        job["name"].rpartition("/")[2]: job
        for region in sorted(regions)
        for job in patient.google.pages(
            "cloudscheduler", f"/v1/projects/{patient.project}/locations/{region}/jobs", "jobs"
        )
    }
    fix = f"firekeep setup --project {patient.project} --from schedules"
    for spec in scheduled:
        job = jobs.get(f"firekeep-{spec.name}", {})
        if job.get("state") == "ENABLED" and job.get("schedule") == spec.schedule:
            yield fine("schedules", f"firekeep-{spec.name} is scheduled")
        else:
            yield wrong("schedules", f"firekeep-{spec.name} is not scheduled, paused, or at other times", fix)
    if not scheduled:
        yield unknown("schedules", "nothing is scheduled in this release")


def check_secret(patient: Patient) -> Findings:
    """The secret that holds the key is there, and has a version."""
    if not patient.chosen.secret:
        yield unknown("secret", "the key is not in Secret Manager")
        return
    path = f"/v1/{patient.chosen.secret}/versions"
    versions = list(patient.google.pages("secretmanager", path, "versions", filter="state:ENABLED"))
    if versions:
        yield fine("secret", f"the secret has {len(versions)} version(s) in use")
    else:
        yield wrong(
            "secret",
            "the secret has no enabled version: the repository cannot be opened",
            f"gcloud secrets versions list {SECRET} --project={patient.project}; enable the newest",
        )


def _functions(patient: Patient) -> list[dict[str, Any]]:
    path = f"/v2/projects/{patient.project}/locations/-/functions"
    found = patient.google.pages("cloudfunctions", path, "functions")
    return [one for one in found if one["name"].rpartition("/")[2].startswith("firekeep-")]


def _database(patient: Patient, name: str) -> dict[str, Any]:
    return patient.google.get("firestore", f"/v1/projects/{patient.project}/databases/{name}")


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
