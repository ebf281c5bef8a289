"""Objects by Google's client: written, read, listed, described, refused."""

from __future__ import annotations

import gzip
import http.client
import io
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.fileio import BlobWriter
from storage_helpers import Raw

NAMES = [
    "plain",
    "a/b/c",
    "/leading",
    "trailing/",
    "a//b",
    "../up",
    "a b+c%2Fd?e#f&g=h",
    unicodedata.normalize("NFC", "café"),
    unicodedata.normalize("NFD", "café"),
    "日本/🔥",
    "o/b/copyTo/b",
    "x" * 1024,
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_written_read_listed_copied_and_deleted(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string(b"what it holds")
    assert bucket.blob(name).download_as_bytes() == b"what it holds"
    assert [each.name for each in bucket.list_blobs()] == [name]
    assert bucket.get_blob(name).generation == blob.generation
    assert bucket.copy_blob(blob, bucket, f"{name[:1000]}-copy").size == 13
    blob.delete()
    assert not bucket.blob(name).exists()


@pytest.mark.parametrize("name", ["..", ".", "a\nb", "a\rb", "x" * 1025, "é" * 513])
def test_names_that_no_object_can_have_are_refused(bucket: storage.Bucket, name: str) -> None:
    with pytest.raises(exceptions.BadRequest):
        bucket.blob(name).upload_from_string(b"")
    assert list(bucket.list_blobs()) == []


@pytest.mark.parametrize("size", [0, 1, 1000, 256 * 1024, 1 << 20, (1 << 20) + 1, 3_000_000])
@pytest.mark.parametrize("chunk", [None, 256 * 1024])
def test_content_of_any_size_comes_back_whole_by_every_way(
    bucket: storage.Bucket, size: int, chunk: int | None
) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    blob = bucket.blob("sized", chunk_size=chunk)
    blob.upload_from_file(io.BytesIO(data), size=None if chunk else size)
    assert (blob.size, bucket.get_blob("sized").crc32c) == (size, blob.crc32c)
    assert bucket.blob("sized").download_as_bytes() == data
    assert bucket.blob("sized").download_as_bytes(raw_download=True) == data
    with bucket.blob("sized").open("rb", chunk_size=1 << 20) as reader:
        assert reader.read() == data


def test_ranges_are_the_bytes_asked_for_and_none_outside(bucket: storage.Bucket, address: str) -> None:
    data = bytes(range(250)) * 8000
    bucket.blob("ranged").upload_from_string(data)
    path = f"/download/storage/v1/b/{bucket.name}/o/ranged?alt=media"
    wanted = {
        "bytes=0-0": data[:1],
        "bytes=5-": data[5:],
        "bytes=-7": data[-7:],
        "bytes=1999990-9999999": data[-10:],
    }
    with Raw(address) as raw:
        for header, expected in wanted.items():
            answer = raw("GET", path, headers={"Range": header})
            assert (answer.status, answer.body) == (206, expected)
            assert answer.headers["content-range"].endswith(f"/{len(data)}")
        for header in ("bytes=2000000-", "bytes=9-3", "bytes=-0"):
            assert raw("GET", path, headers={"Range": header}).status == 416
        for header in ("bytes=x-y", "lines=1-2", "bytes=-"):
            assert raw("GET", path, headers={"Range": header}).body == data


def test_metadata_is_kept_merged_replaced_and_counted(bucket: storage.Bucket) -> None:
    blob = bucket.blob("described")
    blob.metadata = {"Key": "välue", "other": "1"}
    blob.cache_control = "no-store"
    blob.custom_time = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    blob.upload_from_string(b"x", content_type="text/plain")
    blob.metadata = {"Key": None, "new": "2"}
    blob.content_language = "de"
    blob.patch()
    found = bucket.get_blob("described")
    assert found.metadata == {"other": "1", "new": "2"}
    assert (found.metageneration, found.generation) == (2, blob.generation)
    assert (found.content_type, found.cache_control, found.content_language) == (
        "text/plain",
        "no-store",
        "de",
    )
    assert found.custom_time == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    found.update()
    assert bucket.get_blob("described").metageneration == 3


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 1025: "v"}, {"k": "v" * 4097}, {f"key{i}": "v" * 4000 for i in range(3)}, {"": "v"}, {"k": 5}],
)
def test_metadata_beyond_its_limits_is_refused_and_changes_nothing(
    bucket: storage.Bucket, address: str, metadata: dict[str, Any]
) -> None:
    bucket.blob("full").upload_from_string(b"x")
    with Raw(address) as raw:
        answer = raw("PATCH", f"/storage/v1/b/{bucket.name}/o/full", {"metadata": metadata})
    assert (answer.status, answer.reason) == (400, "invalid")
    assert bucket.get_blob("full").metageneration == 1


def test_gzip_is_undone_for_those_who_cannot_and_only_for_them(bucket: storage.Bucket, address: str) -> None:
    text = b"compressible " * 200_000
    packed = gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :])
    blob = bucket.blob("packed")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed, content_type="text/plain")
    path = f"/storage/v1/b/{bucket.name}/o/packed?alt=media"
    with Raw(address) as raw:
        plain = raw("GET", path, headers={"Range": "bytes=1-2"})
        assert (plain.status, plain.body) == (200, text)
        assert plain.headers["x-goog-stored-content-length"] == str(len(packed))
        as_stored = raw("GET", path, headers={"Accept-Encoding": "gzip"})
        assert (as_stored.headers["content-encoding"], as_stored.body) == ("gzip", packed)
        blob.cache_control = "no-transform"
        blob.patch()
        assert raw("GET", path).body == packed
    assert bucket.blob("packed").download_as_bytes(raw_download=True) == packed


def test_a_checksum_that_does_not_fit_refuses_the_object(bucket: storage.Bucket, address: str) -> None:
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=sum"
    sums = ["crc32c=AAAAAA==", "md5=AAAAAAAAAAAAAAAAAAAAAA=="]
    with Raw(address) as raw:
        for wrong in sums:
            answer = raw("POST", path, b"data", {"x-goog-hash": wrong})
            assert (answer.status, answer.reason) == (400, "invalid")
        answer = raw("POST", path, b"data", {"x-goog-hash": "crc32c=rth90Q==,md5=jXd/OF09/siBXSD3SWAm3A=="})
        assert answer.status == 200
        assert answer.headers["x-goog-hash"] == "crc32c=rth90Q==,md5=jXd/OF09/siBXSD3SWAm3A=="
    blob = bucket.blob("other")
    blob.crc32c = "AAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="CRC32C"):
        blob.upload_from_string(b"data", checksum=None)
    assert not blob.exists()


def test_composed_objects_are_their_parts_in_order(bucket: storage.Bucket) -> None:
    parts = [bytes([i]) * (1 + i * 40_000) for i in range(32)]
    for i, part in enumerate(parts):
        bucket.blob(f"part{i}").upload_from_string(part)
    sources = [bucket.blob(f"part{i}") for i in range(32)]
    whole = bucket.blob("whole")
    whole.compose(sources)
    assert whole.download_as_bytes() == b"".join(parts)
    assert (whole.component_count, whole.md5_hash) == (32, None)
    twice = bucket.blob("twice")
    twice.compose([whole, bucket.blob("part1"), whole])
    assert twice.download_as_bytes() == b"".join(parts) + parts[1] + b"".join(parts)
    assert twice.component_count == 65
    with pytest.raises(exceptions.BadRequest):
        bucket.blob("many").compose([*sources, whole])
    with pytest.raises(exceptions.NotFound):
        bucket.blob("none").compose([bucket.blob("missing")])
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("late").compose([whole], if_source_generation_match=[1])


def test_rewriting_takes_as_many_calls_as_the_client_wants(bucket: storage.Bucket) -> None:
    source = bucket.blob("source")
    source.metadata = {"kept": "yes"}
    source.upload_from_string(bytes(2_500_000))
    target = bucket.blob("target")
    token: str | None = ""
    calls = 0
    while token is not None:
        token, done, size = _rewrite(bucket, source, token)
        calls += 1
        assert done == min(size, calls << 20)
    assert calls == 3
    target.reload()
    assert (target.size, target.metadata) == (2_500_000, {"kept": "yes"})
    target.update_storage_class("COLDLINE")
    assert bucket.get_blob("target").storage_class == "COLDLINE"


def _rewrite(
    bucket: storage.Bucket, source: storage.Blob, token: str | None, target: str = "target"
) -> tuple[str | None, int, int]:
    address = bucket.client._connection.API_BASE_URL.removeprefix("http://")
    path = f"/storage/v1/b/{bucket.name}/o/{source.name}/rewriteTo/b/{bucket.name}/o/{target}"
    query = "?maxBytesRewrittenPerCall=1048576" + (f"&rewriteToken={token}" if token else "")
    with Raw(address) as raw:
        answer = raw("POST", path + query).json
    return answer.get("rewriteToken"), int(answer["totalBytesRewritten"]), int(answer["objectSize"])


def test_a_rewrite_token_is_good_for_its_own_rewrite_only(bucket: storage.Bucket) -> None:
    source = bucket.blob("source")
    source.upload_from_string(bytes(2_500_000))
    token, _, _ = _rewrite(bucket, source, "")
    with pytest.raises(KeyError):
        _rewrite(bucket, source, token, "elsewhere")
    source.upload_from_string(bytes(2_500_000))
    with pytest.raises(KeyError):
        _rewrite(bucket, source, token)


def test_a_move_leaves_nothing_behind(bucket: storage.Bucket) -> None:
    bucket.blob("old").upload_from_string(b"moved")
    bucket.move_blob(bucket.blob("old"), "new")
    assert [each.name for each in bucket.list_blobs()] == ["new"]
    assert bucket.blob("new").download_as_bytes() == b"moved"


def test_a_batch_answers_every_call_on_its_own(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("one", "two", "ü/3"):
        bucket.blob(name).upload_from_string(b"x")
    patched = bucket.blob("ü/3")
    with client.batch(raise_exception=False) as batch:
        bucket.blob("one").delete()
        bucket.blob("missing").delete()
        patched.metadata = {"in": "batch"}
        patched.patch()
    assert [each.status_code for each in batch._responses] == [204, 404, 200]
    assert sorted(each.name for each in bucket.list_blobs()) == ["two", "ü/3"]
    assert bucket.get_blob("ü/3").metadata == {"in": "batch"}
    with pytest.raises(exceptions.NotFound), client.batch():
        bucket.blob("missing").delete()


def test_the_answers_of_a_batch_name_their_calls(bucket: storage.Bucket, address: str) -> None:
    calls = [f"Content-ID: <x+{i}>\r\n\r\nGET /storage/v1/b/{bucket.name} HTTP/1.1\r\n\r\n" for i in range(2)]
    body = "".join(f"--z\r\nContent-Type: application/http\r\n{call}\r\n" for call in calls) + "--z--"
    with Raw(address) as raw:
        answer = raw("POST", "/batch/storage/v1", body, {"Content-Type": "multipart/mixed; boundary=z"})
    assert answer.body.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert all(f"Content-ID: <response-x+{i}>".encode() in answer.body for i in range(2))


def test_a_writer_streams_without_knowing_the_end(bucket: storage.Bucket) -> None:
    with BlobWriter(bucket.blob("stream"), chunk_size=256 * 1024) as writer:
        for i in range(10):
            writer.write(bytes([i]) * 100_000)
    expected = b"".join(bytes([i]) * 100_000 for i in range(10))
    assert bucket.blob("stream").download_as_bytes() == expected


def test_partial_answers_hold_what_is_asked_for(bucket: storage.Bucket, address: str) -> None:
    blob = bucket.blob("part")
    blob.metadata = {"a": "1", "b": "2"}
    blob.upload_from_string(b"x")
    with Raw(address) as raw:
        path = f"/storage/v1/b/{bucket.name}/o"
        answer = raw("GET", f"{path}?fields=kind,items(name,metadata/a)").json
        assert answer == {"kind": "storage#objects", "items": [{"name": "part", "metadata": {"a": "1"}}]}
        assert raw("GET", f"{path}/part?fields=name,size").json == {"name": "part", "size": "1"}
        for wrong in ("items(name", "a,,b", "a/" * 5000 + "a", ")"):
            assert raw("GET", f"{path}?fields={wrong}").status == 400


def test_what_is_missing_says_what_is_missing(client: storage.Client, bucket: storage.Bucket) -> None:
    with pytest.raises(exceptions.NotFound, match=f"No such object: {bucket.name}/none"):
        bucket.blob("none").download_as_bytes()
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        client.bucket("no-such-bucket").blob("x").upload_from_string(b"")
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        list(client.list_blobs("no-such-bucket"))


def test_what_is_not_supported_says_so(bucket: storage.Bucket, address: str) -> None:
    bucket.blob("x").upload_from_string(b"")
    with Raw(address) as raw:
        calls = [
            ("GET", f"/storage/v1/b/{bucket.name}/acl"),
            ("GET", f"/storage/v1/b/{bucket.name}/o/x/acl"),
            ("GET", "/storage/v1/projects/p/hmacKeys"),
            ("POST", f"/storage/v1/b/{bucket.name}/o/bulkRestore"),
            ("GET", f"/{bucket.name}?lifecycle"),
            ("GET", "/storage/v1/b?project=p&softDeleted=true"),
        ]
        for method, path in calls:
            answer = raw(method, path)
            assert answer.status == 501, path
            assert b"not supported by this emulator" in answer.body
        answer = raw("GET", f"/storage/v1/b/{bucket.name}/o/x", headers={"x-goog-encryption-key": "k"})
        assert answer.status == 501


def test_gzip_that_is_broken_or_short_never_looks_complete(bucket: storage.Bucket, address: str) -> None:
    packed = gzip.compress(bytes(range(256)) * 20_000)
    broken = {"short": packed[:-9], "flipped": packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:]}
    for name, data in broken.items():
        blob = bucket.blob(name)
        blob.content_encoding = "gzip"
        blob.upload_from_string(data)
        with Raw(address) as raw, pytest.raises((http.client.HTTPException, OSError)):
            raw("GET", f"/storage/v1/b/{bucket.name}/o/{name}?alt=media")


HOSTILE = [
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=resumable&name=x", '{"contentType": "\\ud800"}', 400),
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=resumable", '{"name": "\\udfff"}', 400),
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=resumable&name=x", "[" * 100_000, 400),
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=resumable&name=x", '{"contentType": "a\\r\\nb: c"}', 400),
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=resumable&name=x&predefinedAcl=publicRead", "{}", 501),
    (
        "POST",
        "/upload/storage/v1/b/{b}/o?uploadType=resumable&name=x",
        '{"acl": [{"entity": "allUsers"}]}',
        501,
    ),
    ("POST", "/upload/storage/v1/b/{b}/o?uploadType=else&name=x", "", 400),
    ("POST", "/upload/storage/v1/b/{b}/o?name=x", "", 400),
    ("PATCH", "/storage/v1/b/{b}", '{"labels": {"a": "\\ud800"}}', 400),
    ("PATCH", "/storage/v1/b/{b}", "[]", 400),
    ("GET", "/storage/v1/b/{b}/o/%ff", "", 400),
    ("GET", "/storage/v1/b/{b}/o/x?generation=%C2%B2", "", 400),
    ("GET", "/storage/v1/b/{b}/o/x/y/z", "", 404),
    ("POST", "/storage/v1/b/{b}/o/x/compose", '{"sourceObjects": [1]}', 400),
    ("POST", "/storage/v1/b/{b}/o/x/compose", "{}", 400),
    ("POST", "/batch/storage/v1", "nothing", 400),
    ("BREW", "/storage/v1/b/{b}", "", 404),
    ("BREW", "/{b}/x", "", 501),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), HOSTILE)
def test_bad_input_gets_an_answer_that_says_so(
    bucket: storage.Bucket, address: str, method: str, path: str, body: str, status: int
) -> None:
    with Raw(address) as raw:
        answer = raw(method, path.replace("{b}", bucket.name), body)
    assert answer.status == status
    assert list(bucket.list_blobs()) == []


def test_metadata_cannot_forge_headers(bucket: storage.Bucket, address: str) -> None:
    blob = bucket.blob("forged")
    blob.metadata = {"key": "a\r\nx-forged: yes", "no header: name": "b", "ünï": "c", "text": "é"}
    blob.upload_from_string(b"x")
    with Raw(address) as raw:
        answer = raw("GET", f"/{bucket.name}/forged")
    assert (answer.status, answer.body) == (200, b"x")
    assert "x-forged" not in answer.headers
    assert answer.headers["x-goog-meta-key"] == "a x-forged: yes"
    assert bucket.get_blob("forged").metadata == blob.metadata
