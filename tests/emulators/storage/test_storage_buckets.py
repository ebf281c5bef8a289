"""Buckets: made, described, changed under conditions, locked, emptied, deleted."""

from __future__ import annotations

import os
import uuid

import firebase_admin
import pytest
from firebase_admin import credentials
from firebase_admin import storage as firebase_storage
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from storage_helpers import PROJECT, Raw


def name() -> str:
    return f"made-{uuid.uuid4().hex}"


def test_a_bucket_is_what_it_was_made_to_be(client: storage.Client) -> None:
    wanted = client.bucket(name())
    wanted.storage_class = "NEARLINE"
    wanted.labels = {"team": "a"}
    wanted.versioning_enabled = True
    wanted.iam_configuration.public_access_prevention = "enforced"
    wanted.add_lifecycle_delete_rule(age=5)
    client.create_bucket(wanted, location="europe-west1")
    found = client.get_bucket(wanted.name)
    assert (found.location, found.location_type, found.storage_class) == (
        "EUROPE-WEST1",
        "region",
        "NEARLINE",
    )
    assert (found.labels, found.versioning_enabled) == ({"team": "a"}, True)
    assert found.iam_configuration.public_access_prevention == "enforced"
    assert next(iter(found.lifecycle_rules))["condition"] == {"age": 5}
    assert found.soft_delete_policy.retention_duration_seconds == 7 * 86_400
    blob = found.blob("x")
    blob.upload_from_string(b"")
    assert blob.storage_class == "NEARLINE"


def test_changes_merge_and_count(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.labels = {"a": "1", "b": "2"}
    bucket.patch()
    assert bucket.metageneration == 2
    labels = bucket.labels
    del labels["a"]
    bucket.labels = labels
    bucket.patch(if_metageneration_match=2)
    assert client.get_bucket(bucket.name).labels == {"b": "2"}
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.patch(if_metageneration_match=2)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.delete(if_metageneration_match=2)
    bucket.update()
    assert client.get_bucket(bucket.name).labels == {"b": "2"}


def test_there_is_one_bucket_of_a_name_and_only_empty_ones_go(
    client: storage.Client, bucket: storage.Bucket
) -> None:
    with pytest.raises(exceptions.Conflict):
        client.create_bucket(bucket.name)
    bucket.blob("x").upload_from_string(b"")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()
    bucket.blob("x").delete()
    bucket.delete()
    assert client.lookup_bucket(bucket.name) is None
    with pytest.raises(exceptions.NotFound):
        bucket.delete()


@pytest.mark.parametrize(
    "wrong",
    ["ab", "Upper", "-start", "end-", "a..b", "1.2.3.4", "goog-x", "my-google-x", "x" * 64, "sp ace", "ü-x"],
)
def test_names_that_no_bucket_can_have_are_refused(address: str, wrong: str) -> None:
    with Raw(address) as raw:
        answer = raw("POST", f"/storage/v1/b?project={PROJECT}", {"name": wrong})
    assert (answer.status, answer.reason) == (400, "invalid")


@pytest.mark.parametrize(
    "fields",
    [
        {"storageClass": "FAST"},
        {"softDeletePolicy": {"retentionDurationSeconds": "5"}},
        {"retentionPolicy": {"retentionPeriod": "x"}},
        {"retentionPolicy": {"retentionPeriod": "3155760001"}},
        {"iamConfiguration": {"publicAccessPrevention": "maybe"}},
        {"versioning": True},
        {"location": "EU"},
    ],
)
def test_a_change_that_is_not_valid_changes_nothing(
    client: storage.Client, bucket: storage.Bucket, address: str, fields: dict[str, object]
) -> None:
    with Raw(address) as raw:
        answer = raw("PATCH", f"/storage/v1/b/{bucket.name}", fields)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert client.get_bucket(bucket.name).metageneration == 1


def test_buckets_are_listed_by_project_and_prefix_in_pages(client: storage.Client) -> None:
    prefix = name()[:20]
    made = sorted(client.create_bucket(f"{prefix}-{i}").name for i in range(5))
    client.create_bucket(f"{prefix}-other", project="another-project")
    assert [each.name for each in client.list_buckets(prefix=prefix, page_size=2)] == made


def test_the_policy_is_kept_under_its_etag(bucket: storage.Bucket) -> None:
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"user:a@example.com"}})
    bucket.set_iam_policy(policy)
    found = bucket.get_iam_policy(requested_policy_version=3)
    assert [dict(each)["role"] for each in found.bindings] == ["roles/storage.objectViewer"]
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(policy)
    assert bucket.test_iam_permissions(["storage.objects.get"]) == ["storage.objects.get"]


class Anonymous(credentials.Base):
    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()


def test_firebase_admin_works_on_its_bucket(client: storage.Client, address: str) -> None:
    client.create_bucket("demo-firekeep.appspot.com")
    os.environ["STORAGE_EMULATOR_HOST"] = f"http://{address}"
    options = {"projectId": PROJECT, "storageBucket": "demo-firekeep.appspot.com"}
    app = firebase_admin.initialize_app(Anonymous(), options, name="storage-test")
    try:
        bucket = firebase_storage.bucket(app=app)
        blob = bucket.blob("users/1/photo.jpg")
        blob.metadata = {"firebaseStorageDownloadTokens": "token-1"}
        blob.upload_from_string(b"jpeg", content_type="image/jpeg")
        assert bucket.get_blob("users/1/photo.jpg").metadata == {"firebaseStorageDownloadTokens": "token-1"}
        assert [each.name for each in bucket.list_blobs(prefix="users/")] == ["users/1/photo.jpg"]
        assert bucket.blob("users/1/photo.jpg").download_as_bytes() == b"jpeg"
        bucket.client.close()
    finally:
        del os.environ["STORAGE_EMULATOR_HOST"]
        firebase_admin.delete_app(app)
