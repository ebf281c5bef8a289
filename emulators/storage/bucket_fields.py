"""The fields of a bucket's resource that clients write: defaults, checks, and how they merge."""

from __future__ import annotations

from typing import Any

from emulators.storage.attributes import check_class
from emulators.storage.model import Attributes
from emulators.storage.refusal import forbidden, invalid, unsupported
from emulators.storage.times import rfc3339

# Kept and given back, when they have the right shape; those with a meaning here are checked below.
_KEPT: dict[str, type] = {
    "autoclass": dict,
    "billing": dict,
    "cors": list,
    "customPlacementConfig": dict,
    "defaultEventBasedHold": bool,
    "encryption": dict,
    "hierarchicalNamespace": dict,
    "iamConfiguration": dict,
    "ipFilter": dict,
    "labels": dict,
    "lifecycle": dict,
    "location": str,
    "logging": dict,
    "retentionPolicy": dict,
    "rpo": str,
    "softDeletePolicy": dict,
    "storageClass": str,
    "versioning": dict,
    "website": dict,
}
_FIXED = ("location", "customPlacementConfig", "hierarchicalNamespace")
_WIDE = frozenset({"US", "EU", "ASIA"})
_DUAL = frozenset({"ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4"})
_ENFORCED = (
    "googleManagedEncryptionEnforcementConfig",
    "customerManagedEncryptionEnforcementConfig",
    "customerSuppliedEncryptionEnforcementConfig",
)
_RETENTION_MOST = 3_155_760_000
_SOFT_LEAST, _SOFT_MOST = 7 * 86_400, 90 * 86_400


def new_attributes(resource: dict[str, Any], now: int, soft_delete: int) -> Attributes:
    """A new bucket's fields. Refused when one is not valid."""
    wanted = _pick(resource)
    location = str(wanted.get("location") or "US").upper()
    defaults: Attributes = {
        "location": location,
        "locationType": _location_type(location, wanted),
        "storageClass": "STANDARD",
        "softDeletePolicy": {"retentionDurationSeconds": str(soft_delete), "effectiveTime": rfc3339(now)},
    }
    if defaults["locationType"] != "region":
        defaults["rpo"] = "DEFAULT"
    return _checked({**defaults, **wanted, "location": location}, defaults, now)


def _location_type(location: str, wanted: Attributes) -> str:
    if location in _DUAL or (wanted.get("customPlacementConfig") or {}).get("dataLocations"):
        return "dual-region"
    return "multi-region" if location in _WIDE else "region"


def merged_attributes(old: Attributes, patch: dict[str, Any], now: int, *, replacing: bool) -> Attributes:
    """A bucket's fields after a change: nested objects merge, null removes. Refused when one is not valid."""
    wanted = _pick(patch)
    for name in _FIXED:
        if name in wanted and wanted[name] != old.get(name):
            raise invalid(f"A bucket's {name} cannot be changed.")
    kept = {
        name: old[name]
        for name in (*_FIXED, "locationType", "rpo", "storageClass", "softDeletePolicy")
        if name in old
    }
    merged = {**kept, **wanted} if replacing else _merge(old, wanted)
    for name in ("storageClass", "softDeletePolicy"):
        if merged.get(name) is None:
            merged[name] = old[name]
    return _checked({**merged, "location": old["location"]}, old, now)


def _pick(resource: dict[str, Any]) -> Attributes:
    if resource.get("acl") or resource.get("defaultObjectAcl"):
        raise unsupported("An access control list")
    if resource.get("hierarchicalNamespace") not in (None, {}, {"enabled": False}):
        raise unsupported("A hierarchical namespace")
    wanted = {name: resource[name] for name in _KEPT if name in resource}
    for name, value in wanted.items():
        if value is not None and not isinstance(value, _KEPT[name]):
            raise invalid(f"Invalid value for {name}")
    encryption = wanted.get("encryption") or {}
    if encryption.get("defaultKmsKeyName"):
        raise unsupported("Encryption with a customer's key")
    if any(encryption.get(name) for name in _ENFORCED):
        raise unsupported("Enforcement of encryption")
    if (wanted.get("ipFilter") or {}).get("mode", "Disabled") != "Disabled":
        raise unsupported("Filtering by IP address")
    return wanted


def _merge(old: Any, patch: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(patch, dict):
        return patch
    merged = {**old}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(old.get(name), value)
    return merged


def _checked(wanted: Attributes, old: Attributes, now: int) -> Attributes:
    attributes = {name: value for name, value in wanted.items() if value is not None}
    attributes["storageClass"] = check_class(attributes.get("storageClass"), "STANDARD")
    attributes["iamConfiguration"] = _iam_configuration(attributes.get("iamConfiguration"))
    attributes["softDeletePolicy"] = _soft_delete(
        attributes["softDeletePolicy"], old.get("softDeletePolicy"), now
    )
    retention = check_policy(old.get("retentionPolicy"), attributes.pop("retentionPolicy", None), now)
    if retention:
        attributes["retentionPolicy"] = retention
    if "autoclass" in attributes:
        attributes["autoclass"] = _autoclass(attributes["autoclass"], old.get("autoclass") or {}, now)
    if not isinstance(attributes.get("versioning", {}).get("enabled", False), bool):
        raise invalid("Invalid value for versioning")
    return attributes


def _iam_configuration(value: Any) -> Attributes:
    wanted = value or {}
    if wanted.get("publicAccessPrevention", "inherited") not in ("inherited", "unspecified", "enforced"):
        raise invalid("Invalid value for publicAccessPrevention: it is inherited or enforced")
    uniform = {"uniformBucketLevelAccess": {"enabled": False}, "bucketPolicyOnly": {"enabled": False}}
    return {"publicAccessPrevention": "inherited", **uniform, **wanted}


def _autoclass(wanted: Attributes, old: Attributes, now: int) -> Attributes:
    """The setting alone: classes of objects do not change by themselves here."""
    enabled = wanted.get("enabled", False)
    if not isinstance(enabled, bool):
        raise invalid("Invalid value for autoclass")
    toggled = rfc3339(now) if enabled != old.get("enabled", False) else old.get("toggleTime", rfc3339(now))
    if not enabled:
        return {"enabled": False, "toggleTime": toggled}
    terminal = wanted.get("terminalStorageClass", "NEARLINE")
    if terminal not in ("NEARLINE", "ARCHIVE"):
        raise invalid("Invalid value for autoclass.terminalStorageClass: it is NEARLINE or ARCHIVE")
    same = terminal == old.get("terminalStorageClass")
    return {
        "enabled": True,
        "toggleTime": toggled,
        "terminalStorageClass": terminal,
        "terminalStorageClassUpdateTime": old["terminalStorageClassUpdateTime"] if same else rfc3339(now),
    }


def _seconds(value: Any, name: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise invalid(f"Invalid value for {name}: {text[:100]}")
    return int(text)


def _soft_delete(value: Any, old: Any, now: int) -> Attributes:
    seconds = _seconds(value.get("retentionDurationSeconds", 0), "softDeletePolicy.retentionDurationSeconds")
    if old and seconds == int(old["retentionDurationSeconds"]):
        return dict(old)
    if seconds and not _SOFT_LEAST <= seconds <= _SOFT_MOST:
        raise invalid("The softDeletePolicy's duration is 0, or from 7 to 90 days.")
    return {"retentionDurationSeconds": str(seconds), "effectiveTime": rfc3339(now)}


def check_policy(old: Any, new: Any, now: int) -> Attributes | None:
    """The retention policy after a change. Refused when the old one is locked and the new one is weaker."""
    period = _seconds((new or {}).get("retentionPeriod", 0), "retentionPolicy.retentionPeriod")
    if period > _RETENTION_MOST:
        raise invalid("The retentionPeriod is at most 100 years.")
    before = int(old["retentionPeriod"]) if old else 0
    if old and old.get("isLocked") and period < before:
        raise forbidden("The bucket's retention policy is locked: it cannot be removed or shortened.")
    if not period:
        return None
    if old and period == before:
        return dict(old)
    changed = {"retentionPeriod": str(period), "effectiveTime": rfc3339(now)}
    return {**changed, "isLocked": True} if old and old.get("isLocked") else changed
