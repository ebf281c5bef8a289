"""What Google's own tests showed of the service, one fact each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, PreconditionFailed
from google.cloud import storage
from storage_helpers import Raw

_UPLOAD = "/upload/storage/v1/b/{bucket}/o?uploadType={kind}&name=sum"
_WRONG = "AAAAAA=="


def put(bucket: storage.Bucket, *names: str) -> list[storage.Blob]:
    blobs = [bucket.blob(name) for name in names]
    for blob in blobs:
        blob.upload_from_string(blob.name, content_type="text/plain")
    return blobs


def test_a_wrong_sum_in_the_resource_is_not_excused_by_a_right_one_in_the_header(
    address: str, bucket: storage.Bucket
) -> None:
    bucket.blob("x").upload_from_string(b"x")
    right = bucket.get_blob("x").crc32c
    with Raw(address) as raw:
        begun = raw(
            "POST", _UPLOAD.format(bucket=bucket.name, kind="resumable"), {"name": "sum", "crc32c": _WRONG}
        )
        target = begun.headers["location"].partition(address)[2]
        ended = raw("PUT", target, b"x", {"x-goog-hash": f"crc32c={right}", "content-range": "bytes 0-0/1"})
    assert (begun.status, ended.status) == (200, 400)
    assert bucket.get_blob("sum") is None


def test_a_custom_time_keeps_its_microseconds(bucket: storage.Bucket) -> None:
    for at in (datetime(2021, 2, 10, 12, 30, tzinfo=UTC), datetime(2021, 2, 10, 12, 30, 0, 206129, UTC)):
        blob = bucket.blob(f"at-{at.microsecond}")
        blob.custom_time = at
        blob.upload_from_string(b"")
        blob.reload()
        assert blob.custom_time == at


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("**/foobar", ["foo/foobar", "foobar"]),
        ("foo*bar", ["foobar"]),
        ("foo**bar", ["foo/bar", "foo/foobar", "foobar"]),
        ("foo/**/bar", ["foo/bar"]),
        ("**/{foobar,baz}", ["foo/baz", "foo/foobar", "foobar"]),
        ("x**/bar", []),
    ],
)
def test_two_stars_as_a_segment_stand_for_no_folder_too(
    bucket: storage.Bucket, glob: str, names: list[str]
) -> None:
    put(bucket, "foo/bar", "foo/baz", "foo/foobar", "foobar")
    assert [blob.name for blob in bucket.list_blobs(match_glob=glob)] == names


def test_a_composed_object_has_the_type_that_it_is_given_and_no_other(bucket: storage.Bucket) -> None:
    sources = put(bucket, "a", "b")
    plain, typed = bucket.blob("plain"), bucket.blob("typed")
    typed.content_type = "text/x-both"
    plain.compose(sources)
    typed.compose(sources)
    assert (plain.content_type, typed.content_type) == (None, "text/x-both")


def test_composing_can_delete_its_sources_even_where_versions_are_kept(bucket: storage.Bucket) -> None:
    bucket.versioning_enabled = True
    bucket.patch()
    first, second, third = put(bucket, "a", "b", "c")
    first.compose([first, second, second], delete_source_objects=True)
    assert first.download_as_bytes() == b"abb"
    assert [blob.name for blob in bucket.list_blobs(versions=True)] == ["a", "a", "c"]
    assert not second.exists()
    assert third.exists()


def test_a_policy_with_conditions_needs_uniform_access_and_version_3(bucket: storage.Bucket) -> None:
    policy = bucket.get_iam_policy(requested_policy_version=3)
    condition = {"title": "always", "expression": "true"}
    policy.bindings.append({"role": "roles/x", "members": {"user:a@example.com"}, "condition": condition})
    with pytest.raises(PreconditionFailed, match="enable uniform bucket-level access"):
        bucket.set_iam_policy(policy)
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.patch()
    with pytest.raises(BadRequest, match="at least 3"):
        bucket.set_iam_policy(policy)
    policy.version = 3
    assert bucket.set_iam_policy(policy).bindings == policy.bindings


@pytest.mark.parametrize(
    ("location", "data", "kind", "rpo"),
    [
        ("us", None, "multi-region", "DEFAULT"),
        ("NAM4", None, "dual-region", "DEFAULT"),
        ("US", ["US-EAST1", "US-WEST1"], "dual-region", "DEFAULT"),
        ("europe-west3", None, "region", None),
    ],
)
def test_a_location_is_of_a_kind_and_wide_ones_are_replicated(
    client: storage.Client, bucket: storage.Bucket, location: str, data: list[str] | None, kind: str, rpo: str
) -> None:
    made = client.create_bucket(f"{bucket.name}-here", location=location, data_locations=data)
    assert (made.location_type, made.rpo) == (kind, rpo)
    with pytest.raises(Conflict):
        client.create_bucket(made.name)


def test_autoclass_tells_when_it_was_switched_and_which_class_is_the_last(bucket: storage.Bucket) -> None:
    assert bucket.autoclass_enabled is False
    bucket.autoclass_enabled = True
    bucket.patch()
    since = bucket.autoclass_toggle_time
    assert (bucket.autoclass_terminal_storage_class, since is None) == ("NEARLINE", False)
    bucket.autoclass_terminal_storage_class = "ARCHIVE"
    bucket.patch()
    assert (bucket.autoclass_terminal_storage_class, bucket.autoclass_toggle_time) == ("ARCHIVE", since)


@pytest.mark.parametrize(
    "setting",
    [
        {"encryption": {"googleManagedEncryptionEnforcementConfig": {"restrictionMode": "FullyRestricted"}}},
        {"encryption": {"defaultKmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}},
        {"ipFilter": {"mode": "Enabled"}},
        {"hierarchicalNamespace": {"enabled": True}},
    ],
)
def test_settings_that_would_not_be_enforced_are_refused(
    client: storage.Client, bucket: storage.Bucket, setting: dict[str, object]
) -> None:
    with pytest.raises(MethodNotImplemented):
        client._connection.api_request("PATCH", f"/b/{bucket.name}", data=setting)
