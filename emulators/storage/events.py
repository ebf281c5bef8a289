"""Changes of objects as CloudEvents over HTTP, in binary mode, at least once and in order, as the service sends them.

The data is a `google.events.cloud.storage.v1.StorageObjectData` as JSON: the object's resource, without what that
message has no field for. https://cloud.google.com/eventarc/docs/cloudevents
"""

from __future__ import annotations

import json
import uuid

from emulators.posting import EventPoster, binary_headers
from emulators.storage.changes import Change

_KINDS = {
    "finalize": "finalized",
    "delete": "deleted",
    "archive": "archived",
    "metadataUpdate": "metadataUpdated",
}
_DATA_FIELDS = (
    *("contentEncoding", "contentDisposition", "cacheControl", "contentLanguage", "contentType"),
    *("kind", "id", "name", "bucket", "generation", "metageneration", "size", "storageClass", "metadata"),
    *("crc32c", "md5Hash", "etag", "componentCount", "kmsKeyName", "customerEncryption"),
    *("mediaLink", "selfLink", "timeCreated", "updated", "timeDeleted", "timeStorageClassUpdated"),
    *("temporaryHold", "eventBasedHold", "retentionExpirationTime"),
)


def event_attributes(change: Change, identity: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": identity,
        "type": f"google.cloud.storage.object.v1.{_KINDS[change.kind]}",
        "source": f"//storage.googleapis.com/projects/_/buckets/{change.bucket}",
        "subject": f"objects/{change.name}",
        "time": change.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "bucket": change.bucket,
    }


def event_data(change: Change) -> bytes:
    resource = change.resource
    data = {name: resource[name] for name in _DATA_FIELDS if name in resource}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


class Poster(EventPoster):
    """Posts changes of objects."""

    def __call__(self, change: Change) -> None:
        """Post the change until it is taken."""
        attributes = event_attributes(change, str(uuid.uuid4()))
        self.deliver(binary_headers(attributes, "application/json"), event_data(change))
