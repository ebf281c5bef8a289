"""The XML API by obstore and by signed URLs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import obstore
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2 import service_account
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import GCSStore
from storage_helpers import Clock, Raw

NAMES = ["plain", "a/b c", "ünï/日本", "per%cent", "a&b<c>\"d'"]


@pytest.fixture
def store(bucket: storage.Bucket, address: str) -> GCSStore:
    key = {"gcs_base_url": f"http://{address}", "disable_oauth": True, "client_email": "", "private_key": ""}
    return GCSStore(
        bucket.name,
        service_account_key=json.dumps({**key, "private_key_id": ""}),
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )


@pytest.mark.parametrize("name", NAMES)
def test_obstore_puts_gets_heads_lists_copies_and_deletes(store: GCSStore, name: str) -> None:
    obstore.put(store, name, b"what it holds")
    assert bytes(obstore.get(store, name).bytes()) == b"what it holds"
    assert obstore.head(store, name)["size"] == 13
    assert [each["path"] for page in obstore.list(store) for each in page] == [name]
    obstore.copy(store, name, f"copy/{name}")
    obstore.rename(store, f"copy/{name}", "renamed")
    assert bytes(obstore.get_range(store, "renamed", start=5, length=2)) == b"it"
    obstore.delete(store, [name, "renamed"])
    with pytest.raises(FileNotFoundError):
        obstore.get(store, name)


def test_obstore_creates_and_swaps_only_what_it_expects(store: GCSStore) -> None:
    made = obstore.put(store, "guarded", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "guarded", b"2", mode="create")
    swapped = obstore.put(store, "guarded", b"2", mode={"version": made["version"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, "guarded", b"3", mode={"version": made["version"]})
    assert bytes(obstore.get(store, "guarded", options={"if_match": swapped["e_tag"]}).bytes()) == b"2"
    with pytest.raises(PreconditionError):
        obstore.get(store, "guarded", options={"if_match": made["e_tag"]})
    with pytest.raises(AlreadyExistsError):
        obstore.copy(store, "guarded", "guarded", overwrite=False)


def test_obstore_lists_in_order_with_offset_and_delimiter(store: GCSStore) -> None:
    names = sorted(["a/1", "a/2", "a/b/3", "b", "c/4", "ä"], key=str.encode)
    for name in names:
        obstore.put(store, name, b"")
    assert [each["path"] for page in obstore.list(store) for each in page] == names
    assert [each["path"] for page in obstore.list(store, offset="a/2") for each in page] == names[2:]
    found = obstore.list_with_delimiter(store, "a")
    assert ([each["path"] for each in found["objects"]], found["common_prefixes"]) == (
        ["a/1", "a/2"],
        ["a/b"],
    )


def test_obstore_uploads_large_objects_in_parts(store: GCSStore, bucket: storage.Bucket) -> None:
    data = os.urandom(12 << 20)
    obstore.put(
        store, "parts", data, use_multipart=True, chunk_size=5 << 20, attributes={"Content-Type": "a/b"}
    )
    found = bucket.get_blob("parts")
    assert (found.size, found.content_type, found.md5_hash) == (len(data), "a/b", None)
    assert bytes(obstore.get(store, "parts").bytes()) == data
    assert found.download_as_bytes() == data


def test_parts_that_do_not_fit_are_refused(bucket: storage.Bucket, address: str) -> None:
    home = f"/{bucket.name}/parted"
    with Raw(address) as raw:
        identity = raw("POST", f"{home}?uploads").body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
        first = raw("PUT", f"{home}?partNumber=1&uploadId={identity}", b"small").headers["etag"]
        second = raw("PUT", f"{home}?partNumber=2&uploadId={identity}", b"last").headers["etag"]

        def complete(*parts: tuple[int, str]) -> int:
            listed = "".join(
                f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in parts
            )
            body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            return raw("POST", f"{home}?uploadId={identity}", body).status

        assert complete((1, first), (2, second)) == 400  # the first is too small
        assert complete((2, second), (1, first)) == 400
        assert complete((1, second)) == 400
        assert complete((3, first)) == 400
        assert complete() == 400
        assert raw("PUT", f"{home}?partNumber=0&uploadId={identity}", b"").status == 400
        assert not bucket.blob("parted").exists()
        assert complete((2, second)) == 200
        assert raw("PUT", f"{home}?partNumber=1&uploadId={identity}", b"").status == 404
    assert bucket.blob("parted").download_as_bytes() == b"last"


def test_headers_are_fields_and_fields_are_headers(bucket: storage.Bucket, address: str) -> None:
    headers = {
        "Content-Type": "text/plain",
        "Cache-Control": "no-store",
        "x-goog-meta-key": "value",
        "x-goog-storage-class": "COLDLINE",
        "x-goog-hash": "crc32c=rth90Q==",
    }
    with Raw(address) as raw:
        made = raw("PUT", f"/{bucket.name}/head", b"data", headers)
        assert (made.status, made.headers["etag"]) == (200, '"8d777f385d3dfec8815d20f7496026dc"')
        found = raw("HEAD", f"/{bucket.name}/head")
        assert found.headers["x-goog-meta-key"] == "value"
        assert found.headers["content-length"] == "4"
        assert found.headers["x-goog-generation"] == made.headers["x-goog-generation"]
        assert (
            raw("GET", f"/{bucket.name}/head", headers={"If-None-Match": made.headers["etag"]}).status == 304
        )
        assert raw("PUT", f"/{bucket.name}/head", b"datA", {"x-goog-hash": "crc32c=rth90Q=="}).status == 400
        wrong = raw("PUT", f"/{bucket.name}/head", b"", {"x-goog-if-generation-match": "0"})
        assert (wrong.status, b"<Code>PreconditionFailed</Code>" in wrong.body) == (412, True)
        missing = raw("GET", f"/{bucket.name}/none")
        assert (missing.status, b"<Code>NoSuchKey</Code>" in missing.body) == (404, True)
        assert b"<Code>NoSuchBucket</Code>" in raw("GET", "/no-such-bucket/none").body
        assert raw("DELETE", f"/{bucket.name}/head").status == 204
    assert list(bucket.list_blobs()) == []


def test_a_resumable_upload_begins_by_a_post(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        begun = raw("POST", f"/{bucket.name}/big", b"", {"x-goog-resumable": "start", "Content-Type": "a/b"})
        assert begun.status == 201
        url = urlsplit(begun.headers["location"])
        done = raw("PUT", f"{url.path}?{url.query}", b"data", {"Content-Range": "bytes 0-3/4"})
        assert (done.status, done.headers["x-goog-stored-content-length"]) == (200, "4")
    assert bucket.get_blob("big").content_type == "a/b"


@pytest.fixture(scope="module")
def signer() -> service_account.Credentials:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = {"client_email": "a@b.test", "private_key": key.decode(), "token_uri": "http://127.0.0.1/none"}
    return service_account.Credentials.from_service_account_info(info)


@pytest.mark.parametrize("version", ["v4", "v2"])
def test_a_signed_url_is_good_until_it_expires(
    bucket: storage.Bucket, address: str, signer: service_account.Credentials, version: str, clock: Clock
) -> None:
    now = datetime.fromtimestamp(clock() / 1_000_000, tz=UTC)
    options = {"version": version, "credentials": signer, "api_access_endpoint": f"http://{address}"}
    good = (
        {**options, "expiration": now + timedelta(hours=1)}
        if version == "v2"
        else {**options, "expiration": 3600}
    )
    blob = bucket.blob("signed/ü.txt")
    with Raw(address) as raw:

        def path(method: str) -> str:
            url = urlsplit(blob.generate_signed_url(method=method, **good))
            return f"{url.path}?{url.query}"

        put, get = path("PUT"), path("GET")
        assert raw("PUT", put, b"signed").status == 200
        assert raw("GET", get).body == b"signed"
        clock.ahead += 3601
        expired = raw("GET", get)
        assert (expired.status, b"<Code>ExpiredToken</Code>" in expired.body) == (400, True)
        assert raw("PUT", put, b"late").status == 400
        clock.ahead -= 3601
    assert blob.download_as_bytes() == b"signed"


@pytest.mark.parametrize("left_out", ["Date", "Expires", "Credential", "Algorithm", "SignedHeaders"])
def test_a_signed_url_without_all_of_its_parts_is_refused(
    bucket: storage.Bucket, address: str, left_out: str
) -> None:
    bucket.blob("signed").upload_from_string(b"x")
    parts = {
        "Date": "20300101T000000Z",
        "Expires": "60",
        "Credential": "c",
        "Algorithm": "a",
        "SignedHeaders": "host",
    }
    query = "&".join(f"X-Goog-{key}={quote(value)}" for key, value in parts.items() if key != left_out)
    with Raw(address) as raw:
        assert raw("GET", f"/{bucket.name}/signed?{query}&X-Goog-Signature=00").status == 400
