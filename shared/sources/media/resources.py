"""Objects as Cloud Storage tells them, to records and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import Corrupt, Unsupported
from shared.format.media import FLAGS, TEXTS, Media, encode, moment, spelled

_NUMBERS: Final = ("size", "generation", "metageneration")
_TIMES: Final = ("customTime", "timeCreated", "updated")
_ASKED: Final = (
    *("name", *_NUMBERS, *_TIMES, *TEXTS, *FLAGS),
    *("crc32c", "md5Hash", "metadata", "retention", "retentionExpirationTime", "customerEncryption"),
)
FIELDS: Final = ",".join(_ASKED)
"""What is asked of one object."""
LIST_FIELDS: Final = f"items({FIELDS}),nextPageToken"

Resource = Mapping[str, Any]


def record_of(resource: Resource) -> bytes:
    """The record of an object. Unsupported for one whose bytes only a customer's key opens."""
    if "customerEncryption" in resource:
        raise Unsupported(
            "reading a bucket: an object is encrypted with a key that only the customer has",
            hint="exclude the prefix it lies under",
        )
    return encode(Media(_fields(resource)))


def _fields(resource: Resource) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = {name: int(resource[name]) for name in _NUMBERS}
        fields["crc32c"] = resource["crc32c"]
    except (KeyError, TypeError, ValueError):
        raise Corrupt(
            "reading a bucket: an object is told without its size, generation or checksum"
        ) from None
    fields |= {name: resource[name] for name in (*TEXTS, "md5Hash") if name in resource}
    fields |= {name: True for name in FLAGS if resource.get(name)}
    fields |= {name: spelled(str(resource[name])) for name in _TIMES if name in resource}
    if resource.get("metadata"):
        fields["metadata"] = resource["metadata"]
    retention = resource.get("retention")
    if retention:
        until = spelled(str(retention.get("retainUntilTime")))
        fields["retention"] = {**retention, "retainUntilTime": until}
    return fields


def draft_of(media: Media, now: str) -> dict[str, Any]:
    """What makes an object like this record's: everything that a request may set. `now` is a time as records have it;
    a retention that has ended by then is left out, as the service takes none.
    """
    fields = media.fields
    draft: dict[str, Any] = {
        name: fields[name] for name in (*TEXTS, "metadata", "customTime") if name in fields
    }
    # A bucket may hold what is new unless it is told otherwise.
    draft |= {name: name in fields for name in FLAGS}
    retention = fields.get("retention")
    if retention and moment(retention["retainUntilTime"]) > moment(now):
        draft["retention"] = retention
    return draft


def patch_of(wanted: Media, live: Media, now: str) -> dict[str, Any]:
    """What turns the live object's fields into the wanted ones; None removes. The content stays."""
    draft = draft_of(wanted, now)
    names = ("metadata", *(name for name in TEXTS if name != "storageClass"))
    patch = {name: draft.get(name) for name in names if draft.get(name) != live.fields.get(name)}
    patch |= {name: draft[name] for name in FLAGS if draft[name] != (name in live.fields)}
    if wanted.fields.get("retention") != live.fields.get("retention"):
        # The service takes a retention away when each of its fields is null.
        patch["retention"] = draft.get("retention") or {"mode": None, "retainUntilTime": None}
    if draft.get("customTime") != live.fields.get("customTime"):
        patch["customTime"] = draft.get("customTime")
    if patch.get("metadata"):
        gone = live.fields.get("metadata", {}).keys() - draft["metadata"].keys()
        patch["metadata"] = {**draft["metadata"], **dict.fromkeys(gone)}
    return patch


def patchable(wanted: Media, live: Media) -> bool:
    """Whether a patch is enough. A storage class takes a rewrite, and so does a custom time that goes back."""
    if wanted.fields.get("storageClass") != live.fields.get("storageClass"):
        return False
    ours, theirs = wanted.fields.get("customTime"), live.fields.get("customTime")
    return theirs is None or (ours is not None and moment(ours) >= moment(theirs))
