"""Retention and holds: what must stay stays, and the refusal says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.cloud import storage
from storage_helpers import Clock, Raw


@pytest.fixture
def locked(client: storage.Client, bucket: storage.Bucket) -> storage.Bucket:
    """A bucket whose objects may have a retention each."""
    return client.create_bucket(f"{bucket.name}-r", enable_object_retention=True)


def later(clock: Clock, seconds: int) -> datetime:
    return datetime.fromtimestamp(clock() // 1_000_000, tz=UTC) + timedelta(seconds=seconds)


def refused(reason: str, blob: storage.Blob) -> None:
    """Neither deleting nor overwriting nor moving is let through."""
    address = blob.client._connection.API_BASE_URL.removeprefix("http://")
    home = f"/storage/v1/b/{blob.bucket.name}/o"
    with Raw(address) as raw:
        for method, path in (
            ("DELETE", f"{home}/{blob.name}"),
            ("POST", f"/upload{home}?uploadType=media&name={blob.name}"),
            ("POST", f"{home}/{blob.name}/moveTo/o/elsewhere"),
        ):
            answer = raw(method, path, b"")
            assert (answer.status, answer.reason) == (403, reason), path
    assert blob.bucket.blob(blob.name).download_as_bytes() == b"kept"


def test_an_object_is_kept_until_its_retention_ends(locked: storage.Bucket, clock: Clock) -> None:
    blob = locked.blob("kept")
    blob.upload_from_string(b"kept")
    blob.retention.mode = "Locked"
    blob.retention.retain_until_time = later(clock, 3600)
    blob.patch()
    assert locked.get_blob("kept").retention_expiration_time == later(clock, 3600)
    refused("retentionPolicyNotMet", blob)
    clock.ahead += 3601
    ended = locked.get_blob("kept")
    ended.metadata = {"still": "described"}
    ended.patch()
    ended.delete()
    assert locked.restore_blob("kept", generation=blob.generation).metadata == {"still": "described"}


def test_locked_retention_only_lengthens(locked: storage.Bucket, clock: Clock) -> None:
    blob = locked.blob("kept")
    blob.upload_from_string(b"kept")
    blob.retention.mode = "Locked"
    blob.retention.retain_until_time = later(clock, 3600)
    blob.patch()
    for mode, seconds in (("Locked", 1800), ("Unlocked", 7200)):
        blob.retention.mode = mode
        blob.retention.retain_until_time = later(clock, seconds)
        with pytest.raises(exceptions.Forbidden):
            blob.patch(override_unlocked_retention=True)
    with pytest.raises(exceptions.Forbidden):
        _remove_retention(blob)
    blob.retention.mode = "Locked"
    blob.retention.retain_until_time = later(clock, 7200)
    blob.patch()
    clock.ahead += 3601
    refused("retentionPolicyNotMet", blob)


def _remove_retention(blob: storage.Blob) -> None:
    blob.retention.mode = None
    blob.retention.retain_until_time = None
    blob.patch(override_unlocked_retention=True)


def test_unlocked_retention_is_weakened_only_on_purpose(locked: storage.Bucket, clock: Clock) -> None:
    blob = locked.blob("kept")
    blob.upload_from_string(b"kept")
    blob.retention.mode = "Unlocked"
    blob.retention.retain_until_time = later(clock, 3600)
    blob.patch()
    refused("retentionPolicyNotMet", blob)
    blob.retention.retain_until_time = later(clock, 7200)
    blob.patch()
    blob.retention.retain_until_time = later(clock, 60)
    with pytest.raises(exceptions.Forbidden, match="overrideUnlockedRetention"):
        blob.patch()
    blob.patch(override_unlocked_retention=True)
    with Raw(blob.client._connection.API_BASE_URL.removeprefix("http://")) as raw:
        path = f"/storage/v1/b/{locked.name}/o/kept"
        assert raw("PATCH", path, {"retention": None}).status == 403
        assert raw("PATCH", f"{path}?overrideUnlockedRetention=true", {"retention": None}).status == 200
    locked.blob("kept").delete()


def test_a_retention_needs_a_bucket_that_has_it_and_a_time_to_come(
    bucket: storage.Bucket, locked: storage.Bucket, address: str, clock: Clock
) -> None:
    for each in (bucket, locked):
        each.blob("x").upload_from_string(b"x")
    good = {"mode": "Locked", "retainUntilTime": later(clock, 3600).isoformat()}
    with Raw(address) as raw:
        assert raw("PATCH", f"/storage/v1/b/{bucket.name}/o/x", {"retention": good}).status == 400
        for wrong in (
            {**good, "mode": "Half"},
            {"mode": "Locked"},
            {**good, "retainUntilTime": "2001-01-01T00:00:00Z"},
            {**good, "retainUntilTime": "tomorrow"},
            {**good, "retainUntilTime": "9000-01-01T00:00:00Z"},
            "Locked",
        ):
            assert raw("PATCH", f"/storage/v1/b/{locked.name}/o/x", {"retention": wrong}).status == 400
    assert locked.get_blob("x").metageneration == 1


@pytest.mark.parametrize("hold", ["temporary_hold", "event_based_hold"])
def test_a_held_object_stays_until_it_is_let_go(bucket: storage.Bucket, hold: str) -> None:
    blob = bucket.blob("held")
    blob.upload_from_string(b"kept")
    setattr(blob, hold, True)
    blob.patch()
    refused("objectUnderActiveHold", blob)
    setattr(blob, hold, False)
    blob.patch()
    blob.delete()


def test_a_buckets_policy_keeps_every_object_for_its_period(bucket: storage.Bucket, clock: Clock) -> None:
    bucket.retention_period = 3600
    bucket.patch()
    blob = bucket.blob("aged")
    blob.upload_from_string(b"kept")
    refused("retentionPolicyNotMet", blob)
    assert (blob.retention_expiration_time - blob.time_created).total_seconds() == 3600
    clock.ahead += 3601
    blob.upload_from_string(b"new")


def test_retention_counts_from_the_end_of_an_event_based_hold(bucket: storage.Bucket, clock: Clock) -> None:
    bucket.retention_period = 3600
    bucket.default_event_based_hold = True
    bucket.patch()
    blob = bucket.blob("held")
    blob.upload_from_string(b"kept")
    assert blob.event_based_hold is True
    assert blob.retention_expiration_time is None
    clock.ahead += 7200
    refused("objectUnderActiveHold", blob)
    blob.event_based_hold = False
    blob.patch()
    refused("retentionPolicyNotMet", blob)
    clock.ahead += 3601
    blob.delete()


def test_a_locked_policy_only_lengthens(bucket: storage.Bucket) -> None:
    bucket.retention_period = 3600
    bucket.patch()
    bucket.lock_retention_policy()
    assert bucket.retention_policy_locked
    for period in (1800, None):
        bucket.retention_period = period
        with pytest.raises(exceptions.Forbidden):
            bucket.patch()
    bucket.reload()
    bucket.retention_period = 7200
    bucket.patch()
    bucket.reload()
    assert (bucket.retention_period, bucket.retention_policy_locked) == (7200, True)


def test_in_a_bucket_with_versions_what_is_retained_may_become_noncurrent(
    bucket: storage.Bucket, clock: Clock
) -> None:
    bucket.versioning_enabled = True
    bucket.retention_period = 3600
    bucket.patch()
    bucket.blob("v").upload_from_string(b"old")
    old = bucket.get_blob("v").generation
    bucket.blob("v").upload_from_string(b"new")
    with pytest.raises(exceptions.Forbidden):
        bucket.blob("v", generation=old).delete()
    clock.ahead += 3601
    bucket.blob("v", generation=old).delete()
