"""A snapshot's manifest: what was backed up, when, and the roots it can be restored from.

Stored as magic "FKSNAP", version u16, then canonical JSON sealed as metadata with the snapshot's id bound to it, so one
snapshot cannot be passed off as another. Instants are UTC with microseconds; roots are id, level, count, size.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.errors import Corrupt, Unsupported
from shared.format.canonical import JsonObject, decode, encode, instant_text, only, parse_instant
from shared.format.node import Root
from shared.format.seal import Sealer

VERSION: Final = 1
MAGIC: Final = b"FKSNAP"
HEADER: Final = struct.pack("<6sH", MAGIC, VERSION)
LABEL: Final = b"firekeep/1/snapshot/"


@dataclass(frozen=True)
class Selected:
    """Patterns of names: what `include` means, or everything, but for what `exclude` means."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """One snapshot. Written last; everything it names was durable before it."""

    id: str
    at: datetime
    """The instant the content is of."""
    created: datetime
    """When it was committed."""
    parent: str | None
    """The snapshot it was compared with while it was made; not needed to restore."""
    project: str
    database: str
    roots: Mapping[str, Root]
    """By content name, as `entries`."""
    selection: Mapping[str, Selected] = field(default_factory=dict)
    """What it covers, by content; a content that has a root and is not here is covered whole."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Records left out on purpose, by first path segment."""
    skew: Mapping[str, float] = field(default_factory=dict)
    """Seconds between `at` and the last read, by source that cannot be read at an instant."""
    statistics: Mapping[str, int | float] = field(default_factory=dict)
    backup: Mapping[str, Any] = field(default_factory=dict)
    """The `Backup` document of the catalog, as camelCase JSON."""

    @property
    def place(self) -> str:
        """Project and database in a word."""
        return f"{self.project}/{self.database}"


def encode_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON. Internal when a field has no exact JSON form."""
    return encode(
        {
            "id": manifest.id,
            "at": instant_text(manifest.at),
            "created": instant_text(manifest.created),
            "parent": manifest.parent,
            "source": {"project": manifest.project, "database": manifest.database},
            "roots": {name: _root_json(root) for name, root in manifest.roots.items()},
            "selection": {
                name: {"include": list(one.include), "exclude": list(one.exclude)}
                for name, one in manifest.selection.items()
            },
            "excluded": dict(manifest.excluded),
            "skew": {name: float(seconds) for name, seconds in manifest.skew.items()},
            "statistics": dict(manifest.statistics),
            "backup": dict(manifest.backup),
        }
    )


def decode_manifest(data: bytes, what: str) -> Manifest:
    """The inverse; Corrupt, naming `what`, for anything `encode_manifest` would not write."""
    value = only(decode(data, what), _FIELDS, what)
    source = only(value["source"], {"project", "database"}, what)
    parent = value["parent"]
    try:
        return Manifest(
            id=_text(value["id"]),
            at=parse_instant(value["at"], what),
            created=parse_instant(value["created"], what),
            parent=None if parent is None else _text(parent),
            project=_text(source["project"]),
            database=_text(source["database"]),
            roots={name: _root(root, what) for name, root in value["roots"].items()},
            selection={name: _selected(one, what) for name, one in value["selection"].items()},
            excluded={name: _number(count, int) for name, count in value["excluded"].items()},
            skew={name: _number(seconds, float) for name, seconds in value["skew"].items()},
            statistics={name: _number(number, int, float) for name, number in value["statistics"].items()},
            backup=_object(value["backup"]),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise Corrupt(f"{what} is damaged: {error}") from None


def seal_manifest(manifest: Manifest, sealer: Sealer) -> bytes:
    """The object's bytes."""
    return HEADER + sealer.seal_metadata(LABEL + manifest.id.encode(), encode_manifest(manifest))


def open_manifest(snapshot_id: str, data: bytes, sealer: Sealer) -> Manifest:
    """The manifest of that snapshot. Corrupt when damaged or another's, Unsupported for a future version."""
    what = f"snapshot {snapshot_id}"
    if data[:6] != MAGIC or len(data) < len(HEADER):
        raise Corrupt(f"{what} is damaged: it does not start as a snapshot does")
    if data[:8] != HEADER:
        raise Unsupported(f"{what} has a version this release does not know", hint="update firekeep")
    manifest = decode_manifest(sealer.open_metadata(LABEL + snapshot_id.encode(), data[8:], what), what)
    if manifest.id != snapshot_id:
        raise Corrupt(f"{what} is damaged: inside it is named differently")
    return manifest


_FIELDS: Final = {
    "id", "at", "created", "parent", "source", "roots", "selection", "excluded", "skew", "statistics", "backup",
}  # fmt: skip


def _root_json(root: Root) -> JsonObject:
    return {"id": root.id.hex(), "level": root.level, "count": root.count, "size": root.size}


def _root(value: JsonObject, what: str) -> Root:
    only(value, {"id", "level", "count", "size"}, what)
    root_id = bytes.fromhex(_text(value["id"]))
    if len(root_id) != 32 or root_id.hex() != value["id"]:
        raise ValueError("a root's id is not 32 bytes of hexadecimal digits")
    return Root(root_id, *(_number(value[name], int) for name in ("level", "count", "size")))


def _selected(value: JsonObject, what: str) -> Selected:
    only(value, {"include", "exclude"}, what)
    return Selected(*(tuple(_text(pattern) for pattern in value[name]) for name in ("include", "exclude")))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text field holds something else")
    return value


def _number(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise TypeError("a number field holds something else")
    return value


def _object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError("an object field holds something else")
    return value
