"""Generations, preconditions, versioning, soft delete; races have one winner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.cloud import storage
from storage_helpers import Clock, Raw, wait_for

from emulators.storage import Change

WEEK = 7 * 86_400


def test_generations_rise_and_each_write_is_a_new_one(bucket: storage.Bucket) -> None:
    seen = []
    for i in range(5):
        blob = bucket.blob("counted")
        blob.upload_from_string(str(i))
        seen.append(blob.generation)
        assert blob.metageneration == 1
    assert seen == sorted(set(seen))


WRITES: list[tuple[dict[str, int], bool]] = [
    ({"ifGenerationMatch": 0}, False),
    ({"ifGenerationMatch": 1}, False),
    ({"ifGenerationMatch": -1}, True),
    ({"ifGenerationNotMatch": 0}, True),
    ({"ifGenerationNotMatch": -1}, False),
    ({"ifMetagenerationMatch": 1}, True),
    ({"ifMetagenerationMatch": 2}, False),
    ({"ifMetagenerationNotMatch": 1}, False),
    ({"ifMetagenerationNotMatch": 2}, True),
    ({"ifGenerationMatch": -1, "ifMetagenerationMatch": 2}, False),
]  # -1 stands for the live generation


@pytest.mark.parametrize(("conditions", "holds"), WRITES)
@pytest.mark.parametrize(
    "way", ["media", "multipart", "resumable", "patch", "delete", "copy", "compose", "read"]
)
def test_every_precondition_is_kept_by_every_method(
    bucket: storage.Bucket, address: str, conditions: dict[str, int], holds: bool, way: str
) -> None:
    blob = bucket.blob("guarded")
    blob.upload_from_string(b"old")
    query = "&".join(
        f"{key}={blob.generation if value == -1 else value}" for key, value in conditions.items()
    )
    home, multipart = (
        f"/storage/v1/b/{bucket.name}/o",
        b'--x\r\n\r\n{"name":"guarded"}\r\n--x\r\n\r\nnew\r\n--x--',
    )
    sources = {"sourceObjects": [{"name": "guarded"}]}
    calls: dict[str, tuple[str, str, object, dict[str, str]]] = {
        "media": ("POST", f"/upload{home}?uploadType=media&name=guarded", b"new", {}),
        "multipart": (
            "POST", f"/upload{home}?uploadType=multipart", multipart, {"Content-Type": "multipart/related; boundary=x"},
        ),
        "resumable": ("POST", f"/upload{home}?uploadType=resumable&name=guarded", None, {}),
        "patch": ("PATCH", f"{home}/guarded?alt=json", {"metadata": {"a": "b"}}, {}),
        "delete": ("DELETE", f"{home}/guarded?alt=json", None, {}),
        "copy": ("POST", f"{home}/guarded/copyTo/b/{bucket.name}/o/guarded?alt=json", {}, {}),
        "compose": ("POST", f"{home}/guarded/compose?alt=json", sources, {}),
        "read": ("GET", f"{home}/guarded?alt=media", None, {}),
    }  # fmt: skip
    method, path, body, headers = calls[way]
    with Raw(address) as raw:
        answer = raw(method, f"{path}&{query}", body, headers)
    if holds:
        assert 200 <= answer.status < 300
        return
    unchanged = way == "read" and not any("Not" not in key for key in conditions)
    assert answer.status == (304 if unchanged else 412)
    assert unchanged or answer.reason == "conditionNotMet"
    assert (bucket.get_blob("guarded").generation, bucket.get_blob("guarded").metageneration) == (
        blob.generation,
        1,
    )


def test_source_preconditions_guard_copies(bucket: storage.Bucket) -> None:
    blob = bucket.blob("source")
    blob.upload_from_string(b"x")
    copy: Callable[..., object] = bucket.copy_blob
    with pytest.raises(exceptions.PreconditionFailed):
        copy(blob, bucket, "target", if_source_generation_match=1)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("target").rewrite(blob, if_source_metageneration_not_match=1)
    copy(blob, bucket, "target", if_source_generation_match=blob.generation)
    assert bucket.blob("target").exists()


def test_an_etag_tells_whether_anything_changed(bucket: storage.Bucket, address: str) -> None:
    blob = bucket.blob("tagged")
    blob.upload_from_string(b"x")
    path = f"/storage/v1/b/{bucket.name}/o/tagged"
    with Raw(address) as raw:
        assert raw("GET", path, headers={"If-None-Match": blob.etag}).status == 304
        assert raw("GET", path, headers={"If-Match": blob.etag}).status == 200
        raw("PATCH", path, {"metadata": {"a": "b"}})
        assert raw("GET", path, headers={"If-None-Match": blob.etag}).status == 200
        assert raw("GET", path, headers={"If-Match": blob.etag}).status == 412


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "9" * 30, ""])
def test_a_precondition_that_is_no_number_is_refused(bucket: storage.Bucket, address: str, text: str) -> None:
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=a&ifGenerationMatch={text}"
    with Raw(address) as raw:
        assert raw("POST", path, b"x").status == 400


def test_one_of_many_creators_at_once_wins_and_its_content_stays(bucket: storage.Bucket) -> None:
    barrier = threading.Barrier(8)

    def create(i: int) -> int | None:
        barrier.wait(10)
        try:
            bucket.blob("raced").upload_from_string(str(i), if_generation_match=0)
        except exceptions.PreconditionFailed:
            return None
        return i

    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            winners = [i for i in pool.map(create, range(8)) if i is not None]
            assert len(winners) == 1
            assert bucket.blob("raced").download_as_bytes() == str(winners[0]).encode()
            bucket.delete_blob("raced")


def test_no_increment_under_compare_and_swap_is_lost(bucket: storage.Bucket) -> None:
    bucket.blob("counter").upload_from_string(b"0")

    def add(_: int) -> None:
        for _ in range(200):
            blob = bucket.get_blob("counter")
            try:
                value = int(blob.download_as_bytes())
                bucket.blob("counter").upload_from_string(str(value + 1), if_generation_match=blob.generation)
            except (exceptions.PreconditionFailed, exceptions.NotFound):
                continue
            return
        raise AssertionError("never my turn")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(20)))
    assert bucket.blob("counter").download_as_bytes() == b"20"


def versioned(client: storage.Client, name: str) -> storage.Bucket:
    made = client.bucket(name)
    made.versioning_enabled = True
    made.soft_delete_policy.retention_duration_seconds = 0
    return client.create_bucket(made)


def test_versions_stay_until_each_is_deleted(client: storage.Client) -> None:
    bucket = versioned(client, "versions-stay")
    generations = []
    for i in range(3):
        blob = bucket.blob("v")
        blob.upload_from_string(str(i))
        generations.append(blob.generation)
    bucket.blob("v").delete()
    assert list(bucket.list_blobs()) == []
    found = list(bucket.list_blobs(versions=True))
    assert [each.generation for each in found] == generations
    assert all(each.time_deleted is not None for each in found)
    assert bucket.blob("v", generation=generations[1]).download_as_bytes() == b"1"
    with pytest.raises(exceptions.NotFound):
        bucket.blob("v").reload()
    with pytest.raises(exceptions.Conflict):
        bucket.delete()
    bucket.copy_blob(bucket.blob("v"), bucket, "v", source_generation=generations[0], if_generation_match=0)
    assert bucket.blob("v").download_as_bytes() == b"0"
    for each in bucket.list_blobs(versions=True):
        bucket.blob("v", generation=each.generation).delete()
    assert list(bucket.list_blobs(versions=True)) == []
    bucket.delete()


def test_a_noncurrent_version_can_be_described_anew(client: storage.Client) -> None:
    bucket = versioned(client, "versions-described")
    bucket.blob("v").upload_from_string(b"old")
    old = bucket.get_blob("v")
    bucket.blob("v").upload_from_string(b"new")
    old.metadata = {"a": "b"}
    old.patch()
    assert bucket.get_blob("v", generation=old.generation).metadata == {"a": "b"}
    assert bucket.get_blob("v").metadata is None


def test_what_was_deleted_comes_back_within_its_time(bucket: storage.Bucket, clock: Clock) -> None:
    blob = bucket.blob("soft")
    blob.metadata = {"kept": "yes"}
    blob.upload_from_string(b"first")
    bucket.blob("soft").upload_from_string(b"second")
    bucket.blob("soft").delete()
    assert list(bucket.list_blobs()) == []
    found = list(bucket.list_blobs(soft_deleted=True))
    assert [each.size for each in found] == [5, 6]
    assert (found[0].hard_delete_time - found[0].soft_delete_time).total_seconds() == WEEK
    restored = bucket.restore_blob("soft", generation=blob.generation)
    assert restored.generation > found[1].generation
    assert bucket.blob("soft").download_as_bytes() == b"first"
    assert bucket.get_blob("soft").metadata == {"kept": "yes"}
    with pytest.raises(exceptions.NotFound):
        bucket.restore_blob("soft", generation=1)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.restore_blob("soft", generation=blob.generation, if_generation_match=0)
    clock.ahead += WEEK + 1
    assert list(bucket.list_blobs(soft_deleted=True)) == []
    with pytest.raises(exceptions.NotFound):
        bucket.restore_blob("soft", generation=found[1].generation)
    assert bucket.get_blob("soft") is not None


def test_without_soft_delete_what_is_deleted_is_gone(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.soft_delete_policy.retention_duration_seconds = 0
    bucket.patch()
    bucket.blob("hard").upload_from_string(b"x")
    bucket.blob("hard").delete()
    assert list(bucket.list_blobs(soft_deleted=True)) == []


def test_changes_are_told_in_order_with_both_sides_of_an_overwrite(
    client: storage.Client, changes: list[Change]
) -> None:
    bucket = versioned(client, "told-changes")
    bucket.blob("t").upload_from_string(b"1")
    first = bucket.get_blob("t")
    first.metadata = {"a": "b"}
    first.patch()
    bucket.blob("t").upload_from_string(b"22")
    second = bucket.get_blob("t")
    bucket.blob("t").delete()
    bucket.blob("t", generation=first.generation).delete()
    told = wait_for(lambda: [each for each in changes if each.bucket == "told-changes"], 6)
    assert [(each.kind, each.generation) for each in told] == [
        ("finalize", first.generation),
        ("metadataUpdate", first.generation),
        ("archive", first.generation),
        ("finalize", second.generation),
        ("archive", second.generation),
        ("delete", first.generation),
    ]
    assert (told[2].overwritten_by, told[3].overwrote) == (second.generation, first.generation)
    assert told[1].resource["metadata"] == {"a": "b"}
    assert told[3].resource["size"] == "2"
    assert told[0].time.tzinfo is not None
