"""The fields of an object's resource that clients write: which there are, what they may hold, and how they merge."""

from __future__ import annotations

from typing import Any

from emulators.storage.model import Attributes
from emulators.storage.refusal import invalid, unsupported
from emulators.storage.times import exact, parse_time

CLASSES = frozenset(
    {
        "STANDARD",
        "NEARLINE",
        "COLDLINE",
        "ARCHIVE",
        "MULTI_REGIONAL",
        "REGIONAL",
        "DURABLE_REDUCED_AVAILABILITY",
    }
)
_TEXTS = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType")
_HOLDS = ("temporaryHold", "eventBasedHold")
WRITABLE = (*_TEXTS, *_HOLDS, "metadata", "customTime", "retention")
_KEY_MOST, _VALUE_MOST, _METADATA_MOST = 1024, 4096, 8192


def writable(resource: dict[str, Any], *, keep_none: bool = False) -> Attributes:
    """The valid writable fields of a resource; `keep_none` keeps the nulls, which in a patch remove a field.

    Refused for values that are not what the field holds, and for access control lists, which are not kept here.
    """
    if resource.get("acl"):
        raise unsupported("An access control list")
    if resource.get("contexts"):
        raise unsupported("Object contexts")
    found: Attributes = {}
    for name in WRITABLE:
        if name in resource and (keep_none or resource[name] is not None):
            found[name] = _checked(name, resource[name])
    return found


def _checked(name: str, value: Any) -> Any:
    if value is None or name == "retention":
        return value
    if name == "metadata":
        return _check_metadata(value)
    if name == "customTime":
        return exact(parse_time(value, name))
    if name in _HOLDS:
        if not isinstance(value, bool):
            raise invalid(f"Invalid value for {name}: it is true or false")
        return value
    if not isinstance(value, str) or "\r" in value or "\n" in value:
        raise invalid(f"Invalid value for {name}")
    return value


def _check_metadata(value: Any) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise invalid("Invalid value for metadata: it maps keys to text")
    for key, text in value.items():
        if text is not None and not isinstance(text, str):
            raise invalid("Invalid value for metadata: it maps keys to text")
        _check_pair(key, text or "")
    check_metadata_size(value)
    return value


def _check_pair(key: str, text: str) -> None:
    try:
        if not key or len(key.encode()) > _KEY_MOST:
            raise invalid(f"A metadata key has 1 to {_KEY_MOST} bytes.")
        if len(text.encode()) > _VALUE_MOST:
            raise invalid(f"A metadata value has at most {_VALUE_MOST} bytes.")
    except UnicodeEncodeError:
        raise invalid("Metadata must be valid UTF-8.") from None


def check_metadata_size(metadata: dict[str, str | None]) -> None:
    size = sum(len(key.encode()) + len(text.encode()) for key, text in metadata.items() if text is not None)
    if size > _METADATA_MOST:
        raise invalid(
            f"The total size of the object's custom metadata is {size} bytes, of at most {_METADATA_MOST}."
        )


def without_nulls(attributes: Attributes) -> Attributes:
    """Fields and metadata entries that are not null."""
    kept = {name: value for name, value in attributes.items() if value is not None}
    if "metadata" in kept:
        kept["metadata"] = {key: text for key, text in kept["metadata"].items() if text is not None}
        if not kept["metadata"]:
            del kept["metadata"]
    return kept


def patched(old: Attributes, patch: Attributes) -> Attributes:
    """`old` with the fields of `patch`, where null removes; metadata merges entry by entry."""
    merged = {**old, **patch}
    if patch.get("metadata") is not None:
        merged["metadata"] = {**old.get("metadata", {}), **patch["metadata"]}
        check_metadata_size(merged["metadata"])
    return without_nulls(merged)


def check_class(value: Any, default: str) -> str:
    """A storage class, `default` for none."""
    if value is None:
        return default
    if not isinstance(value, str) or value not in CLASSES:
        raise invalid(f"Invalid storage class: {str(value)[:100]}")
    return value
