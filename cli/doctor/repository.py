"""Checks of the repository: it can be reached, opened with the key, and its store keeps what it promises."""

from __future__ import annotations

import secrets

from cli.doctor.finding import Findings, Patient, better, fine, unknown, wrong
from shared import wiring
from shared.clock import SystemClock
from shared.errors import Denied, FirekeepError, NotFound, Unsupported

GOOGLE = ("gs://", "firebase://")
_UNPROMISED = {"s3": {"check_a_version_never_comes_back"}}
"""A version there follows from the bytes; a repository never replaces an object."""


def check_key(patient: Patient) -> Findings:
    """The repository opens with the key that the settings name, and with another one too."""
    chosen = patient.chosen
    if not chosen.repository:
        yield wrong(
            "key", "no repository is named", "set FIREKEEP_REPOSITORY, and FIREKEEP_SECRET or another key"
        )
        return
    try:
        repository = wiring.open_repository(chosen)
    except FirekeepError as error:
        fix = error.hint or "name the right key; firekeep key list shows which keys there are"
        yield wrong(
            "key", error.message, f"firekeep init makes a repository; {fix}" if _absent(error) else fix
        )
        return
    yield fine("key", f"the repository {repository.id} opens")
    if chosen.key[0] and len(wiring.keychain(chosen).entries()) < 2:
        yield better(
            "second-key", "one key opens the repository, and no other", "firekeep key kit --output kit.txt"
        )


def _absent(error: FirekeepError) -> bool:
    return isinstance(error, NotFound)


def check_store(patient: Patient) -> Findings:
    """Whatever a repository relies on, tried below a scratch prefix with the credentials of the caller."""
    places = [patient.scratch] if patient.scratch else wiring.places(patient.chosen)
    for place in places:
        if not patient.scratch and _retains(patient, place):
            yield unknown(
                "store",
                f"{place} keeps every object for a while, the probes too",
                "try a bucket like it without retention: firekeep doctor --scratch gs://OTHER-BUCKET/doctor",
            )
            continue
        yield from _conforms(patient, place)


def _conforms(patient: Patient, place: str) -> Findings:
    from shared.conformance.promise import Broken
    from shared.conformance.provider import CHECKS

    store, clock = wiring.provider_at(patient.chosen, place), SystemClock()
    scratch, kept = f"doctor/{secrets.token_hex(8)}", 0
    unpromised = _UNPROMISED.get(place.partition("://")[0], set())
    for check in CHECKS:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        if check.__name__ in unpromised:
            continue
        try:
            check(store, f"{scratch}/{name}", clock)
        except Broken as error:
            yield wrong(
                "store",
                f"{place}: {error}",
                "keep the repository elsewhere; docs/stores.md says what it needs",
            )
        except (Denied, Unsupported) as error:
            if name == "hold-only-lengthens":
                yield better(
                    "holds", f"{place}: objects cannot be held one by one", "docs/stores.md, Against deletion"
                )
            else:
                yield wrong(
                    "store", f"{place}: {error.message}", error.hint or "docs/stores.md lists the permissions"
                )
                return
        else:
            kept += 1
    yield fine("store", f"{place} keeps {kept} promises of a store")


def _retains(patient: Patient, place: str) -> bool:
    if not place.startswith(GOOGLE):
        return False
    bucket = bucket_in(patient, place)
    return bool(patient.google.get("storage", f"/storage/v1/b/{bucket}").get("retentionPolicy"))


def bucket_in(patient: Patient, place: str) -> str:
    """The bucket's name in a place of Google's; the app's own where a place names none."""
    name = place.partition("://")[2].partition("/")[0]
    return name or f"{patient.project}.firebasestorage.app"


def check_bucket(patient: Patient) -> Findings:
    """Locks and retention of the buckets, who may reach them, and whether they lie apart from what they protect."""
    for place in wiring.places(patient.chosen) if patient.chosen.repository else ():
        if not place.startswith(GOOGLE):
            yield unknown("bucket", f"{place}: only Google's buckets are looked into", "see docs/stores.md")
            continue
        name = bucket_in(patient, place)
        yield from _protected(name, patient.google.get("storage", f"/storage/v1/b/{name}"))
        yield from _allowed(patient, name)
        if name in patient.chosen.buckets or name == f"{patient.project}.firebasestorage.app":
            yield better(
                "bucket-apart",
                f"{name} also holds the app's files: who deletes it deletes the backups with it",
                "firekeep migrate the repository to a bucket of its own",
            )


def _protected(name: str, bucket: dict[str, object]) -> Findings:
    iam = bucket.get("iamConfiguration")
    access = iam if isinstance(iam, dict) else {}
    update = f"gcloud storage buckets update gs://{name}"
    if not access.get("uniformBucketLevelAccess", {}).get("enabled"):
        yield wrong(
            "uniform-access",
            f"{name} has access lists on single objects",
            f"{update} --uniform-bucket-level-access",
        )
    if access.get("publicAccessPrevention") != "enforced":
        yield wrong("public-access", f"{name} could be made public", f"{update} --public-access-prevention")
    policy = bucket.get("retentionPolicy")
    if not isinstance(policy, dict):
        yield better(
            "retention",
            f"{name} has no retention: who becomes firekeep-rotate deletes all backups at once",
            f"{update} --retention-period=7d",
        )
    elif not policy.get("isLocked"):
        days = int(policy.get("retentionPeriod", 0)) / 86_400
        yield fine(
            "retention", f"{name} keeps every object for {days:g} days; an owner can still change that"
        )
    else:
        yield fine("retention", f"{name} keeps every object for a while, and nobody can change that")


def _allowed(patient: Patient, name: str) -> Findings:
    """What the caller may do in the bucket."""
    needed = {f"storage.objects.{verb}": verb for verb in ("create", "get", "list")}
    path = f"/storage/v1/b/{name}/iam/testPermissions"
    granted = patient.google.get("storage", path, permissions=list(needed)).get("permissions", [])
    for permission in needed:
        if permission not in granted:
            yield wrong(
                "bucket-permissions",
                f"you lack {permission} in {name}",
                f"grant yourself projects/{patient.project}/roles/firekeepRepositoryWriter on gs://{name}",
            )
    if set(needed) <= {*granted}:
        yield fine("bucket-permissions", f"you may add and read backups in {name}")
