"""Whatever is asked, the emulator answers, and never with a fault of its own."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.cloud import storage
from storage_helpers import Raw

OBJECTS = ["a", "a", "a", "b", "a%2Fb", "%ff", ""]
PATHS = [
    ("GET POST", "/storage/v1/b"),
    ("GET PUT PATCH", "/storage/v1/b/{b}"),
    ("GET POST", "/storage/v1/b/{b}/o"),
    ("GET PUT PATCH DELETE", "/storage/v1/b/{b}/o/{o}"),
    ("POST", "/storage/v1/b/{b}/o/{o}/compose"),
    ("POST", "/storage/v1/b/{b}/o/{o}/copyTo/b/{b}/o/{o}"),
    ("POST", "/storage/v1/b/{b}/o/{o}/rewriteTo/b/{b}/o/{o}"),
    ("POST", "/storage/v1/b/{b}/o/{o}/moveTo/o/{o}"),
    ("POST", "/storage/v1/b/{b}/o/{o}/restore"),
    ("GET PUT", "/storage/v1/b/{b}/iam"),
    ("POST", "/storage/v1/b/{b}/lockRetentionPolicy"),
    ("GET POST", "/storage/v1/b/{b}/notificationConfigs"),
    ("POST PUT", "/upload/storage/v1/b/{b}/o"),
    ("GET", "/download/storage/v1/b/{b}/o/{o}"),
    ("POST", "/batch/storage/v1"),
    ("GET POST", "/v0/b/{b}/o"),
    ("GET POST PATCH DELETE", "/v0/b/{b}/o/{o}"),
    ("GET HEAD", "/{b}"),
    ("GET HEAD PUT POST DELETE", "/{b}/{o}"),
]
PARAMETERS = [
    "ifGenerationMatch", "ifMetagenerationNotMatch", "generation", "softDeleted", "versions", "prefix", "delimiter",
    "pageToken", "maxResults", "matchGlob", "fields", "alt", "uploadType", "name", "upload_id", "uploadId", "uploads",
    "partNumber", "token", "project", "sourceGeneration", "rewriteToken", "maxBytesRewrittenPerCall",
    "X-Goog-Signature", "X-Goog-Date", "Expires", "Signature", "GoogleAccessId", "overrideUnlockedRetention",
    "continuation-token", "max-keys", "startOffset", "contentEncoding",
]  # fmt: skip
VALUES = ["0", "1", "-1", "x", "", "true", "9" * 20, "%C2%B2", "a", "/", "media", "multipart", "resumable"]
HEADERS = [
    "range", "content-range", "x-goog-hash", "content-md5", "if-match", "if-none-match", "if-modified-since",
    "x-goog-copy-source", "x-goog-if-generation-match", "x-goog-upload-protocol", "x-goog-upload-command",
    "x-goog-upload-offset", "content-type", "x-goog-resumable", "x-goog-meta-a", "accept-encoding",
    "x-upload-content-length", "x-goog-custom-time", "x-goog-storage-class",
]  # fmt: skip
TEXTS = [
    "bytes=0-1", "bytes=-1", "bytes 0-0/1", "bytes */*", "crc32c=AAAA", "\xb2", "*", "start", "upload, finalize",
    "query", "resumable", "multipart", "multipart/related; boundary=x", "/{b}/a", "0", "gzip", "",
    "Mon, 01 Jan 2024 00:00:00 GMT",
]  # fmt: skip
FIELDS = [
    "metadata", "contentType", "retention", "temporaryHold", "customTime", "storageClass", "name", "versioning",
    "softDeletePolicy", "retentionPolicy", "labels", "iamConfiguration", "location", "sourceObjects", "destination",
    "bindings", "etag", "topic", "payload_format", "cors", "encryption", "hierarchicalNamespace", "crc32c", "md5Hash",
    "acl", "contexts", "defaultEventBasedHold",
]  # fmt: skip
JSON: list[Any] = [
    None, True, 0, -1, 1.5, "x", "", "2090-01-01T00:00:00Z", [], {}, [1], [{"name": "a"}], {"a": "b"}, {"a": [1]},
    {"enabled": True}, {"retentionDurationSeconds": 0}, {"retentionDurationSeconds": []}, {"retentionPeriod": {}},
    {"mode": [], "retainUntilTime": []}, {"mode": "Unlocked", "retainUntilTime": "2090-01-01T00:00:00Z"},
    {"publicAccessPrevention": []}, {"defaultKmsKeyName": 1}, "projects/p/topics/t", [{"role": "r"}], "NONE",
]  # fmt: skip
BODIES = [
    b"",
    b"data",
    b'--x\r\n\r\n{"name":"a"}\r\n--x\r\n\r\nz\r\n--x--',
    b"--x\nContent-Type: application/http\n\nGET /storage/v1/b/{b} HTTP/1.1\n\n\n--x\n\n\n--x--",
    b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>",
]


@pytest.mark.parametrize("seed", range(8))
def test_no_request_finds_a_fault(bucket: storage.Bucket, address: str, seed: int) -> None:
    chance = random.Random(seed)
    with Raw(address) as raw:
        for turn in range(400):
            if turn % 20 == 0:
                bucket.blob("a").upload_from_string(b"data")
            methods, path = chance.choice(PATHS)
            while "{o}" in path:
                path = path.replace("{o}", chance.choice(OBJECTS), 1)
            query = "&".join(
                f"{chance.choice(PARAMETERS)}={chance.choice(VALUES)}" for _ in range(chance.randrange(3))
            )
            headers = {chance.choice(HEADERS): chance.choice(TEXTS) for _ in range(chance.randrange(3))}
            fields = {chance.choice(FIELDS): chance.choice(JSON) for _ in range(chance.randrange(1, 3))}
            body = chance.choice([*BODIES, *[json.dumps(fields).encode()] * 4])
            call = (
                chance.choice(methods.split()),
                f"{path.replace('{b}', bucket.name)}?{query}",
                body,
                headers,
            )
            assert raw(*call).status != 500, call
