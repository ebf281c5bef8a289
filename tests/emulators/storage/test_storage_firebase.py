"""The Firebase client SDKs' endpoint, as they speak to it."""

from __future__ import annotations

import json
import os
from urllib.parse import quote

from google.cloud import storage
from storage_helpers import Raw


def uploaded(raw: Raw, bucket: storage.Bucket, name: str, data: bytes) -> dict[str, str]:
    metadata = json.dumps({"name": name, "contentType": "image/png", "metadata": {"a": "b"}}).encode()
    body = b"--x\r\nContent-Type: application/json\r\n\r\n" + metadata + b"\r\n--x\r\n"
    body += b"Content-Type: image/png\r\n\r\n" + data + b"\r\n--x--"
    headers = {"X-Goog-Upload-Protocol": "multipart", "Content-Type": "multipart/related; boundary=x"}
    answer = raw("POST", f"/v0/b/{bucket.name}/o?name={quote(name, safe='')}", body, headers)
    assert answer.status == 200
    return dict(answer.json)


def test_a_download_url_needs_its_token_and_lasts_as_long_as_it(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        made = uploaded(raw, bucket, "users/ü 1.png", b"png")
        token, path = made["downloadTokens"], f"/v0/b/{bucket.name}/o/{quote('users/ü 1.png', safe='')}"
        good = raw("GET", f"{path}?alt=media&token={token}", headers={"Origin": "http://app.test"})
        assert (good.status, good.body, good.headers["content-type"]) == (200, b"png", "image/png")
        assert good.headers["access-control-allow-origin"] == "*"
        assert raw("GET", f"{path}?alt=media&token=wrong").status == 403
        blob = bucket.get_blob("users/ü 1.png")
        assert blob.metadata == {"a": "b", "firebaseStorageDownloadTokens": token}
        blob.metadata = {"firebaseStorageDownloadTokens": "other,another"}
        blob.patch()
        assert raw("GET", f"{path}?alt=media&token={token}").status == 403
        assert raw("GET", f"{path}?alt=media&token=another").status == 200


def test_metadata_is_read_and_changed_but_never_the_tokens(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        made = uploaded(raw, bucket, "m.png", b"png")
        path = f"/v0/b/{bucket.name}/o/m.png"
        change = {"cacheControl": "no-store", "metadata": {"c": "d", "firebaseStorageDownloadTokens": "mine"}}
        changed = raw("PATCH", path, change).json
        assert (changed["metadata"], changed["cacheControl"]) == ({"a": "b", "c": "d"}, "no-store")
        assert raw("GET", path).json["downloadTokens"] == made["downloadTokens"]
        assert raw("DELETE", path).status == 204
        assert raw("GET", path).status == 404


def test_a_resumable_upload_goes_on_where_it_stopped(bucket: storage.Bucket, address: str) -> None:
    data = os.urandom(600_000)
    with Raw(address) as raw:
        begun = raw(
            "POST",
            f"/v0/b/{bucket.name}/o?name=big",
            {"contentType": "a/b"},
            {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"},
        )
        url = begun.headers["x-goog-upload-url"].removeprefix(f"http://{address}")
        first = {"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "0"}
        assert raw("POST", url, data[:262_144], first).headers["x-goog-upload-status"] == "active"
        asked = raw("POST", url, b"", {"X-Goog-Upload-Command": "query"})
        assert asked.headers["x-goog-upload-size-received"] == "262144"
        last = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "262144"}
        done = raw("POST", url, data[262_144:], last)
        assert (done.headers["x-goog-upload-status"], done.json["size"]) == ("final", "600000")
        assert done.json["downloadTokens"]
    assert bucket.blob("big").download_as_bytes() == data


def test_a_listing_names_items_and_prefixes(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        for name in ("a/1", "a/2", "b"):
            uploaded(raw, bucket, name, b"")
        found = raw("GET", f"/v0/b/{bucket.name}/o?delimiter=/").json
        assert found == {"prefixes": ["a/"], "items": [{"name": "b", "bucket": bucket.name}]}
        page = raw("GET", f"/v0/b/{bucket.name}/o?prefix=a/&maxResults=1").json
        rest = raw("GET", f"/v0/b/{bucket.name}/o?prefix=a/&pageToken={page['nextPageToken']}").json
        assert [each["name"] for each in (*page["items"], *rest["items"])] == ["a/1", "a/2"]


def test_browsers_may_ask_first(bucket: storage.Bucket, address: str) -> None:
    headers = {"Origin": "http://app.test", "Access-Control-Request-Headers": "x-goog-upload-command"}
    with Raw(address) as raw:
        answer = raw("OPTIONS", f"/v0/b/{bucket.name}/o", headers=headers)
    assert (answer.status, answer.headers["access-control-allow-headers"]) == (204, "x-goog-upload-command")
