"""What is kept: buckets, and the versions of their objects.

A version never changes: a metadata change puts a new one in its place, so that a reader sees one whole state.
"""

from __future__ import annotations

import base64
import heapq
from dataclasses import dataclass, field
from typing import Any

from sortedcontainers import SortedDict

from emulators.storage.content import Content

# The writable fields of a resource, as JSON, with the names and values that the client sees.
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One generation of an object at one metageneration. Times are microseconds since 1970."""

    bucket: str
    name: str
    generation: int
    content: Content
    attributes: Attributes
    storage_class: str
    created: int
    updated: int
    metageneration: int = 1
    class_updated: int = 0
    components: int | None = None
    hold_released: int | None = None  # the end of an event-based hold, from which retention counts
    archived: int | None = None  # when it stopped being the live version
    soft_deleted: int | None = None
    hard_delete: int | None = None

    @property
    def etag(self) -> str:
        return etag_of(self.generation, self.metageneration)


def etag_of(generation: int, metageneration: int) -> str:
    """As the service makes them: a small protobuf message of both numbers."""
    raw = b"\x08" + _varint(generation) + b"\x10" + _varint(metageneration)
    return base64.b64encode(raw).decode("ascii")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@dataclass(slots=True)
class Entry:
    """All that a name has: the live version if there is one, and the noncurrent ones, oldest first."""

    live: Version | None = None
    archived: list[Version] = field(default_factory=list)

    def versions(self) -> list[Version]:
        return self.archived if self.live is None else [*self.archived, self.live]

    def find(self, generation: int | None) -> Version | None:
        """The live version, or the one of that generation."""
        if generation is None or (self.live is not None and self.live.generation == generation):
            return self.live
        return next((each for each in self.archived if each.generation == generation), None)

    def replace(self, old: Version, new: Version) -> None:
        if self.live is old:
            self.live = new
        else:
            self.archived[self.archived.index(old)] = new

    def remove(self, old: Version) -> int | None:
        """Answers where it was among the noncurrent ones; None for the live one."""
        if self.live is old:
            self.live = None
            return None
        place = self.archived.index(old)
        del self.archived[place]
        return place

    def restore(self, old: Version, place: int | None) -> None:
        """Takes back a removal."""
        if place is None:
            self.live = old
        else:
            self.archived.insert(place, old)


@dataclass(slots=True)
class Bucket:
    """A bucket's own resource, and its objects in the order of their names' UTF-8."""

    name: str
    project: str
    attributes: Attributes
    generation: int
    created: int
    updated: int
    object_retention: bool = False
    metageneration: int = 1
    # Python orders text by code point, which is the order of its UTF-8 bytes.
    entries: Any = field(default_factory=SortedDict)  # name -> Entry
    soft: Any = field(default_factory=SortedDict)  # (name, generation) -> Version
    soft_ends: list[tuple[int, str, int]] = field(default_factory=list)  # a heap: when, name, generation
    policy: dict[str, Any] = field(default_factory=lambda: {"version": 1, "bindings": []})
    policy_changes: int = 0
    notifications: dict[str, Attributes] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return etag_of(self.metageneration, self.metageneration)

    def add_soft(self, version: Version) -> None:
        """A version that is soft-deleted."""
        assert version.hard_delete is not None
        self.soft[version.name, version.generation] = version
        heapq.heappush(self.soft_ends, (version.hard_delete, version.name, version.generation))

    @property
    def versioning(self) -> bool:
        return bool(self.attributes.get("versioning", {}).get("enabled"))

    @property
    def soft_delete(self) -> int:
        """Seconds that deleted objects are kept."""
        return int(self.attributes["softDeletePolicy"]["retentionDurationSeconds"])

    @property
    def retention(self) -> int:
        """Seconds that objects are kept from their creation."""
        return int(self.attributes.get("retentionPolicy", {}).get("retentionPeriod", 0))

    @property
    def storage_class(self) -> str:
        return str(self.attributes["storageClass"])
