"""Which stored file an event is about: its bucket and its name, nothing else is believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from shared.errors import BadInput
from shared.format.flat import encode


def key_of_event(event: object, buckets: Collection[str]) -> bytes:
    """The file's key. `event` has a `bucket` and a `name`, as attributes or as a mapping: a Cloud Storage event's data.

    BadInput when it does not, or the bucket is not one that is backed up.
    """
    if isinstance(event, Mapping):
        bucket, name = event.get("bucket"), event.get("name")
    else:
        bucket, name = getattr(event, "bucket", None), getattr(event, "name", None)
    if not isinstance(bucket, str) or not isinstance(name, str):
        raise BadInput("reading an event: it does not say which bucket and which object it is about")
    if bucket not in buckets:
        raise BadInput("reading an event: it is about a bucket that is not backed up")
    return encode(bucket, name)
