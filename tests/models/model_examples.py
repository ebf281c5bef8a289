"""One good document of each of the specification's models, and ways to any place in them."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]

CREATED = datetime(2024, 3, 19, 3, 30, 0, 123456, UTC)

CONFIG: Document = {
    "automatic": {
        "enabled": True,
        "schedule": {"frequency": "daily", "time": "03:30", "timezone": "Europe/Berlin"},
        "retention": {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"},
        "storage": {"provider": "firebase", "path": "backups", "compression": True, "encryption": True},
    },
    "manual": {
        "enabled": True,
        "maxSize": 10_000_000_000,
        "formats": ["firekeep/1"],
        "validation": True,
        "encryption": True,
    },
    "recovery": {"enabled": True, "maxVersions": 3, "validation": True, "testing": True},
}

BACKUP: Document = {
    "id": "20240319-0330",
    "type": "automatic",
    "status": "completed",
    "metadata": {
        "createdAt": CREATED,
        "completedAt": datetime(2024, 3, 19, 3, 31, tzinfo=UTC),
        "size": 1_234,
        "items": 56,
        "format": "firekeep/1",
    },
    "content": {"entries": ["städte", "users/ü/orders"], "media": [], "settings": [], "users": []},
    "storage": {"provider": "local", "path": "/var/backups", "url": "file:///var/backups"},
    "validation": {"verified": True, "checksum": "ab" * 32, "errors": []},
}

RECOVERY: Document = {
    "id": "r1",
    "backupId": "20240319-0330",
    "status": "in_progress",
    "metadata": {"startedAt": CREATED, "items": 0, "size": 0},
    "content": {"entries": ["cities"], "media": [], "settings": [], "users": []},
    "validation": {"verified": False, "checksum": ""},
    "rollback": {"enabled": True, "point": CREATED, "status": "pending"},
}

STORAGE: Document = {
    "provider": "cloud",
    "settings": {"path": "bucket/backups", "maxSize": 0, "compression": True, "encryption": True},
    "rotation": {"enabled": True, "strategy": "time", "maxAge": 30, "maxSize": 0, "maxCount": 0},
    "monitoring": {"enabled": True, "alerts": True, "metrics": True, "logging": True},
}


def with_value(document: Document, path: str, value: object) -> Document:
    """A copy with another value at a dotted path."""
    copy = deepcopy(document)
    *outer, last = path.split(".")
    node = copy
    for name in outer:
        node = node[name]
    node[last] = value
    return copy


def without(document: Document, path: str) -> Document:
    """A copy without what is at a dotted path."""
    copy = deepcopy(document)
    *outer, last = path.split(".")
    node = copy
    for name in outer:
        node = node[name]
    del node[last]
    return copy


def paths(document: Document, below: str = "") -> list[str]:
    """The dotted paths of all fields, of maps too."""
    found = []
    for name, value in document.items():
        found.append(below + name)
        if isinstance(value, dict):
            found += paths(value, f"{below}{name}.")
    return found
