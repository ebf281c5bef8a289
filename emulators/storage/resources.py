"""The JSON resources of objects and buckets, as the service renders them."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from emulators.storage.model import Bucket, Version
from emulators.storage.retention import expiration
from emulators.storage.times import rfc3339

PROJECT_NUMBER = "123456789012"


def crc32c_text(value: int) -> str:
    return base64.b64encode(value.to_bytes(4, "big")).decode("ascii")


def md5_text(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def object_resource(version: Version, bucket: Bucket, base: str) -> dict[str, Any]:
    """`base` is the server's address, for the links."""
    path = f"b/{version.bucket}/o/{quote(version.name, safe='')}"
    created = rfc3339(version.created)
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{version.bucket}/{version.name}/{version.generation}",
        "selfLink": f"{base}/storage/v1/{path}",
        "mediaLink": f"{base}/download/storage/v1/{path}?generation={version.generation}&alt=media",
        "name": version.name,
        "bucket": version.bucket,
        "generation": str(version.generation),
        "metageneration": str(version.metageneration),
        "storageClass": version.storage_class,
        "size": str(version.content.size),
        "crc32c": crc32c_text(version.content.crc32c),
        "etag": version.etag,
        "timeCreated": created,
        "updated": created if version.updated == version.created else rfc3339(version.updated),
        "timeStorageClassUpdated": rfc3339(version.class_updated) if version.class_updated else created,
        "timeFinalized": created,
        **version.attributes,
    }
    if version.content.md5 is not None:
        resource["md5Hash"] = md5_text(version.content.md5)
    if version.components is not None:
        resource["componentCount"] = version.components
    _add_ends(resource, version, bucket)
    return resource


def _add_ends(resource: dict[str, Any], version: Version, bucket: Bucket) -> None:
    if version.archived is not None:
        resource["timeDeleted"] = rfc3339(version.archived)
    if version.soft_deleted is not None and version.hard_delete is not None:
        resource["softDeleteTime"] = rfc3339(version.soft_deleted)
        resource["hardDeleteTime"] = rfc3339(version.hard_delete)
    if bucket.retention or "retention" in version.attributes:
        until = expiration(version, bucket)
        if until is not None:
            resource["retentionExpirationTime"] = rfc3339(until)


def bucket_resource(bucket: Bucket, base: str) -> dict[str, Any]:
    """`base` is the server's address, for the link."""
    resource: dict[str, Any] = {
        "kind": "storage#bucket",
        "selfLink": f"{base}/storage/v1/b/{bucket.name}",
        "id": bucket.name,
        "name": bucket.name,
        "projectNumber": PROJECT_NUMBER,
        "generation": str(bucket.generation),
        "metageneration": str(bucket.metageneration),
        "etag": bucket.etag,
        "timeCreated": rfc3339(bucket.created),
        "updated": rfc3339(bucket.updated),
        **bucket.attributes,
    }
    if bucket.object_retention:
        resource["objectRetention"] = {"mode": "Enabled"}
    return resource
